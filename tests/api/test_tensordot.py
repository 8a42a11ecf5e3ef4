"""tensordot is NumPy's: every form of ``axes``, kind of operand, dtype and error."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from tests.helpers import DTYPES, ER, assert_same, planned
from tests.stand_ins import Duck

pytestmark = pytest.mark.usefixtures("way")

A = np.random.default_rng(0).integers(-4, 5, (2, 3, 4, 3)).astype(float)
B = np.random.default_rng(1).integers(-4, 5, (4, 3, 2, 5)).astype(float)


class TestAxes:
    @pytest.mark.parametrize(
        "axes",
        [
            ([2], [0]),
            ([2, 1], [0, 1]),
            ([1, 2], [1, 0]),
            ([3, 2, 0], [1, 0, 2]),
            ((2, 3), (0, 1)),
            [(0,), (2,)],
            [[], []],
            ((), ()),
            (2, 0),
            [0, 2],
            (-2, 0),
            ([-2, -1], [-4, -3]),
            ([-1, 0], [1, -2]),
            (np.array([2, 1]), np.array([0, 1])),
            (np.int64(2), np.int64(0)),
            np.array([[2, 1], [0, 1]]),
            np.array([2, 0]),
            ([2], 0),
            ((np.int8(2),), [0]),
            (range(2, 4), range(2)),
        ],
        ids=repr,
    )
    def test_pairs(self, axes: Any) -> None:
        for dtype in ("f8", "i4"):
            assert_same("tensordot", A.astype(dtype), B.astype(dtype), axes)
            assert_same("tensordot", A.astype(dtype), B.astype(dtype), axes=axes)
            assert_same("linalg.tensordot", A.astype(dtype), B.astype(dtype), axes=axes)

    @pytest.mark.parametrize("axes", [-2, -1, 0, 1, 2, 3, 4, 5, np.int64(1), True, False])
    def test_counts(self, axes: Any) -> None:
        pairs = (
            ((2, 3), (3, 4)),
            ((2, 3), (2, 3)),
            ((2, 3, 4), (3, 4, 5)),
            ((3,), (3,)),
            ((), (3,)),
            ((), ()),
        )
        for first, second in pairs:
            assert_same("tensordot", np.ones(first), np.ones(second), axes)

    def test_zero_and_minus_one_are_outer_products(self) -> None:
        a, b = np.arange(3.0), np.arange(4.0).reshape(2, 2)
        for axes in (0, -1):
            assert np.array_equal(ER.tensordot(a, b, axes), np.multiply.outer(a, b))
        assert_same("tensordot", a, b, 0)
        assert_same("tensordot", a, b, -1)

    def test_the_default_is_two(self) -> None:
        assert_same("tensordot", A, np.ones((4, 3, 2)))
        assert_same("linalg.tensordot", A, np.ones((4, 3, 2)))

    @pytest.mark.parametrize(
        "axes",
        [
            ([0, 0], [2, 2]),
            ([1, -3], [1, 1]),
            ([4], [0]),
            ([0], [4]),
            ([-5], [0]),
            (7, 0),
            ([0, 1], [2]),
            ([0], [2, 1]),
            ([0], [0]),
            (1.0, 0),
            ("0", "2"),
            "02",
            None,
            1.0,
            ([0.0], [2]),
            (None, 0),
            ([0],),
            ([0], [2], [1]),
            {},
            ([[0]], [[2]]),
        ],
        ids=repr,
    )
    def test_bad_axes(self, axes: Any) -> None:
        assert_same("tensordot", A, B, axes)
        assert_same("linalg.tensordot", A, B, axes=axes)

    def test_duplicate_axes(self) -> None:
        square = np.ones((3, 3))
        for axes in (([0, 0], [0, 1]), ([0, 1], [1, 1]), ([0, -2], [0, 1])):
            assert_same("tensordot", square, square, axes)

    def test_it_never_broadcasts(self) -> None:
        with pytest.raises(ValueError):
            ER.tensordot(np.ones((2, 3)), np.ones((1, 4)), 1)
        with pytest.raises(ValueError):
            ER.tensordot(np.ones((2, 1)), np.ones((3, 4)), 1)
        assert_same("tensordot", np.ones((2, 3)), np.ones((1, 4)), 1)

    def test_linalgs_takes_axes_by_keyword_only(self) -> None:
        with pytest.raises(TypeError):
            ER.linalg.tensordot(A, B, 1)
        assert_same("linalg.tensordot", A, B, 1)
        assert_same("tensordot", A, B, axis=1)
        assert_same("tensordot", A)


class TestResults:
    def test_a_full_contraction_is_a_0d_array(self) -> None:
        for a, axes in (
            (A, 4),
            (A[0, 0, 0], 1),
            (np.float64(2), 0),
            (A.astype("i4"), ([0, 1, 2, 3], [0, 1, 2, 3])),
        ):
            result = assert_same("tensordot", a, a, axes)
            assert type(result) is np.ndarray
            assert result.shape == ()

    @pytest.mark.parametrize("first", DTYPES)
    def test_dtypes(self, first: str) -> None:
        for second in ("?", "i1", "u8", "f2", "f4", "f8", "F", ">f8"):
            a, b = np.abs(A).astype(first), np.abs(B).astype(second)
            assert_same("tensordot", a, b, ([2, 3], [0, 1]))
            assert_same("tensordot", a[0, 0], b, 2 if first == "x" else ([0], [0]))

    def test_integers_wrap_and_bools_or(self) -> None:
        rng = np.random.default_rng(0)
        for dtype in ("i1", "u1", "i2", "i4", "u4", "i8", "u8"):
            info = np.iinfo(dtype)
            a = rng.integers(info.min, info.max, (30, 40, 5), dtype=dtype, endpoint=True)
            b = rng.integers(info.min, info.max, (40, 5, 20), dtype=dtype, endpoint=True)
            assert_same("tensordot", a, b)
            assert_same("tensordot", a, b, ([1], [0]))
        ones = np.ones((40, 300), bool)
        assert ER.tensordot(ones, ones.T, 1).all()
        assert_same("tensordot", ones, ones.T, 1)

    @pytest.mark.parametrize(
        "shapes", [((0, 3), (3, 4)), ((2, 0), (0, 4)), ((2, 3), (3, 0)), ((0,), (0,)), ((0, 0), (0, 0))]
    )
    def test_size_zero(self, shapes: tuple[tuple[int, ...], ...]) -> None:
        for dtype in ("f8", "i4", "?"):
            for axes in (0, 1):
                assert_same("tensordot", np.ones(shapes[0], dtype), np.ones(shapes[1], dtype), axes)

    def test_every_layout_of_either_operand(self) -> None:
        rng = np.random.default_rng(0)
        base = rng.standard_normal((6, 7, 8))
        layouts = [
            base,
            np.asfortranarray(base),
            base.transpose(1, 0, 2).copy().transpose(1, 0, 2),
            base[::-1],
            np.repeat(base, 2, 1)[:, ::2],
            np.broadcast_to(base[:1], base.shape),
            np.broadcast_to(base[:, :1], base.shape),
        ]
        for a, b in itertools.product(layouts, layouts):
            assert_same("tensordot", a, b, ([0, 2], [0, 2]))
            assert_same("tensordot", a, b, ([1], [1]))
            assert_same("tensordot", a, b.T, 1)

    def test_scalars_lists_matrices_and_subclasses(self) -> None:
        assert_same("tensordot", 2.0, [1.0, 2.0], 0)
        assert_same("tensordot", [[1, 2], [3, 4]], [[1, 2], [3, 4]], 1)
        assert_same("tensordot", np.ma.masked_array([1.0, 2.0], [0, 1]), np.ones(2), 1)
        objects = np.array([[1, 2], [3, 4]], dtype=object)
        assert np.array_equal(ER.tensordot(objects, objects, 1), np.tensordot(objects, objects, 1))
        for bad in (np.array(["a", "b"]), np.zeros(2, "M8[s]")):
            assert_same("tensordot", bad, bad, 1)

    def test_nothing_is_a_view(self) -> None:
        a = np.ones((2, 3))
        assert_same("tensordot", a, np.float64(1), 0)
        assert_same("tensordot", a, np.eye(3), 1)

    def test_operands_are_not_changed(self) -> None:
        before = A.copy(), B.copy()
        ER.tensordot(A, B, ([2, 1], [0, 1]))
        assert np.array_equal(A, before[0])
        assert np.array_equal(B, before[1])


def test_a_subclass_or_duck_gets_numpys_function() -> None:
    duck, a = Duck(), [[1.0]]
    for call in (lambda f: f(a, duck), lambda f: f(a, duck, 1), lambda f: f(duck, a, axes=([0], [0]))):
        function, args, kwargs = call(ER.tensordot)
        theirs = call(np.tensordot)
        assert function is np.tensordot
        assert all(x is y for x, y in zip(args, theirs[1], strict=True))
        assert kwargs == theirs[2]


def test_large_contractions_without_numpys_route() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((20, 30, 40)), rng.standard_normal((40, 30, 10))
    for axes in (1, ([1, 2], [1, 0]), ([2], [0]), ([2, 1], [0, 1])):
        with planned(forbid=("numpy.einsum",)):
            if axes != 1 or a.shape[-1] == b.shape[0]:
                assert_same("tensordot", a, b, axes)


@pytest.mark.parametrize(
    ("a", "b", "axes"),
    [
        ((4, 4), (5,), 2),
        ((4, 5), (4,), 2),
        ((4,), (4, 4), 2),
        ((), (3,), 1),
        ((2, 3), (3,), 900),
        ((2, 3), (3,), 2**60),
        ((2, 3), (3,), 2**62),
        ((2, 3), (3,), 2**63 - 1),
        ((2, 3), (3,), 2**64),
    ],
)
def test_more_axes_than_there_are_is_numpys_error(a, b, axes):
    with pytest.raises((ValueError, IndexError, OverflowError, MemoryError)) as theirs:
        np.tensordot(np.ones(a), np.ones(b), axes)
    with pytest.raises(type(theirs.value), match=f"axes={axes} asks for {axes} axes of each operand"):
        ER.tensordot(np.ones(a), np.ones(b), axes)
