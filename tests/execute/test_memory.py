"""A contraction takes the memory of its operands, its result and what was planned, and no more."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from tests.helpers import (
    ER,
    forcing,
    peak_of,
)

pytestmark = pytest.mark.usefixtures("way")


class TestMemory:
    def test_sliding_windows_are_strided_over(self) -> None:
        image = np.random.default_rng(0).standard_normal((300, 500))
        kernel = np.random.default_rng(1).standard_normal((10, 12))
        windows = sliding_window_view(image, (10, 12))
        calls = (
            lambda: ER.einsum("ijkl,kl->ij", windows, kernel),
            lambda: ER.tensordot(windows, kernel, 2),
            lambda: ER.tensordot(windows, kernel, axes=((2, 3), (0, 1))),
        )
        for call in calls:
            result, peak = peak_of(call)
            assert peak < 4 * (image.nbytes + result.nbytes)
            expected = sum(
                kernel[y, x] * image[y : y + 291, x : x + 489]
                for y, x in itertools.product(range(10), range(12))
            )
            np.testing.assert_allclose(result, expected, rtol=1e-10, atol=1e-10)

    def test_broadcast_operands_are_not_written_out(self) -> None:
        a = np.broadcast_to(np.random.default_rng(0).standard_normal((1, 300)), (20000, 300))
        b = np.ones(300)
        result, peak = peak_of(lambda: ER.einsum("ij,j->i", a, b))
        assert peak < 3 * (b.nbytes + result.nbytes) + 100_000
        np.testing.assert_allclose(result, np.einsum("ij,j->i", a[:1], b)[0], rtol=1e-10)

    def test_nothing_beyond_operands_and_result(self) -> None:
        rng = np.random.default_rng(0)
        a, b = rng.standard_normal((400, 500)), rng.standard_normal((500, 300))
        for text, arrays in (
            ("ij,jk->ik", (a, b)),
            ("ji,kj->ik", (a.T, b.T)),
            ("ij,jk->ki", (a, b)),
            ("ij,ij->i", (a, a)),
        ):
            result, peak = peak_of(lambda text=text, arrays=arrays: ER.einsum(text, *arrays))
            assert peak < 1.2 * np.asarray(result).nbytes + 100_000

    def test_a_product_of_three_takes_the_memory_of_an_intermediate(self) -> None:
        rng = np.random.default_rng(0)
        arrays = rng.standard_normal((3, 4)), *(rng.standard_normal((2, 3)) for _ in range(3))
        path = ["einsum_path", (1, 2), (0, 1, 2)]
        with forcing("dense.one_pass"):
            result = ER.einsum("ja,kj,kj,kj->kj", *arrays, optimize=path)
        np.testing.assert_allclose(result, np.einsum("ja,kj,kj,kj->kj", *arrays), rtol=1e-12)

    def test_operands_that_are_no_numbers_are_looked_at_where_they_lie(self) -> None:
        a, b = np.broadcast_to(np.nan, (1, 30_000_000)), np.broadcast_to(1.0, 30_000_000)
        result, peak = peak_of(lambda: ER.einsum("ij,j->i", a, b))
        assert np.isnan(result).all()
        assert peak < 1_000_000

    def test_a_memory_limit_slices(self) -> None:
        rng = np.random.default_rng(0)
        a, b, c = (
            rng.standard_normal((200, 200, 20)),
            rng.standard_normal((200, 20, 200)),
            rng.standard_normal((200, 200)),
        )
        text = "ijk,jkl,li->"
        right = np.einsum(text, a, b, c, optimize=True)
        limit = 1 << 17
        with ER.config(memory_limit=limit):
            ER.einsum(text, a[:2, :2], b[:2, :, :2], c[:2, :2])
            result, peak = peak_of(lambda: ER.einsum(text, a, b, c))
        np.testing.assert_allclose(result, right, rtol=1e-8)
        assert peak < 4 * limit


def test_a_result_that_there_is_no_memory_for_is_refused_at_once() -> None:
    """Its slices are not listed first: of so many the list alone would take all memory."""
    x = np.broadcast_to(np.float64(2), (1 << 40,))
    with pytest.raises((MemoryError, ValueError)):
        ER.einsum("i,j->ij", x, x)
