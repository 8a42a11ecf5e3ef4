"""Structured operands as arguments: each kind, function and option is NumPy's of the operand written out.

Value, dtype, type, shape, and the type of what is raised.  What NumPy does otherwise by its own documented
faults is not drawn: see `faults_of_numpy`.
"""

from __future__ import annotations

import copy
import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scipy.sparse

import einroute as er
from einroute._kinds.structured import Structured
from tests.helpers import find

pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
RNG = np.random.default_rng(0)

OPERANDS: dict[str, Callable[[], Structured]] = {
    "rolled": lambda: er.rolled(np.arange(5.0) - 1.5, 4),
    "rolled of three axes, int": lambda: er.rolled(np.arange(15).reshape(3, 5) - 4, 4, axis=1, step=-2),
    "one_hot": lambda: er.one_hot(np.array([0, 3, 1, 1, -1]), 4, dtype="f4"),
    "one_hot of three axes, bool": lambda: er.one_hot(np.array([[0, 3, 1], [1, -1, 0]]), 4, dtype=bool),
    "difference": lambda: er.pairwise_difference(np.cos(np.arange(20.0)).reshape(5, 4)),
    "difference, complex": lambda: er.pairwise_difference(
        np.exp(1j * np.arange(20)).reshape(5, 4), np.sin(np.arange(12.0)).reshape(3, 4)
    ),
}


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape) * 100 + sum(shape)).standard_normal(shape)


#: What may stand beside an operand w, of arrays that fit its last axis or do not.
OTHERS: dict[str, Callable[[np.ndarray], Any]] = {
    "vector": lambda w: normal(w.shape[-1]),
    "matrix": lambda w: normal(w.shape[-1], 2),
    "matrix before": lambda w: normal(3, w.shape[-2]),
    "of its shape": lambda w: normal(*w.shape),
    "itself": lambda w: w,
    "np.matrix": lambda w: np.matrix(normal(w.shape[-1], 2)),
    "np.matrix before": lambda w: np.matrix(normal(3, w.shape[-2])),
    "a Python float": lambda w: 2.0,
    "of no axes": lambda w: np.array(3.0),
    "a list": lambda w: normal(w.shape[-1], 2).tolist(),
    "ints": lambda w: np.arange(2 * w.shape[-1]).reshape(-1, 2),
    "halves": lambda w: normal(w.shape[-1], 2).astype("f2"),
    "objects": lambda w: np.arange(2 * w.shape[-1]).reshape(-1, 2).astype(object),
    "strings": lambda w: np.full((w.shape[-1], 2), "a"),
    "one row too many": lambda w: normal(w.shape[-1] + 1, 2),
}
OUTS = ("its own", "in F order", "float32", "with an axis more", "a list")
UFUNC_OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    *({"out": out} for out in (*OUTS, "in a tuple")),
    *({"order": order} for order in ("C", "F", "A", "K", "X")),
    {"casting": "no"},
    {"casting": "bogus"},
    *({"dtype": dtype} for dtype in ("f4", "c16", "i4", "S1")),
    {"dtype": "f4", "casting": "unsafe"},
    {"subok": False},
    {"subok": True},
    {"axes": [(0, 1), (0, 1), (0, 1)]},
    {"axes": [(-2, -1), (-1, -2), (-2, -1)]},
    {"axes": [(0,), (0,), ()]},
    {"axes": [9]},
    {"axis": 0},
    {"axis": -1},
    {"keepdims": False},
    {"keepdims": True},
    {"where": True},
    {"bogus": 1},
    {"signature": "dd->d"},
)
AXES = ({}, {"axes": 0}, {"axes": 1}, {"axes": ([-1], [0])}, {"axes": ([0, 0], [0, 0])}, {"axes": ([9], [0])})
FUNCTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "dot": ({}, *({"out": out} for out in OUTS)),
    "inner": ({},),
    "outer": ({},),
    "vdot": ({},),
    "tensordot": (*AXES, {"axes": 1.0}),
    "matmul": UFUNC_OPTIONS,
    "vecdot": UFUNC_OPTIONS,
    "linalg.matmul": ({},),
    "linalg.outer": ({},),
    "linalg.vecdot": ({}, {"axis": 0}),
    "linalg.tensordot": AXES,
}
EINSUM_OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    *({"optimize": way} for way in (True, "greedy", "optimal", False, None, "x", ())),
    *({"optimize": ["einsum_path", *path]} for path in ([(0, 1)], [(0,)], [(0, 1, 2)], [(1, 0)])),
    *({"out": out} for out in OUTS),
    *({"out": out, "optimize": True} for out in OUTS),
    {"out": "float32", "casting": "same_kind"},
    {"dtype": "f4"},
    {"dtype": "f4", "casting": "same_kind"},
    {"dtype": "c16"},
    {"dtype": "S1"},
    *({"order": order} for order in ("C", "F", "A", "X")),
    {"casting": "bogus"},
    {"bogus": 1},
)
#: Expressions, where ``@`` stands for the operand's labels, ``z`` for the last of them.
EXPRESSIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("@->", ()),
    ("@->z", ()),
    ("@->@", ()),
    ("@", ()),
    ("@,@->", ("itself",)),
    ("@,z->", ("vector",)),
    ("@,zy->y", ("matrix",)),
    ("@,zy", ("np.matrix",)),
    ("...z,zy->...y", ("matrix",)),
    ("@,zy,zy->y", ("matrix", "ints")),
    ("@,zy->y", ("a list",)),
    ("@,zy->y", ("objects",)),
    ("@,zy->y", ("one row too many",)),
    ("@,zy->q", ("matrix",)),
    ("@,zy->yy", ("matrix",)),
    ("@,->@", ("a Python float",)),
    ("@,yy->", ("strings",)),
)


