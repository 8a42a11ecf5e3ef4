"""Dense by sparse matrices of few entries, which are added one by one to a result of zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import einroute as er


def _matrix(rng: np.random.Generator, form: str, shape: tuple[int, int], count: int, dtype: str) -> Any:
    at = rng.integers(0, shape[0], count), rng.integers(0, shape[1], count)
    data = rng.integers(0, 2 if dtype == "?" else 9, count).astype(dtype)
    return sparse.coo_array((data, at), shape=shape).asformat(form)


def _laid(rng: np.random.Generator, shape: tuple[int, ...], order: Any, step: int, dtype: str) -> np.ndarray:
    """An array with its axes in that order in memory, elements of the last one so many apart."""
    order = np.argsort(np.array(order), kind="stable")
    whole = [shape[i] for i in order]
    whole[-1] *= step
    data = rng.integers(0, 2 if dtype == "?" else 9, whole).astype(dtype)
    return np.asarray(data[..., ::step].transpose(np.argsort(order)))


@given(
    st.sampled_from(["csr", "csc", "coo"]),
    st.sampled_from(["abi,ji->abj", "abi,ij->abj", "abi,ij->jab", "abi,ji->ajb"]),
    st.tuples(*[st.sampled_from([1, 2, 7, 16, 150])] * 2), st.integers(1, 60), st.integers(1, 60),
    st.integers(0, 9),
    st.permutations([0, 1, 2]), st.sampled_from([1, 2, -1]), st.sampled_from("dfFDl?"), st.sampled_from("KF"),
    st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_layout(
    form: str, subscripts: str, free: tuple[int, int], n: int, m: int, count: int, order: Any, step: int,
    dtype: str, wanted: str, seed: int,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    x = _laid(rng, (*free, m), order, abs(step), dtype)[..., :: -1 if step < 0 else 1]
    a = _matrix(rng, form, (n, m) if "ji-" in subscripts else (m, n), count, dtype)
    expected = np.einsum(subscripts, x, a.toarray())
    for _ in range(2):  # planned, and found again
        got = er.einsum(subscripts, x, a, order=wanted)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)
        assert got.flags.f_contiguous if wanted == "F" else got.flags.c_contiguous


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16"])
def test_what_overflows_in_a_row_that_has_an_entry(form: str, dtype: str) -> None:
    """The call is done again in NumPy's order, where it is seen."""
    large = np.finfo(dtype).max
    a = sparse.coo_array((np.array([1, 2, 3], dtype), ([2, 900, 901], [1, 0, 2])), shape=(1000, 3))
    x = np.ones((40, 3), dtype)
    x[7, 0] = large
    for subscripts, operand in (("ij,kj->ik", x), ("ij,jk->ik", np.ascontiguousarray(x.T))):
        expected = np.einsum(subscripts, a.toarray(), operand)
        assert np.isinf(expected).any()
        for _ in range(2):
            got = er.einsum(subscripts, a.asformat(form), operand)
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(("part", "wrong"), [("indices", 3), ("indices", -1), ("indptr", 9)])
@pytest.mark.parametrize("form", ["csr", "csc"])
def test_wrong_indices_are_named(form: str, part: str, wrong: int) -> None:
    for _ in range(2):
        a = _matrix(np.random.default_rng(3), form, (3, 3), 2, "f8")
        x = np.ones((50, 20, 3))
        er.einsum("abi,ji->abj", x, a)
        getattr(a, part)[1] = wrong
        with pytest.raises(ValueError, match="operand 1"):
            er.einsum("abi,ji->abj", x, a)
