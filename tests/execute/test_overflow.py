"""Overflows that a step is watched for."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from einroute._base.threads import run_blocks
from einroute._execute import overflow


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
