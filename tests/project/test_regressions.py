"""Bugs that were found by hand; each test failed before its mend."""

import string
import threading
from typing import Any

import numpy as np
import pytest

import einroute as er


@pytest.mark.parametrize("dtype", [">i8", ">i4", ">u2"])
def test_large_matmul_of_swapped_integers_has_native_dtype(dtype: str) -> None:
    a, b = np.ones((2000, 1500), dtype), np.ones((1500, 4), dtype)
    ours, theirs = er.matmul(a, b), np.matmul(a, b)
    assert ours.dtype.str == theirs.dtype.str
    assert (ours == theirs).all()


def test_more_labels_than_letters() -> None:
    s = string.ascii_letters[:40]
    a, b = np.ones((1,) * 39 + (30,) + (1,) * 18 + (20, 1)), np.ones((30, 30, 20, 1))
    text = s + "...," + s[-1] + "X...->" + s[:-1] + "X..."
    assert er.einsum(text, a, b).shape == np.einsum(text, a, b).shape
    x, y = np.ones((1,) * 28 + (4, 5), "e"), np.ones((1,) * 29 + (6,), "e")
    assert er.tensordot(x, y, 0).shape == np.tensordot(x, y, 0).shape


def test_float16_slices_are_not_rounded_one_by_one() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3_000_000)).astype("e")
    x[:, 1_500_000:] = -x[:, :1_500_000]
    x[:, 7] = 3
    exact = x.astype("d").sum(axis=1)
    for threads in (1, 2):
        with er.config(threads=threads):
            np.testing.assert_allclose(er.einsum("ij->i", x), exact, atol=0.05)


@pytest.mark.parametrize("dtype", ["f", "d"])
def test_outer_tensordot_and_multi_dot_obey_errstate(dtype: str) -> None:
    h = np.full(2000, np.finfo(dtype).max, dtype)
    m = np.full((3, 3), np.finfo(dtype).max, dtype)
    calls: list[Any] = [
        lambda xp: xp.outer(h, h),
        lambda xp: xp.tensordot(h, h, 0),
        lambda xp: xp.linalg.multi_dot([m] * 4),
        lambda xp: xp.linalg.multi_dot([m[0], m, m[0]]),
    ]
    for call in calls:
        with np.errstate(all="raise"):
            try:
                call(np)
            except FloatingPointError:
                with pytest.raises(FloatingPointError):
                    call(er)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        er.outer(h, h)  # on every NumPy; dot looks at the flags from 2.3 on


def test_no_more_threads_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    x = np.ones((3000, 1000))
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with er.config(threads=7):
        np.testing.assert_allclose(er.einsum("ij,ij->i", x, x), 1000.0)


@pytest.mark.parametrize("subscripts", ["ij,ij,ji->ij", "ij,i,ji->ji", "ij,j,i->ij", "ij,ji,ij->ji"])
@pytest.mark.parametrize("shape", [(30, 30), (400, 400)])
def test_products_written_over_an_intermediate(subscripts: str, shape: tuple[int, int]) -> None:
    terms = subscripts.partition("->")[0].split(",")
    rng = np.random.default_rng(0)
    operands = [rng.standard_normal(shape[: len(term)]) for term in terms]
    before = [x.copy() for x in operands]
    with er.config(threads=2):
        for order in "KCF":
            result = er.einsum(subscripts, *operands, order=order)
            np.testing.assert_allclose(result, np.einsum(subscripts, *operands), rtol=1e-13)
            assert not any(np.shares_memory(result, x) for x in operands)
            if order != "K":
                assert result.flags[f"{order}_CONTIGUOUS"]
    for x, was in zip(operands, before, strict=True):
        assert (x == was).all()


@pytest.mark.parametrize("n", [9000, 20_000, 65_537])
def test_overflow_is_found_wherever_it_is_in_the_result(n: int) -> None:
    a, b, c = np.ones((n, 2)), np.ones((2, 3)), np.ones((3, 1))
    for row in (0, n // 2, n - 1):
        x = a.copy()
        x[row] = 1e308
        with er.config(reproducible=True):  # planned at once
            ours = er.einsum("ij,jk,kl->il", x, b, c * 1e-300, optimize=True)
        theirs = np.einsum("ij,jk,kl->il", x, b, c * 1e-300)
        np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(theirs))


def test_tensors_are_multiplied_into_parts_of_larger_arrays() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((60, 30, 20)), rng.standard_normal((20, 300))
    room = np.full((60, 30, 400), 7.0)
    result = er.einsum("ijk,kl->ijl", a, b, out=room[..., :300])
    np.testing.assert_allclose(result, np.tensordot(a, b, 1), rtol=1e-12, atol=1e-12)
    assert (room[..., 300:] == 7).all()
