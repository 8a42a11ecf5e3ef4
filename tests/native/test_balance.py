"""Reference counts and memory stay where they are over many calls; `EINROUTE_NIGHTLY=1`: over a million."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import einroute as er
from einroute._native import CORE
from einroute._native.flags import report
from tests.native.passes import bound

pytestmark = pytest.mark.skipif(CORE is None, reason="the core is not there")

STATM = Path("/proc/self/statm")
NIGHTLY = os.environ.get("EINROUTE_NIGHTLY", "0") not in ("", "0")
ROUNDS = 40_000 if NIGHTLY else 4_000  # of some 27 calls each


def resident() -> int:
    """Bytes of this process in memory."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def calls() -> tuple[list[Any], list[Callable[[], Any]]]:
    """What is held in every call, and the calls, some of which raise."""
    rng = np.random.default_rng(0)
    a, b, v = rng.random((3, 4)), rng.random((4, 3)), rng.random(4)
    z, whole, stack = a + 1j * a, np.arange(12).reshape(3, 4), rng.random((5, 3, 3))
    out, scalar, huge = np.empty((3, 3)), np.float64(2), np.array([1e308, 1e308])
    product = CORE.Product(
        "d", (3, 4), (4, 3), (3, 3), [(0, -1, 0, False), (-1, 1, 1, False), (1, 0, -1, False)], [0, 1], report
    )
    contraction = CORE.Contraction("ij,jk->ik", "d", [(3, 4), (4, 3)])
    one_pass = bound("ij,j->i", {"i": 3, "j": 4}, "d", 1)
    silent = CORE.Silent(one_pass, lambda a, v: a)
    u, s, vh = np.linalg.svd(rng.random((9, 3)), full_matrices=False)
    uh, w, m, y = (
        np.ascontiguousarray(u.T),
        np.ascontiguousarray(vh / s[:, None]),
        (u * s) @ vh,
        rng.random(9),
    )
    subscripts = "ij,jk->ik"
    held = [
        a, b, v, z, whole, stack, out, scalar, huge, product, contraction, one_pass, silent, uh, w, m, y,
        subscripts, a.dtype, z.dtype, whole.dtype, CORE.table_in_force(), report,
    ]  # fmt: skip
    made = [
        lambda: er.einsum(subscripts, a, b),
        lambda: er.einsum("ij,jk,k->i", a, b, b[0]),
        lambda: er.einsum("ij->ji", a),
        lambda: er.einsum("ij,ij->", z, z),
        lambda: er.einsum("ij->j", whole),
        lambda: er.einsum("i,j->", huge, huge),
        lambda: er.einsum("aij,ajk->aik", stack, stack),
        lambda: er.einsum(subscripts, a, b, out=out),
        lambda: er.einsum(subscripts, a, a),
        lambda: er.tensordot(a, b, 1),
        lambda: er.tensordot(a, b, axes=([1], [0])),
        lambda: er.tensordot(a, a, 1),
        lambda: er.dot(a, v),
        lambda: er.dot(a, b, out),
        lambda: er.dot(scalar, a),
        lambda: er.inner(v, v),
        lambda: er.vdot(v, v),
        lambda: er.outer(v, v),
        lambda: er.matmul(a, b),
        lambda: er.vecdot(a, a),
        lambda: product(a, b),
        lambda: product(a, b, out=out),
        lambda: product(a, a),
        lambda: contraction(a, b, out=out),
        lambda: contraction(a, out),
        lambda: one_pass(a, v),
        lambda: one_pass(v, v),
        lambda: silent(a, v),
        lambda: silent(a * 1e308, v * 1e308),
        lambda: silent(v, v),
        lambda: CORE.apply_factors(uh, w, m, y, True, 1e-200, 1e200, False),
    ]
    return held, made


def run(made: list[Callable[[], Any]], rounds: int) -> None:
    for call in made:
        for _ in range(rounds):
            with contextlib.suppress(ValueError, TypeError):
                call()


def counts(held: list[Any]) -> list[int]:
    gc.collect()
    return [sys.getrefcount(x) for x in (*held, None, True, 0)]


@pytest.mark.skipif(not STATM.exists(), reason="memory is looked up as on Linux")
def test_over_many_calls() -> None:
    held, made = calls()
    run(made, 200)
    before, memory = counts(held), resident()
    run(made, ROUNDS)
    after = counts(held)
    # Of what others hold too, as None, a few come and go; what leaks does so with every call.
    assert [y - x for x, y in zip(before, after, strict=True) if abs(y - x) > 20] == []
    assert resident() - memory < 2**22