def made_out(which: Any, result: Any) -> Any:
    """An ``out`` for a call that gave this result; None where none is known."""
    if not isinstance(which, str):
        return which
    shape, dtype = np.shape(result), np.asarray(result).dtype
    outs: dict[str, Callable[[], Any]] = {
        "its own": lambda: np.zeros(shape, dtype),
        "in F order": lambda: np.zeros(shape, dtype, "F"),
        "float32": lambda: np.zeros(shape, "f4"),
        "with an axis more": lambda: np.zeros((7, *shape), dtype),
        "in a tuple": lambda: (np.zeros(shape, dtype),),
        "a list": lambda: [0.0],
    }
    return outs[which]()


def outcome(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    try:
        return function(*args, **copy.deepcopy(options))
    except Exception as error:
        return error


def public(error: Exception) -> type:
    """The first public class of an exception: NumPy's private ones take no message."""
    return next(c for c in type(error).__mro__ if c.__module__ in ("builtins", "numpy.exceptions"))


def compare(expected: Any, got: Any, call: str) -> None:
    if isinstance(expected, Exception) or isinstance(got, Exception):
        assert isinstance(got, Exception), f"{call}: {expected!r}, but got {type(got).__name__}"
        assert isinstance(expected, Exception), f"{call}: {got!r}, where NumPy has an answer"
        assert public(got) is public(expected), f"{call}: {got!r}, where NumPy has {expected!r}"
        return
    assert type(got) is type(expected), call
    if not isinstance(expected, (np.ndarray, np.generic)):
        assert got == pytest.approx(expected, rel=1e-5), call
        return
    assert got.dtype == expected.dtype, call
    assert got.shape == expected.shape, call
    if expected.dtype == object:
        expected, got = expected.astype(complex), got.astype(complex)
    rough = np.finfo(expected.dtype).eps if expected.dtype.kind in "fc" else 0.0
    np.testing.assert_allclose(got, expected, rtol=20 * rough, atol=200 * rough, err_msg=call)


def calls(operand: Any, w: np.ndarray, name: str, other: str) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    """Arguments with the operand, the same with it written out, and options."""
    x = OTHERS[other](w)
    of_operand = operand if x is w else x
    function = find(np, name)
    for options, left in itertools.product(FUNCTIONS[name], (True, False)):
        args = (operand, of_operand) if left else (of_operand, operand)
        arrays = (w, x) if left else (x, w)
        given = dict(options)
        if "out" in given:
            result = outcome(function, arrays, {})
            if isinstance(result, Exception):
                continue
            given["out"] = made_out(given["out"], np.asarray(result))
        yield args, arrays, given


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", OPERANDS)
def test_products(kind: str, name: str) -> None:
    operand = OPERANDS[kind]()
    w = np.asarray(operand)
    for other in OTHERS:
        for args, arrays, options in calls(operand, w, name, other):
            expected = outcome(find(np, name), arrays, options)
            call = f"{name} of {kind} and {other}, {options}"
            compare(expected, outcome(find(er, name), args, options), call)
            if not options:
                compare(expected, outcome(find(np, name), args, options), f"np.{call}")


def faults_of_numpy(expression: str, w: np.ndarray, options: dict[str, Any]) -> bool:
    """Where a view is returned NumPy ignores dtype, and at `optimize` it sums bools before it casts them."""
    view = expression in ("@->@", "@") and "dtype" in options
    return view or (w.dtype == bool and options.get("optimize", False) not in (False, "x", ()))


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
@pytest.mark.parametrize("kind", OPERANDS)
def test_einsum(kind: str, expression: tuple[str, tuple[str, ...]]) -> None:
    operand = OPERANDS[kind]()
    w = np.asarray(operand)
    labels = "abc"[: w.ndim - 1] + "z"
    subscripts = expression[0].replace("@", labels)
    others = [OTHERS[name](w) for name in expression[1]]
    args = (subscripts, operand, *(operand if x is w else x for x in others))
    arrays = (subscripts, w, *others)
    for options in EINSUM_OPTIONS:
        if faults_of_numpy(expression[0], w, options):
            continue
        given = dict(options)
        if "out" in given:
            result = outcome(np.einsum, arrays, {})
            if isinstance(result, Exception):
                continue
            given["out"] = made_out(given["out"], result)
        expected = outcome(np.einsum, arrays, given)
        compare(expected, outcome(er.einsum, args, given), f"{subscripts} of {kind}, {options}")


@pytest.mark.parametrize("kind", OPERANDS)
def test_sublists_and_malformed_calls(kind: str) -> None:
    operand = OPERANDS[kind]()
    w = np.asarray(operand)
    own = list(range(w.ndim))
    for args in (
        (operand, own),
        (operand, own, [0]),
        (operand, own, [9]),
        (operand, [0]),
        (operand, [0] * w.ndim, [0]),
        (operand, [Ellipsis, 1], [Ellipsis]),
        ("ij", operand, operand),
        ("abcdefg->", operand),
        (5, operand),
        (operand,),
    ):
        arrays = tuple(w if x is operand else x for x in args)
        compare(outcome(np.einsum, arrays, {}), outcome(er.einsum, args, {}), f"{kind} {args}")


@pytest.mark.parametrize("kind", OPERANDS)
def test_chains(kind: str) -> None:
    operand = OPERANDS[kind]()
    w = np.asarray(operand)
    m, v = normal(w.shape[-1], 3), normal(w.shape[-1])
    for rest in ((m,), (v,), (m, normal(3, 2)), (m, normal(2, 2)), (np.matrix(m),), ()):
        for options in ({}, {"out": "its own"}, {"out": "float32"}):
            result = outcome(np.linalg.multi_dot, ([w, *rest],), {})
            given = {k: made_out(x, np.asarray(result)) for k, x in options.items()}
            if given and isinstance(result, Exception):
                continue
            expected = outcome(np.linalg.multi_dot, ([w, *rest],), given)
            got = outcome(er.linalg.multi_dot, ([operand, *rest],), given)
            compare(expected, got, f"{kind} {[np.shape(x) for x in rest]} {options}")


def test_what_would_be_large_is_not_written_out_to_be_refused() -> None:
    operand = er.one_hot(np.zeros(1 << 16, int), 1 << 16)
    for options, says in (({"signature": "dd->d"}, "signature="), ({"out": np.zeros(3)}, "out has shape")):
        with pytest.raises((TypeError, ValueError), match=says):
            er.matmul(operand, np.ones((1 << 16, 1)), **options)
    with pytest.raises(ValueError, match="sizes"):
        er.einsum("ij,j->i", operand, np.ones(3))


@pytest.mark.parametrize("path", [[(0, 1, 2)], [(0, 1), (0, 1)], [(1, 2), (0, 1)], [(2, 0), (1, 0)]])
@pytest.mark.parametrize("kind", OPERANDS)
def test_a_given_path_is_one_of_the_operands_that_were_given(kind: str, path: list[tuple[int, ...]]) -> None:
    """Rewrites hand contractions of fewer operands on, to which it does not apply."""
    operand = OPERANDS[kind]()
    w = np.asarray(operand)
    labels = "abc"[: w.ndim - 1] + "z"
    m, v = normal(w.shape[-1], 30), normal(30)
    for output in ("", "z", "a", "y"):
        subscripts = f"{labels},zy,y->{output}"
        expected = np.einsum(subscripts, w.astype("c16"), m, v, optimize=["einsum_path", *path])
        got = er.einsum(subscripts, operand, m, v, optimize=["einsum_path", *path])
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-4)


