"""opt_einsum's own tests of its JAX backend, with ours as that backend's functions."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from opt_einsum.backends import dispatch
from opt_einsum.tests import test_backends as theirs

import einroute as er
from tests.kinds.jax.helpers import jax

NAMES = ("einsum", "tensordot")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Ours in place, for arrays that are known as jax's and as jaxlib's; how often each was called."""
    counted: Counter[str] = Counter()

    def counting(name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            counted[name] += 1
            return getattr(er, name)(*args, **kwargs)

        return call

    for name in NAMES:
        for backend in ("jax", "jaxlib"):
            monkeypatch.setitem(dispatch._cached_funcs, (name, backend), counting(name))
    return counted


def test_expressions(calls: Counter[str]) -> None:
    for subscripts in theirs.tests:
        theirs.test_jax(subscripts)
    assert all(calls[name] for name in NAMES)


@pytest.mark.parametrize("constants", [{0, 1}, {0, 2}, {1, 2}])
def test_constants(calls: Counter[str], constants: set[int]) -> None:
    theirs.test_jax_with_constants(constants)
    assert calls.total()


def test_jit_and_gradients(calls: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # Since pytest 9 its approx asks arrays of JAX's for ``flat``, which they lack.
    approx = pytest.approx
    monkeypatch.setattr(pytest, "approx", lambda value, **options: approx(float(value), **options))
    theirs.test_jax_jit_gradient()
    assert calls.total()
    assert jax is not None
