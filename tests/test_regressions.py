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
