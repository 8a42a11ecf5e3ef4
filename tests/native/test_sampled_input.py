"""Index arrays that lie, parts that are read-only, mapped or replaced: what the core does of them."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import einroute as er
from einroute._native import CORE
from tests.helpers import outcome
from tests.native.sampled_operands import call, check
from tests.sparse_helpers import is_sparse, written_out

pytestmark = pytest.mark.skipif(CORE is None, reason="the core is not there")

#: What lies of index arrays, as ``(part, position, value)``.
LIES = [
    ("indices", 0, -1),
    ("indices", 3, 10**6),
    ("indices", 3, 2**31 - 1),
    ("indices", 2, -(2**31)),
    ("indptr", 0, 1),
    ("indptr", 2, 10**6),
    ("indptr", 3, -5),
    ("indptr", 6, 0),
]
LOOKED_UP = (
    "ij->i",
    "ij->ij",
    "ij->ji",
    "ii->i",
    "i,ij->ij",
    "i,ij,j->",
    "ij,ik,jk->ij",
    "ij,ik,jk->ik",
    "ij,ij->ij",
)


#: Labels of dense operands and of the result, as numbers.
LAID_OUT: tuple[tuple[tuple[tuple[int, ...], ...], tuple[int, ...]], ...] = (
    ((), (0,)),
    ((), ()),
    (((0,), (1,)), ()),
    (((0, 2), (1, 2)), (0,)),
    (((1, 2),), (0, 2)),
)


@pytest.mark.parametrize("index", ["i4", "i8"])
@pytest.mark.parametrize("subscripts", [*LOOKED_UP, "ij->", "ij,j->i", "ij,jk->ik"])
def test_coordinates_that_do_not_lie_side_by_side(subscripts: str, index: str) -> None:
    given, full = call(subscripts, "coo_array", "d", index)
    x = next(x for x in given if is_sparse(x))
    x.coords = tuple(np.stack(x.coords, axis=-1).T)  # as np.nonzero and np.unravel_index give them
    assert not x.coords[0].flags.c_contiguous
    made = er.einsum(subscripts, *given)
    shape, data, coords = CORE.sound_parts(x)
    assert shape == x.shape
    assert data is x.data
    for own, found in zip(x.coords, coords, strict=True):
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found, own)
    np.testing.assert_allclose(written_out(made), np.einsum(subscripts, *full))


class TestBadInput:
    """Index arrays that lie are an error that names the operand, and never a crash."""

    @pytest.mark.parametrize("subscripts", LOOKED_UP)
    @pytest.mark.parametrize("maker", ["csr_array", "csc_array", "GCXS"])
    @pytest.mark.parametrize(("part", "at", "value"), LIES)
    def test_lies_of_compressed_lines(
        self, subscripts: str, maker: str, part: str, at: int, value: int
    ) -> None:
        ours, _ = call(subscripts, maker, "d")
        position = next(i for i, x in enumerate(ours) if is_sparse(x))
        er.einsum(subscripts, *ours)
        lying = getattr(ours[position], part).copy()
        lying[at] = value
        setattr(ours[position], part, lying)
        with pytest.raises(ValueError, match=f"operand {position} "):
            er.einsum(subscripts, *ours)

    @pytest.mark.parametrize("subscripts", [*LOOKED_UP, "ijk->i", "ijk,jr,kr->ir", "ijk,ir,jr,kr->"])
    @pytest.mark.parametrize("value", [-1, 7, 2**31, 2**40, -(2**63)])
    def test_lies_of_coordinates(self, subscripts: str, value: int) -> None:
        ours, _ = call(subscripts, "coo_array", "d", "i8")
        position = next(i for i, x in enumerate(ours) if is_sparse(x))
        er.einsum(subscripts, *ours)
        coords = [x.copy() for x in ours[position].coords]
        coords[-1][2] = value
        ours[position].coords = tuple(coords)
        with pytest.raises(ValueError, match=f"operand {position} "):
            er.einsum(subscripts, *ours)

    def test_the_kernels_compare_what_they_use(self) -> None:
        rng = np.random.default_rng(0)
        data, x = rng.random(300), rng.random((7, 5))
        for index in (np.int32, np.int64):
            for lie in (-1, 7, np.iinfo(index).max, np.iinfo(index).min):
                at = rng.integers(0, 7, 300).astype(index)
                at[200] = lie
                good = rng.integers(0, 7, 300).astype(index)
                for dense, output in ((((0,), (1,)), ()), (((0, 2), (1, 2)), ()), (((0, 2), (1, 2)), (0, 2))):
                    kernel = CORE.Sampled("d", (0, 1), dense, output, (7, 7, 5)[: 2 + len(dense[0]) // 2])
                    given = [x[:, 0].copy() if len(labels) == 1 else x for labels in dense]
                    assert kernel(data, None, -1, (good, at), False, *given) is False
                    assert kernel(data, None, -1, (at, good), False, *given) is False
                rows = CORE.Sampled("d", (0, 1), (), (1,), (7, 7))
                assert rows(data, None, -1, (good, at), False) is False
                assert CORE.canonical_rows(data, None, -1, at, good, 7, 7) is None
                pointers = np.array([0, 40, 80, 120, 160, 200, 250, 300], index)
                other = (pointers, good, data)
                assert CORE.multiply_elements(pointers, at, data, *other, 7) is not True
                assert CORE.canonical_rows(data, pointers, 0, at, at, 7, 7) is None
                assert CORE.canonical_rows(data, pointers, 1, at, at, 7, 7) is None

    @pytest.mark.parametrize("at", range(8))
    @pytest.mark.parametrize("value", [-1, 0, 150, 301, 2**31 - 1])
    def test_pointers_that_lie_stay_within_the_arrays(self, at: int, value: int) -> None:
        rng = np.random.default_rng(0)
        data, index = rng.random(300), rng.integers(0, 7, 300).astype(np.int32)
        pointers = np.array([0, 40, 80, 120, 160, 200, 250, 300], np.int32)
        pointers[at] = value
        x, y = rng.random(7), rng.random((7, 5))
        for dense, output in LAID_OUT:
            for own in ((0, 1), (0, 0)) if not dense and output != (0,) else ((0, 1),):
                labels = {*own, *(label for x in dense for label in x)}
                kernel = CORE.Sampled("d", own, dense, output, (7, 7, 5)[: len(labels)], threads=2)
                given = [y if len(own_labels) == 2 else x for own_labels in dense]
                made = kernel(data, pointers, 0, (index, index), False, *given)
                assert made is None or made is False or made.shape == ((7, 5)[: len(output)])
        CORE.canonical_rows(data, pointers, 0, index, index, 7, 7)
        CORE.canonical_rows(data, pointers, 1, index, index, 7, 7)
        CORE.multiply_elements(pointers, index, data, pointers, index, data, 7)

    def test_arrays_that_do_not_fit(self) -> None:
        kernel = CORE.Sampled("d", (0, 1), ((1,),), (0,), (3, 4))
        at = np.zeros(2, np.int32)
        x = np.zeros(4)
        assert kernel(np.zeros(3), None, -1, (at, at), False, x) is None
        assert kernel(np.zeros(2, "f"), None, -1, (at, at), False, x) is None
        assert kernel(np.zeros(2), None, -1, (at, at.astype("i8")), False, x) is None
        assert kernel(np.zeros(2), None, -1, (at,), False, x) is None
        assert kernel(np.zeros(2), None, -1, (at, at), False, np.zeros(3)) is None
        assert kernel(np.zeros(2), at, 0, (at, at), False, x) is None
        with pytest.raises(TypeError, match="expected 6 arguments"):
            kernel(np.zeros(2), None, -1, (at, at), False)
        with pytest.raises(ValueError, match="kernels"):
            CORE.Sampled("e", (0,), (), (), (3,))
        for own, dense, sizes in (((0,), (), (3, 3)), ((1, 0), (), (3, 3)), ((0,), ((2,),), (3, 3))):
            with pytest.raises(ValueError, match="label"):
                CORE.Sampled("d", own, dense, (), sizes)

    @pytest.mark.parametrize("subscripts", ["ij->", "i,ij->ij", "ij,ik,jk->ij", "ij->ji"])
    def test_read_only_and_memory_mapped_parts(self, subscripts: str, tmp_path: Any) -> None:
        ours, plain = call(subscripts, "csr_array", "d")
        position = next(i for i, x in enumerate(ours) if is_sparse(x))
        a = ours[position]
        for part in ("data", "indices", "indptr"):
            np.save(tmp_path / f"{part}.npy", getattr(a, part))
            getattr(a, part).flags.writeable = False
        check(subscripts, ours, plain)
        mapped = sp.csr_array(a.shape)
        for part in ("data", "indices", "indptr"):
            setattr(mapped, part, np.load(tmp_path / f"{part}.npy", mmap_mode="r"))
        ours[position] = mapped
        check(subscripts, ours, plain)

    def test_parts_replaced_by_another_thread(self) -> None:
        rng = np.random.default_rng(0)
        a = sp.random_array((60, 60), density=0.3, rng=rng, format="csr")
        good, short = (a.data, a.indices), (a.data[:5].copy(), np.full(5, 10**6, np.int32))
        x, y = rng.random((60, 4)), rng.random((60, 4))
        calls = (("ij,ik,jk->ij", (a, x, y)), ("ij->ji", (a,)), ("ij,ij->ij", (a, a)))
        done = threading.Event()

        def replace() -> None:
            while not done.is_set():
                for a.data, a.indices in (short, good):
                    pass

        thread = threading.Thread(target=replace)
        thread.start()
        want = (60, 60)
        try:
            for _ in range(150):
                for subscripts, operands in calls:
                    got, error = outcome(er.einsum, (subscripts, *operands), {})
                    assert got is None or got.shape == want
                    assert error is None or "operand" in str(error) or "index arrays" in str(error)
        finally:
            done.set()
            thread.join()
