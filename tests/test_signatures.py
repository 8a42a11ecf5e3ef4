"""Our signatures are NumPy's: same parameters, kinds and defaults (annotations are ours to add)."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import numpy as np
import pytest

import einroute as er

FLAT = ("einsum", "einsum_path", "tensordot", "dot", "matmul", "inner", "vdot", "outer", "vecdot")
LINALG = ("multi_dot", "tensordot", "matmul", "vecdot", "outer")
UFUNCS = ("matmul", "vecdot")

# Older NumPys give no signature for what is written in C. There ours is the one that NumPy 2.4 gives.
_UFUNC = (
    "(x1, x2, /, out=None, *, axes=<no value>, axis=<no value>, keepdims=False, casting='same_kind', "
    "order='K', dtype=None, subok=True, signature=None)"
)
OF_NUMPY_2_4 = {
    "dot": "(a, b, out=None)",
    "inner": "(a, b, /)",
    "vdot": "(a, b, /)",
    "matmul": _UFUNC,
    "vecdot": _UFUNC,
}

# Where ours differs from the installed NumPy's, and why. None does.
EXCEPTIONS: dict[str, str] = {}


def _parameters(signature: inspect.Signature) -> list[tuple[str, Any, Any]]:
    return [(one.name, one.kind, one.default) for one in signature.parameters.values()]


def _bare(signature: inspect.Signature) -> str:
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()]
    return str(inspect.Signature(bare))


def _numpys(function: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):
        return None


def _pairs() -> list[Any]:
    flat = [pytest.param(name, getattr(er, name), getattr(np, name), id=name) for name in FLAT]
    return flat + [
        pytest.param(f"linalg.{one}", getattr(er.linalg, one), getattr(np.linalg, one), id=f"linalg.{one}")
        for one in LINALG
    ]


@pytest.mark.parametrize(("name", "ours", "theirs"), _pairs())
def test_signature_is_numpys(name: str, ours: Any, theirs: Any) -> None:
    expected = _numpys(theirs)
    if expected is None:
        assert _bare(inspect.signature(ours)) == OF_NUMPY_2_4[name]
    elif name in EXCEPTIONS:
        assert _parameters(inspect.signature(ours)) != _parameters(expected), "no longer an exception"
    else:
        assert _parameters(inspect.signature(ours)) == _parameters(expected)


@pytest.mark.parametrize("name", UFUNCS)
def test_replacement_of_a_ufunc_has_its_attributes(name: str) -> None:
    ours, theirs = getattr(er, name), getattr(np, name)
    for attribute in ("signature", "nin", "nout", "nargs", "ntypes", "types", "identity", "__name__"):
        assert getattr(ours, attribute) == getattr(theirs, attribute), attribute


@pytest.mark.parametrize("name", UFUNCS)
def test_replacement_of_a_ufunc_has_its_methods(name: str) -> None:
    ours, theirs = getattr(er, name), getattr(np, name)
    dtypes = (np.dtype("f4"), np.dtype("f8"), None)
    assert ours.resolve_dtypes(dtypes) == theirs.resolve_dtypes(dtypes)
    with pytest.raises(RuntimeError):
        ours.reduce(np.ones((2, 2)))


@pytest.mark.parametrize("name", UFUNCS)
def test_replacement_of_a_ufunc_lacks_what_it_lacks(name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(er, name).no_such_attribute  # noqa: B018  # the access is what is tested


@pytest.mark.parametrize("name", UFUNCS)
def test_replacement_of_a_ufunc_does_not_bind(name: str) -> None:
    class Holder:
        product = getattr(er, name)

    a, b = np.arange(3.0), np.arange(3.0)
    assert Holder().product(a, b) == getattr(np, name)(a, b) == 5.0


@pytest.mark.parametrize("name", [*FLAT, *(f"linalg.{name}" for name in LINALG)])
def test_functions_survive_pickling(name: str) -> None:
    home, _, last = name.rpartition(".")
    function = getattr(er.linalg if home else er, last)
    assert pickle.loads(pickle.dumps(function)) is function
