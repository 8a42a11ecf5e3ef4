"""Overflows that a step is watched for."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

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
