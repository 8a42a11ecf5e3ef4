"""Calls that are counted and timed in the core."""

from __future__ import annotations

import numpy as np
import pytest

from einroute._native import CORE

if CORE is None:
    pytest.skip("the compiled core is not there", allow_module_level=True)


def test_calls_are_handed_on_until_something_is_due() -> None:
    counted = CORE.Counted()
    counted.run, counted.left = (lambda *given, **named: ("run", given, named)), 3
    counted.due = lambda *given, **named: ("due", counted(), given, named)
    assert [counted(n, out=None)[0] for n in range(3)] == ["run", "run", "due"]
    # What is due runs once more, and what it calls is no trial.
    assert counted(7) == ("due", ("run", (), {}), (7,), {})
    counted.due = None
    assert counted(8) == ("run", (8,), {})


def test_what_is_due_may_raise() -> None:
    counted = CORE.Counted()
    counted.run, counted.due = (lambda: 1), (lambda: 1 / 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            counted()


def test_nothing_to_run_and_what_runs_itself() -> None:
    counted = CORE.Counted()
    with pytest.raises(TypeError, match="nothing to run"):
        counted()
    counted.run = counted
    with pytest.raises(RecursionError):
        counted()


def test_a_timed_call() -> None:
    seen = []
    result, seconds, _ = CORE.timed(lambda *x, **names: seen.append((x, names)) or 5, (1, 2), None, 0.0)
    assert (result, seen) == (5, [((1, 2), {})])
    assert seconds > 0
    CORE.timed(lambda *x, **names: seen.append((x, names)), (), 3, 1.0)
    assert seen[1] == ((), {"out": 3})
    with pytest.raises(ZeroDivisionError):
        CORE.timed(lambda: 1 / 0, (), None, 0.0)
    with pytest.raises(TypeError):
        CORE.timed(len, [], None, 0.0)


def test_the_manner_of_a_result() -> None:
    x = np.ones((3, 4))
    assert CORE.manner(x, True) == CORE.manner(np.zeros((3, 4)), True)
    assert CORE.manner(x, False) == CORE.manner(np.ones((4, 3)).T, False)
    read_only = np.ones((3, 4))
    read_only.flags.writeable = False
    others = [np.ones((4, 3)).T, np.ones((3, 5)), np.ones((3, 4), "f"), read_only]
    assert CORE.manner(x, True) not in [CORE.manner(other, True) for other in others]
    assert [CORE.manner(y, True) for y in (np.ma.ones(1), 1.0, x.astype(">f8"))] == [None] * 3
