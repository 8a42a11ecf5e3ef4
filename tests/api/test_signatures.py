"""Our signatures are NumPy's: same parameters, kinds and defaults (annotations are ours to add)."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import numpy as np
import pytest
import scipy
import scipy.linalg
import scipy.sparse

import einroute as er
import einroute.scipy.linalg
from tests.routed_names import FLAT, LINALG, SCIPY_LINALG, UFUNCS

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
    "matvec": _UFUNC,
    "vecmat": _UFUNC,
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


# Ours are those of SciPy 1.17; where the installed one is older, ours has its newer options too.
OLDER_SCIPY = tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 17)


@pytest.mark.parametrize("name", SCIPY_LINALG)
def test_signature_is_scipys(name: str) -> None:
    ours = _parameters(inspect.signature(getattr(einroute.scipy.linalg, name)))
    theirs = _parameters(inspect.signature(getattr(scipy.linalg, name)))
    if OLDER_SCIPY:
        assert [one[0] for one in theirs] == [
            one[0] for one in ours if one[0] in {other[0] for other in theirs}
        ]
    else:
        assert ours == theirs


@pytest.mark.parametrize("name", ["lstsq", "solve", "inv", "pinv"])
def test_factorized_has_the_functions_parameters(name: str) -> None:
    """But for ``a``, which it is, and for what NumPy's pinv has besides its cutoff."""
    method = inspect.signature(getattr(er.Factorized, name)).parameters
    function = inspect.signature(getattr(er.linalg, name)).parameters
    wanted = [p for p in function if p not in {"a", "hermitian", "rtol"}]
    assert [p for p in method if p not in {"self", "transposed"}] == wanted
    for parameter in wanted:
        assert method[parameter].default == function[parameter].default


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


def operands(name: str, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two vectors, one of them as a matrix where the ufunc takes one."""
    return {"matvec": (a[None], b), "vecmat": (a, b[:, None])}.get(name, (a, b))


@pytest.mark.parametrize("name", UFUNCS)
def test_replacement_of_a_ufunc_does_not_bind(name: str) -> None:
    class Holder:
        product = getattr(er, name)

    a, b = operands(name, np.arange(3.0), np.arange(3.0))
    assert Holder().product(a, b) == getattr(np, name)(a, b) == 5.0


@pytest.mark.parametrize("name", [*FLAT, *(f"linalg.{name}" for name in LINALG)])
def test_functions_survive_pickling(name: str) -> None:
    home, _, last = name.rpartition(".")
    function = getattr(er.linalg if home else er, last)
    assert pickle.loads(pickle.dumps(function)) is function


@pytest.mark.parametrize("name", SCIPY_LINALG)
def test_scipys_functions_survive_pickling(name: str) -> None:
    function = getattr(einroute.scipy.linalg, name)
    assert pickle.loads(pickle.dumps(function)) is function


KEYWORD_CALLS = {
    "einsum": ("ij,jk->ik", 0, 0),
    "einsum_path": ("ij,jk->ik", 0, 0),
    "linalg.multi_dot": ([0, 0],),
}
KEYWORD_OPERANDS = {
    "array": np.eye(3),
    "list": [[1.0, 0.0], [0.0, 1.0]],
    "large": np.ones((100, 100)),
    "routed": er.routed(np.eye(3)),
    "sparse": scipy.sparse.csr_array(np.eye(3)),
    "one_hot": er.one_hot(np.arange(3), 3),
}
#: With sparse operands these say that they do not take them.
REFUSED = {("outer", "sparse"), ("vecdot", "sparse"), ("linalg.vecdot", "sparse")}


@pytest.mark.parametrize("kind", KEYWORD_OPERANDS)
@pytest.mark.parametrize("name", [*FLAT, *(f"linalg.{name}" for name in LINALG)])
def test_unknown_keywords_are_refused_in_numpys_words(name: str, kind: str) -> None:
    """Others look for these words: dask tells by them a wrong call from one that has no answer yet."""
    if (name, kind) in REFUSED:
        return
    home, _, last = name.rpartition(".")
    x = KEYWORD_OPERANDS[kind]

    def filled(part: Any) -> Any:
        return [filled(one) for one in part] if isinstance(part, list) else x if part == 0 else part

    given = KEYWORD_CALLS.get(name, (0,) if last in {"inv", "pinv"} else (0, 0))
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'no_such'"):
        getattr(er.linalg if home else er, last)(*(filled(part) for part in given), no_such=1)
