"""Overrides entered and left by some threads while others call: values stay right, and all is put back."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg  # noqa: F401 - its functions are replaced too

import einroute as er
from einroute._native import CORE
from tests.routed_names import NAMES

ROUNDS = 60  # of entering and leaving, in each thread that does
A, B = np.arange(12.0).reshape(3, 4), np.arange(8.0).reshape(4, 2)
PRODUCT = A @ B
CALLS: dict[str, Callable[[int], Any]] = {
    # A label that is new each time is understood anew, while others are found again.
    "np.einsum": lambda i: np.einsum(f"ab,b{chr(ord('c') + i % 9)}->a{chr(ord('c') + i % 9)}", A, B),
    "np.dot": lambda _: np.dot(A, B),
    "np.dot into": lambda _: np.dot(A, B, out=np.empty((3, 2))),
    "np.tensordot": lambda _: np.tensordot(A, B, 1),
    "np.linalg.multi_dot": lambda _: np.linalg.multi_dot([A, B, np.eye(2)]),
    "er.einsum": lambda _: er.einsum("ij,jk->ik", A, B),
    "er.dot": lambda _: er.dot(A, B),
}


def standing() -> dict[str, Any]:
    """What stands at the names that an override may replace."""
    found = {}
    for name in NAMES:
        module, _, last = name.rpartition(".")
        found[name] = vars(sys.modules[module])[last]
    return found


def enter(_: int) -> None:
    for i in range(ROUNDS):
        with er.override(*(("einsum", "dot") if i % 2 else ())):
            np.dot(A, B)


def install(_: int) -> None:
    for _ in range(ROUNDS):
        er.install("einsum", "tensordot")
        er.uninstall()


def configure(_: int) -> None:
    for i in range(ROUNDS):
        with er.config(reproducible=bool(i % 2)):
            np.testing.assert_array_equal(er.dot(A, B), PRODUCT)


@pytest.mark.parametrize("changes", [(enter, enter), (install,), (enter, install, configure)])
def test_calls_beside_overrides_that_come_and_go(changes: tuple[Callable[[int], None], ...]) -> None:
    before = standing()
    start, ended, faults = threading.Barrier(len(changes) + len(CALLS)), threading.Event(), []

    def guarded(work: Callable[[int], None], i: int) -> None:
        start.wait()
        try:
            work(i)
        except BaseException as error:
            faults.append(error)

    def call(which: int) -> None:
        call = list(CALLS.values())[which]
        i = 0
        while not ended.is_set() or i < ROUNDS:
            np.testing.assert_array_equal(call(i), PRODUCT)
            i += 1

    changing = [threading.Thread(target=guarded, args=(work, 0)) for work in changes]
    calling = [threading.Thread(target=guarded, args=(call, i)) for i in range(len(CALLS))]
    for thread in (*changing, *calling):
        thread.start()
    for thread in changing:
        thread.join()
    ended.set()
    for thread in calling:
        thread.join()
    assert not faults
    after = standing()
    assert {name for name in NAMES if after[name] is not before[name]} == set()
    for i, run in enumerate(CALLS.values()):
        np.testing.assert_array_equal(run(i), PRODUCT)


@pytest.mark.skipif(CORE is None, reason="the compiled core is not there")
def test_the_table_in_force_stays_whole() -> None:
    assert CORE is not None
    test_calls_beside_overrides_that_come_and_go((enter, enter))
    table = CORE.table_in_force()
    assert table is not None
    er.einsum("xy,yz->xz", A, B)
    known = len(table)
    assert known > 0
    np.testing.assert_array_equal(er.einsum("xy,yz->xz", A, B), PRODUCT)
    assert len(table) == known  # found again, and nothing beside it was taken in twice
