"""dot, matmul and the other products, multi_dot and matrix_power among them, are NumPy's."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sparse

from tests.helpers import DTYPES, ER, assert_same, find, outcome, small_integers
from tests.stand_ins import Duck

pytestmark = pytest.mark.usefixtures("way")

SHAPES: dict[str, list[tuple[tuple[int, ...], ...]]] = {
    "dot": [((), ()), ((), (3,)), ((2, 3), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3,
        4)), ((2, 5, 3), (4, 3, 2)), ((2, 5, 3), (3,)), ((2, 0), (0, 3)), ((0, 2), (2, 3)), ((0,), (0,)),
        ((2, 3), (2, 3)), ((3,), (4,)), ((1, 3), (1, 3))],
    "matmul": [((), (3,)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((5, 2, 3), (3,
        4)), ((5, 2, 3), (5, 3, 4)), ((1, 2, 3), (5, 3, 4)), ((6, 1, 2, 3), (5, 3, 4)), ((3,), (5, 3, 4)),
        ((5, 2, 3), (3,)), ((2, 0), (0, 3)), ((0, 2, 3), (0, 3, 4)), ((2, 3), (1, 4)), ((5, 2, 3), (4, 3,
        4))],
    "inner": [((), ()), ((), (3,)), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3)), ((2, 5, 3), (4, 3)),
        ((2, 0), (3, 0)), ((2, 3), (3, 2)), ((1,), (3,))],
    "vdot": [((), ()), ((3,), (3,)), ((2, 3), (2, 3)), ((2, 3), (3, 2)), ((2, 3), (6,)), ((0,), (0,)),
        ((2,), (3,)), ((1,), (3,))],
    "outer": [((), ()), ((2,), (3,)), ((2, 3), (4,)), ((0,), (3,)), ((2, 2), (2, 2)), ((), (3,))],
    "vecdot": [((3,), (3,)), ((2, 3), (3,)), ((2, 3), (2, 3)), ((5, 1, 3), (2, 3)), ((2, 0), (2, 0)), ((3,),
        (4,)), ((), ()), ((2, 3), (4, 3)), ((1,), (3,))],
    "matvec": [((2, 3), (3,)), ((2, 3), (4, 3)), ((5, 2, 3), (3,)), ((5, 2, 3), (5, 3)), ((5, 1, 2, 3), (5, 4,
        3)), ((2, 0), (0,)), ((0, 3), (2, 3)), ((2, 3), (0, 3)), ((3,), (3,)), ((2, 3), ()), ((2, 3), (4,)),
        ((5, 2, 3), (4, 3)), ((2, 1), (3,))],
    "vecmat": [((2,), (2, 3)), ((4, 2), (2, 3)), ((2,), (5, 2, 3)), ((5, 2), (5, 2, 3)), ((5, 4, 2), (5, 1, 2,
        3)), ((0,), (0, 3)), ((4, 2), (2, 0)), ((0, 2), (2, 3)), ((3,), (3,)), ((), (2, 3)), ((3,), (2, 3)),
        ((4, 2), (5, 2, 3)), ((1,), (2, 3))],
    "linalg.outer": [((2,), (3,)), ((2, 3), (4,)), ((), (3,)), ((0,), (3,))],
    "linalg.matmul": [((2, 3), (3, 4)), ((3,), (3,)), ((), (3,)), ((2, 3), (2, 3))],
    "linalg.vecdot": [((3,), (3,)), ((2, 3), (2, 3)), ((3,), (4,)), ((2, 3), (3,))],
}  # fmt: skip
CASES = [(name, shapes) for name, many in SHAPES.items() for shapes in many]
NAMES = list(SHAPES)


def operand(shape: tuple[int, ...], dtype: Any, seed: int) -> np.ndarray:
    return small_integers(np.random.default_rng(seed), shape, dtype, 3)


@pytest.mark.parametrize(("name", "shapes"), CASES)
class TestTables:
    def test_every_dtype(self, name: str, shapes: tuple[tuple[int, ...], ...]) -> None:
        for dtype in (*DTYPES, "O"):
            if dtype == "O" and name == "vdot":
                continue  # NumPy conjugates objects one by one: nothing of ours is asked
            assert_same(name, *(operand(s, dtype, i) for i, s in enumerate(shapes)))

    def test_mixed_dtypes(self, name: str, shapes: tuple[tuple[int, ...], ...]) -> None:
        for first, second in (
            ("i1", "f4"),
            ("u8", "i8"),
            ("?", "i2"),
            ("F", "f8"),
            ("f2", "i1"),
            (">f8", "f8"),
        ):
            assert_same(name, operand(shapes[0], first, 0), operand(shapes[1], second, 1))

    def test_layouts(self, name: str, shapes: tuple[tuple[int, ...], ...]) -> None:
        a, b = (operand(s, "f8", i) for i, s in enumerate(shapes))
        for layout in (
            np.asfortranarray,
            lambda x: x[::-1].copy()[::-1] if x.ndim else x,
            lambda x: x.T.copy().T,
        ):
            assert_same(name, layout(a), b)
            assert_same(name, a, layout(b))

    def test_lists_and_scalars(self, name: str, shapes: tuple[tuple[int, ...], ...]) -> None:
        a, b = (operand(s, "f8", i) for i, s in enumerate(shapes))
        assert_same(name, a.tolist(), b)
        assert_same(name, a, b.tolist())
        assert_same(name, a.tolist(), b.tolist())


@pytest.mark.parametrize("name", NAMES)
class TestAll:
    def test_full_range_integers_wrap(self, name: str) -> None:
        rng = np.random.default_rng(0)
        for dtype in ("i1", "u1", "i4", "i8", "u8"):
            info = np.iinfo(dtype)
            one_d = name.endswith(("outer", "vdot")) or name == "linalg.vecdot"
            shapes = [(300,), (300,)] if one_d else [(90, 120), (120, 120)]
            if name == "matvec":
                shapes.reverse()
            a, b = (rng.integers(info.min, info.max, s, dtype=dtype, endpoint=True) for s in shapes)
            assert_same(name, a, b)

    def test_large_integers_through_blas_are_exact(self, name: str) -> None:
        if name in ("inner", "dot", "matmul", "linalg.matmul"):
            rng = np.random.default_rng(0)
            for high in (2, 1000, 2**22, 2**24, 2**26, 2**31, 2**40):
                a, b = (rng.integers(-high, high, (n, 400)) for n in (300, 400))
                assert_same(name, a, b)
                assert_same(name, a.astype("i4"), b.astype("i4"))
                assert_same(name, a > 0, b > 0)

    def test_unknown_and_missing_arguments(self, name: str) -> None:
        a = np.ones(3)
        assert_same(name, a)
        assert_same(name)
        assert_same(name, a, a, nonsense=1)

    def test_bad_dtypes(self, name: str) -> None:
        for bad in (np.array(["a", "b"]), np.zeros(2, "M8[s]"), np.zeros(2, "i4,f8"), np.array([b"a", b"b"])):
            assert_same(name, bad, bad)

    def test_a_subclass_with_its_own_dispatch(self, name: str) -> None:
        class Mine(np.ndarray):
            def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
                return function.__name__, args, kwargs

            def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
                return ufunc.__name__, args, kwargs

        a, b = np.ones(2).view(Mine), np.ones(2)
        for args in ((a, b), (b, a), (a, a)):
            ours, theirs = find(ER, name)(*args), find(np, name)(*args)
            assert ours[0] == theirs[0] == name.rpartition(".")[2]
            assert all(x is y for x, y in zip(ours[1], theirs[1], strict=True))
            assert ours[2] == theirs[2]

    def test_subclasses_and_matrices(self, name: str) -> None:
        class Plain(np.ndarray):
            pass

        a = np.arange(2.0)
        assert_same(name, a.view(Plain), a)
        assert_same(name, a, a.view(Plain))


def test_vdot_and_vecdot_conjugate_the_first() -> None:
    a, b = np.array([1j, 2]), np.array([1j, 2])
    assert ER.vdot(a, b) == 5
    assert ER.vecdot(a, b) == 5
    assert ER.dot(a, b) == 3


@pytest.mark.parametrize("name", ["dot", "matmul", "outer", "vecdot", "matvec", "vecmat"])
def test_out(name: str) -> None:
    a, b = operand((5, 5), "f8", 0), operand((5, 5), "f8", 1)
    shape = np.shape(find(np, name)(a, b))
    for dtype in ("f8", "f4", "i8", "D"):
        for make in (
            np.zeros,
            lambda s, dtype: np.zeros(s, dtype, order="F"),
            lambda s, dtype: np.zeros((*s, 2), dtype)[..., 0],
        ):
            ours, theirs = make(shape, dtype=dtype), make(shape, dtype=dtype)
            result = assert_same(name, a, b, out=theirs)
            mine, error = outcome(find(ER, name), (a, b), {"out": ours})
            assert (error is None) == (result is not None)
            assert error is not None or mine is ours
            np.testing.assert_array_equal(ours, theirs if error is None else np.zeros(shape))
    for out in (np.zeros(3), np.zeros((5, 6)), [1.0], "x"):
        assert_same(name, a, b, out=out)


@pytest.mark.parametrize("name", ["dot", "matmul"])
def test_out_overlapping_an_operand(name: str) -> None:
    for n in (5, 100):
        rng = np.random.default_rng(0)
        a, b = rng.standard_normal((n, n)), rng.standard_normal((n, n))
        right = a @ b
        assert find(ER, name)(a, b, out=a) is a
        np.testing.assert_allclose(a, right, rtol=1e-12, atol=1e-12)


class TestUfuncs:
    @pytest.mark.parametrize("name", ["matmul", "vecdot", "matvec", "vecmat"])
    def test_attributes_of_a_ufunc(self, name: str) -> None:
        ours, theirs = getattr(ER, name), getattr(np, name)
        for attribute in (
            "nin",
            "nout",
            "nargs",
            "ntypes",
            "types",
            "signature",
            "identity",
            "__name__",
            "__doc__",
        ):
            assert getattr(ours, attribute) == getattr(theirs, attribute)

    @pytest.mark.parametrize("name", ["matmul", "vecdot", "matvec", "vecmat"])
    def test_as_a_class_attribute_it_does_not_bind(self, name: str) -> None:
        class Holder:
            function = getattr(ER, name)

        a = np.ones((2, 2))
        assert np.array_equal(Holder().function(a, a), getattr(np, name)(a, a))

    @pytest.mark.parametrize("name", ["matmul", "vecdot", "matvec", "vecmat"])
    @pytest.mark.parametrize(
        "left", [np.ones((2, 2)), scipy.sparse.csr_array(np.ones((2, 2)))], ids=["dense", "sparse"]
    )
    def test_a_tuple_of_results_goes_by_name_alone(self, name: str, left: Any) -> None:
        function, b = getattr(ER, name), np.ones(2) if name == "matvec" else np.ones((2, 2))
        out = np.empty(np.shape(function(left, b)))
        with pytest.raises(TypeError, match="return arrays must be of ArrayType"):
            function(left, b, (out,))
        assert not isinstance(left, np.ndarray) or function(left, b, out=(out,)) is out

    @pytest.mark.parametrize("name", ["matmul", "vecdot", "matvec", "vecmat"])
    def test_it_can_be_copied_and_pickled(self, name: str) -> None:
        function = getattr(ER, name)
        for other in (copy.copy(function), copy.deepcopy(function), pickle.loads(pickle.dumps(function))):
            assert np.array_equal(other([[1.0]], [[2.0]]), function([[1.0]], [[2.0]]))

    @pytest.mark.parametrize(
        "options",
        [
            {"dtype": "f8"},
            {"dtype": "f4", "casting": "same_kind"},
            {"dtype": "f4", "casting": "safe"},
            {"casting": "no"},
            {"order": "F"},
            {"order": "C"},
            {"subok": False},
            {"signature": "dd->d"},
            {"dtype": object},
            {"casting": "x"},
            {"order": "Z"},
            {"axes": [(-2, -1), (-2, -1), (-2, -1)]},
            {"axes": [(1, 0), (0, 1), (0, 1)]},
            {"axis": 0},
            {"keepdims": True},
            {"axes": 3},
            {"where": True},
        ],
        ids=repr,
    )
    def test_a_ufuncs_options(self, options: dict[str, Any]) -> None:
        a, b = operand((3, 3), "f8", 0), operand((3, 3), "f8", 1)
        for name in ("matmul", "vecdot", "matvec", "vecmat"):
            assert_same(name, a, b, **options)
            assert_same(name, a.astype("i4"), b.astype("i4"), **options)

    def test_a_refusal_to_take_part(self) -> None:
        class Refuses:
            __array_ufunc__ = None

        for name in ("matmul", "vecdot", "matvec", "vecmat"):
            assert_same(name, np.ones(2), Refuses())

    def test_warnings_and_errstate_are_numpys(self) -> None:
        a = np.full((3, 3), 1e308)
        for name in ("matmul", "dot", "inner", "vecdot", "matvec", "vecmat"):
            with np.errstate(all="raise"):
                assert_same(name, a, a)
            with np.errstate(all="ignore"):
                assert_same(name, a, a)


class TestMultiDot:
    @pytest.mark.parametrize(
        "shapes",
        [
            [(2, 3), (3, 4)],
            [(2, 3), (3, 4), (4, 5)],
            [(3,), (3, 4), (4, 5)],
            [(2, 3), (3, 4), (4,)],
            [(3,), (3, 3), (3,)],
            [(3,), (3,)],
            [(20, 3), (3, 40), (40, 2), (2, 30)],
            [(2, 1), (1, 3), (3, 1), (1, 2), (2, 2)],
            [(2, 0), (0, 3), (3, 2)],
            [(0, 2), (2, 3), (3, 2)],
            [(2, 3), (4, 5), (5, 2)],
            [(2, 3), (3,), (3, 2)],
            [(2, 2, 2), (2, 2), (2, 2)],
            [(2, 3), (3, 4), (5,)],
            [(2, 3)],
            [],
            [(), (2,), (2, 2)],
        ],
        ids=repr,
    )
    def test_chains(self, shapes: list[tuple[int, ...]]) -> None:
        for dtype in ("f8", "f4", "i4", "i1", "?", "D", "f2", "g"):
            arrays = [operand(s, dtype, i) for i, s in enumerate(shapes)]
            assert_same("linalg.multi_dot", arrays)
            assert_same("linalg.multi_dot", tuple(arrays))
            assert_same("linalg.multi_dot", iter(arrays))
            assert_same("linalg.multi_dot", [x.tolist() for x in arrays])

    def test_out(self) -> None:
        arrays = [operand((4, 4), "f8", i) for i in range(4)]
        for make in (
            np.zeros,
            lambda s: np.zeros(s, order="F"),
            lambda s: np.zeros(s, "f4"),
            lambda s: np.zeros((2, 2)),
        ):
            ours, theirs = make((4, 4)), make((4, 4))
            try:
                np.linalg.multi_dot(arrays, out=theirs)
            except ValueError:
                with pytest.raises(ValueError):
                    ER.linalg.multi_dot(arrays, out=ours)
            else:
                assert ER.linalg.multi_dot(arrays, out=ours) is ours
                np.testing.assert_array_equal(ours, theirs)

    def test_mixed_dtypes_and_subclasses(self) -> None:
        arrays = [operand((3, 3), d, i) for i, d in enumerate(("i1", "f4", "f8"))]
        assert_same("linalg.multi_dot", arrays)
        assert_same("linalg.multi_dot", arrays, nonsense=1)
        assert_same("linalg.multi_dot")

    def test_a_duck_among_the_operands(self) -> None:
        arrays = [np.ones((2, 2)), Duck(), np.ones((2, 2))]
        function, args, kwargs = ER.linalg.multi_dot(arrays)
        assert function is np.linalg.multi_dot
        assert args[0] is arrays
        assert kwargs == np.linalg.multi_dot(arrays)[2]


class TestManyVectors:
    """matvec and vecmat of many vectors, which are products of matrices."""

    @pytest.mark.parametrize("name", ["matvec", "vecmat"])
    @pytest.mark.parametrize("dtype", ["f4", "f8", "F", "D", "i8", "u8", "i1", "?", "f2", "g", ">f8", "O"])
    @pytest.mark.parametrize(
        ("stack", "vectors"),
        [
            ((), (600,)),
            ((), (20, 30)),
            ((3, 1), (300,)),
            ((3, 1), (3, 300)),
            ((1, 1), (3, 300)),
            ((4, 1), (9,)),
        ],
        ids=repr,
    )
    def test_agree(self, name: str, dtype: str, stack: tuple[int, ...], vectors: tuple[int, ...]) -> None:
        m, v = operand((*stack, 9, 9), dtype, 0), operand((*vectors, 9), dtype, 1)
        for matrix in (m, np.asfortranarray(m), m.swapaxes(-1, -2), m[..., ::-1, :]):
            for many in (v, np.asfortranarray(v), np.repeat(v, 2, axis=-1)[..., ::2], v[..., ::-1]):
                assert_same(name, *((matrix, many) if name == "matvec" else (many, matrix)))

    @pytest.mark.parametrize("name", ["matvec", "vecmat"])
    @pytest.mark.parametrize("dtype", ["i1", "u2", "i4", "i8", "u8", "?", "D", "f4"])
    @pytest.mark.parametrize("count", [(), (4,), (70,)], ids=repr)
    def test_large_ones(self, name: str, dtype: str, count: tuple[int, ...]) -> None:
        rng = np.random.default_rng(0)
        m, v = (
            rng.integers(0, 250, (520, 560)).astype(dtype),
            rng.integers(0, 250, (*count, 560)).astype(dtype),
        )
        if dtype == "D":
            v = v + 1j * v[..., ::-1]
        assert_same(name, *((m, v) if name == "matvec" else (v, np.ascontiguousarray(m.T))))
        assert_same(name, *((m, v) if name == "matvec" else (v, m.T)))

    def test_the_conjugate_is_that_of_the_vectors(self) -> None:
        v, m = np.full((300, 3), 1j), np.full((3, 3), 2j)
        assert (ER.vecmat(v, m) == 6).all()
        assert (ER.matvec(m, v) == -6).all()
        assert (v == 1j).all()

    def test_warnings_are_numpys(self) -> None:
        for name, args in (("matvec", (3, 300)), ("vecmat", (300, 3))):
            a, b = (np.full((n, 3), 1e308) for n in args)
            for errors in ("raise", "ignore"):
                with np.errstate(all=errors):
                    assert_same(name, a, b)


class TestMatrixPower:
    POWERS = (-3, -1, 0, 1, 2, 3, 4, 5, 7, 12, np.int8(6), np.array(3), True)

    @pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i8", "u8", "f4", "f8", "D", "f2", "g", ">f8", "O"])
    @pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (2, 1, 2, 2), (1, 1), (0, 0), (0, 2, 2)], ids=repr)
    def test_powers(self, dtype: str, shape: tuple[int, ...]) -> None:
        a = operand(shape, dtype, 0)
        for n in self.POWERS if dtype != "f2" else self.POWERS[:7]:
            assert_same("linalg.matrix_power", a, n)
        assert_same("linalg.matrix_power", a.tolist(), 2)

    @pytest.mark.parametrize("dtype", ["i1", "i4", "i8", "u8", "?"])
    @pytest.mark.parametrize("shape", [(130, 130), (5, 80, 80)], ids=repr)
    def test_large_integers_are_exact_and_wrap(self, dtype: str, shape: tuple[int, ...]) -> None:
        info = np.iinfo("i1" if dtype == "?" else dtype)
        full = np.random.default_rng(0).integers(info.min, info.max, shape, info.dtype).astype(dtype)
        for a in (full, full % 3 == 0, operand(shape, dtype, 1), full.swapaxes(-1, -2)):
            for n in (0, 1, 2, 3, 5, 10**6):
                assert_same("linalg.matrix_power", a, n)

    def test_negative_powers_are_numpys_bit_by_bit(self) -> None:
        a = np.random.default_rng(0).integers(-9, 9, (130, 130))
        for x in (a, a.astype("f8"), a[:20, :20]):
            for n in (-1, -2, -5):
                for _ in range(4):  # a kept inverse would answer from the third on
                    ours, theirs = ER.linalg.matrix_power(x, n), np.linalg.matrix_power(x, n)
                    assert ours.tobytes() == theirs.tobytes()

    def test_the_first_power_is_the_operand(self) -> None:
        for a in (np.eye(3), np.ones((600, 600), int), scipy.sparse.csc_array(np.eye(3))):
            assert ER.linalg.matrix_power(a, 1) is a

    @pytest.mark.parametrize("n", [2.0, "2", None, [2], 1j, np.array([2, 3]), np.float64(2)], ids=repr)
    def test_exponents_that_are_none(self, n: Any) -> None:
        for a in (np.eye(3), np.ones((130, 130), int)):
            assert_same("linalg.matrix_power", a, n)
        for a in (scipy.sparse.csr_array(np.eye(3)), ER.rolled(np.arange(3.0), 3)):
            with pytest.raises(TypeError, match=r"n is .*, expected an integer"):
                ER.linalg.matrix_power(a, n)

    def test_operands_that_are_none(self) -> None:
        for a in (
            np.ones(3),
            np.ones((2, 3)),
            1.0,
            np.zeros((2, 2), "M8[s]"),
            np.array([["a"]]),
            np.eye(2)[None, 0],
        ):
            assert_same("linalg.matrix_power", a, 2)
        assert_same("linalg.matrix_power", np.zeros((2, 2)), -1)
        assert_same("linalg.matrix_power", np.zeros((2, 2, 2), object), 2)
        assert_same("linalg.matrix_power")
        assert_same("linalg.matrix_power", np.eye(2))
        for a in (scipy.sparse.csr_array(np.ones((2, 3))), ER.rolled(np.arange(3.0), 2)):
            with pytest.raises(np.linalg.LinAlgError, match="expected square matrices"):
                ER.linalg.matrix_power(a, 2)
        with pytest.raises(TypeError, match="whose inv would be dense"):
            ER.linalg.matrix_power(scipy.sparse.csr_array(np.eye(2)), -1)

    @pytest.mark.parametrize("dtype", ["f8", "i8", "D"])
    def test_sparse_operands(self, dtype: str) -> None:
        dense = operand((7, 7), dtype, 0) * (operand((7, 7), "i8", 1) > 1)
        for make in (
            scipy.sparse.csr_array,
            scipy.sparse.csc_matrix,
            scipy.sparse.coo_array,
            sparse.COO,
            sparse.GCXS,
        ):
            a = make(dense)
            for n in (0, 1, 2, 3, 5, 6):
                result = ER.linalg.matrix_power(a, n)
                expected = np.linalg.matrix_power(dense, n)
                kind = type(ER.matmul(a, a)) if n != 1 else type(a)
                assert type(result) is kind
                assert result.dtype == expected.dtype
                written = result.toarray() if scipy.sparse.issparse(result) else result.todense()
                np.testing.assert_allclose(written, expected)

    def test_stacks_of_sparse_operands(self) -> None:
        for shape in ((2, 3, 3), (0, 3, 3), (2, 0, 0)):
            dense = operand(shape, "i8", 0)
            for n in (0, 2, 5):
                result = ER.linalg.matrix_power(sparse.COO.from_numpy(dense), n)
                np.testing.assert_array_equal(result.todense(), np.linalg.matrix_power(dense, n))

    @pytest.mark.parametrize("namespace", [ER, np], ids=["ours", "numpy's"])
    def test_structured_operands(self, namespace: Any) -> None:
        points = np.arange(12.0).reshape(4, 3)
        for a in (
            ER.rolled(np.arange(1.0, 6.0) ** 2, 5),
            ER.one_hot(np.array([1, 2, 0]), 3, dtype=int),
            ER.pairwise_difference(points, points[:3]),
        ):
            for n in (0, 1, 2, 3, 5):
                result = namespace.linalg.matrix_power(a, n)
                expected = np.linalg.matrix_power(np.asarray(a), n)
                assert type(result) is np.ndarray
                assert result.dtype == expected.dtype
                np.testing.assert_allclose(result, expected)
        inverse = namespace.linalg.matrix_power(ER.one_hot(np.array([1, 2, 0]), 3), -2)
        np.testing.assert_allclose(inverse, np.roll(np.eye(3), -2, axis=1))


class Made:
    """What NumPy can make an array of, and no kind of ours is."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.eye(4)