NOT_FINITE = (
    ("ij->", "r"), ("ij->i", "r"), ("ij->j", "r"), ("ij,j->i", "rv"), ("ij,i->j", "ru"), ("ij,i,j->", "ruv"),
    ("ij,ij->", "rr"), ("ij,ik->jk", "rr"), ("ijc->c", "R"), ("ijc,i->jc", "Ru"), ("ij,ijc->c", "rR"),
    ("abc,abc->ab", "dd"), ("abc->ab", "d"), ("abc,a->c", "dw"), ("abc,c->ab", "dx"),
)  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("subscripts", "names"), NOT_FINITE)
def test_what_is_not_finite_is_numpys(subscripts: str, names: str, seed: int) -> None:
    """Overflow, infinities and nan where the sums of another order have them: only NumPy's are left.

    Where the order of work spares an overflow that NumPy's has, there is a finite number.
    """
    rng = np.random.default_rng(seed)
    large, special = [1e308, -1e308, 1.0, -1.0, 1e300, 0.5], [np.inf, -np.inf, np.nan, 1.0, 0.0, 1e308]
    d, k = int(rng.integers(2, 60)), int(rng.integers(1, 60))
    base = rng.choice(special if seed % 4 == 3 else large, (d, 3))
    points = rng.choice([5e307, -5e307, 1.0, 0.0], (d, 2))
    step = int(rng.choice([1, 1, -1, 3]))
    operands: dict[str, Any] = {
        "r": er.rolled(base[:, 0].copy(), k, step=step),
        "R": er.rolled(base, k, step=step),
        "d": er.pairwise_difference(points),
        "u": rng.choice([1, -1, 2, 0.5], d),
        "v": rng.choice([1, -1, 2, 1e-300, 0.0], k),
        "w": rng.choice([1, -1, 2, 0.5], d),
        "x": rng.choice([1, -1, 2, 0.5], 2),
    }
    args = [operands[name] for name in names]
    expected = np.asarray(np.einsum(subscripts, *(np.asarray(x) for x in args)))
    got = np.asarray(er.einsum(subscripts, *args))
    if not np.isfinite(got).all():
        np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
        np.testing.assert_array_equal(got[np.isinf(got)], expected[np.isinf(got)])
        np.testing.assert_array_equal(np.isinf(got), np.isinf(expected))
    if np.isfinite(expected).all():
        assert np.isfinite(got).all()


@pytest.mark.parametrize("on_densify", ["warn", "raise"])
def test_a_large_dense_result_of_labels_is_what_was_asked_for(on_densify: str) -> None:
    """Of one_hot operands alone: nothing sparse was given."""
    a, b = (er.one_hot(np.arange(n) % 7, 7) for n in (3000, 3500))
    with er.config(on_densify=on_densify), warnings.catch_warnings():
        warnings.simplefilter("error")
        made = er.einsum("tr,ur->tu", a, b)
        made += er.tensordot(a, b, ([1], [1]))
    assert made.nbytes > 64 << 20
    np.testing.assert_array_equal(made, 2 * (np.arange(3000)[:, None] % 7 == np.arange(3500) % 7))
    sparse = scipy.sparse.csr_array(np.eye(3000, 7))
    with er.config(on_densify="raise"), pytest.raises(ValueError, match="some of them sparse"):
        er.einsum("tr,ur->tu", sparse, b)
