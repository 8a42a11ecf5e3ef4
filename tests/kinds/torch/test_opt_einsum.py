"""opt_einsum's own tests of its torch backend, with ours as that backend's functions."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from opt_einsum.backends import dispatch
from opt_einsum.tests import test_backends as theirs

import einroute as er
from tests.kinds.torch.helpers import torch

NAMES = ("einsum", "tensordot")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Ours in place; how often each was called."""
    assert torch is not None
    counted: Counter[str] = Counter()

    def counting(name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            counted[name] += 1
            return getattr(er, name)(*args, **kwargs)

        return call

    for name in NAMES:
        monkeypatch.setitem(dispatch._cached_funcs, (name, "torch"), counting(name))
    return counted


def test_expressions(calls: Counter[str]) -> None:
    for subscripts in theirs.tests:
        theirs.test_torch(subscripts)
    assert all(calls[name] for name in NAMES)


@pytest.mark.parametrize("constants", [{0, 1}, {0, 2}, {1, 2}])
def test_constants(calls: Counter[str], constants: set[int]) -> None:
    theirs.test_torch_with_constants(constants)
    assert calls.total()
