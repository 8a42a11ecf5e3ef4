"""Overflows that a step is watched for."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import einroute as er
from einroute._base.threads import run_blocks
from einroute._execute import overflow
from tests.helpers import forcing


def test_an_overflow_in_a_block_on_another_thread_is_heard() -> None:
    caller, both = threading.get_ident(), threading.Barrier(2)
    large = np.full(3, 1e308)

    def work(_: int) -> None:
        both.wait(60)
        if threading.get_ident() != caller:
            np.multiply(large, 10.0)

    heard: list[Any] = []
    run = overflow._watched(
        lambda *_: run_blocks(2, work, 2), lambda result, arrays, out: heard.append(arrays)
    )
    run("operand")
    assert heard == [("operand",)]


@pytest.mark.parametrize("subscripts", ["bij,jk->bik", "bij,bjk,b->bik", "bij,bjk,b->ik"])
def test_an_overflow_in_a_slice_is_repeated_in_numpys_order(subscripts: str) -> None:
    rng = np.random.default_rng(5)
    if subscripts.count(",") == 1:
        a, b = rng.random((2000, 12, 12)) + 0j, np.ones((12, 12), complex)
        a[-1, 2, :4], a[-2, 3, :4] = (1e308, 1e308, 1e308, -1e308), (9e307, 9e307, -9e307, -9e307)
        operands: tuple[np.ndarray, ...] = (a, b)
    else:
        operands = (rng.random((9000, 4, 64)), rng.random((9000, 64, 4)), np.full(9000, 0.5))
        operands[0][-1, 2, :2], operands[1][-1, :2, 1] = (1e308, -1e308), 10.0
        operands[0][-2, 2, :4], operands[1][-2, :4, 1] = (8e307, 8e307, -8e307, -8e307), 2.0
    with er.config(threads=2):
        result = er.einsum(subscripts, *operands)
    with np.errstate(all="ignore"):
        expected = np.einsum(subscripts, *operands)
    there = np.isfinite(expected)
    assert not there.all() or subscripts.endswith("->ik")
    np.testing.assert_array_equal(np.isfinite(result), there)
    np.testing.assert_allclose(result[there], expected[there], rtol=1e-11)


def test_products_do_not_sum_before_they_multiply_by_a_broadcast_factor() -> None:
    a, b = np.zeros((6, 10)), np.broadcast_to(1e-155, 10)
    a[4, 2:6] = 8e307
    with forcing("numpy.einsum"):
        for run in (lambda module: module.tensordot(a, b, 1), lambda module: module.matmul(a, b)):
            np.testing.assert_allclose(run(er), run(np), rtol=1e-14)
        out = np.empty(6)
        assert er.matmul(a, b, out=out) is out
        assert np.isfinite(out).all()
        assert np.einsum("ij,j->i", a, b)[4] == er.einsum("ij,j->i", a, b)[4] == np.inf  # as NumPy's does