@pytest.mark.parametrize("other", [Made(), None, "abc", {}])
def test_linalg_tensordot_of_structured_operands_beside_anything(other: Any) -> None:
    """NumPy's answer, or its type of exception with words about the operand."""
    operand = ER.rolled(np.arange(4.0), 4)
    written = np.asarray(operand)
    for function in (np.linalg.tensordot, ER.linalg.tensordot):
        for pair, arrays in (((operand, other), (written, other)), ((other, operand), (other, written))):
            try:
                expected = np.linalg.tensordot(*arrays, axes=1)
            except Exception as error:
                with pytest.raises(type(error), match="cannot be mixed"):
                    function(*pair, axes=1)
            else:
                np.testing.assert_array_equal(function(*pair, axes=1), expected)


def test_no_scipy_sparse_operand_becomes_an_object() -> None:
    c, v = scipy.sparse.csr_array(np.eye(3)), np.ones(3)
    for call in (
        lambda: ER.outer(c, v, out=None),
        lambda: ER.outer(a=c, b=c),
        lambda: ER.outer(v, b=c),
        lambda: ER.linalg.outer(c, v),
        lambda: ER.linalg.tensordot(c, Made(), axes=0),
    ):
        with pytest.raises(TypeError, match=r"scipy\.sparse|csr_array|cannot be mixed"):
            call()
