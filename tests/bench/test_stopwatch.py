"""What a lap is, on clocks that are told what to say."""

from __future__ import annotations

import pytest

from einroute._bench import stopwatch


class Clocks:
    """Of a run: the time that passes, the thread's processor time, and that of all threads."""

    def __init__(self, monkeypatch, passed, own, every):
        self.now = [0.0, 0.0, 0.0]
        self.adds = [passed, own, every]
        self.runs = 0
        for i, name in enumerate(("perf_counter", "thread_time", "process_time")):
            monkeypatch.setattr(stopwatch.time, name, lambda i=i: self.now[i])
        monkeypatch.setattr(stopwatch, "_BY_PROCESSOR", True)

    def run(self):
        self.runs += 1
        self.now = [now + more for now, more in zip(self.now, self.adds, strict=True)]


@pytest.mark.parametrize(
    ("passed", "own", "every", "seconds", "spoilt"),
    [
        (1.0, 1.0, 1.0, 1.0, False),
        (5.0, 1.0, 1.0, 1.0, False),  # it waited for a core
        (1.0, 1.0, 2.0, 1.0, False),  # two threads
        (1.0, 0.1, 1.9, 1.0, False),
        (3.0, 1.0, 2.0, 3.0, True),  # two threads that waited
    ],
)
def test_whose_time_counts(monkeypatch, passed, own, every, seconds, spoilt):
    clocks = Clocks(monkeypatch, passed, own, every)
    assert stopwatch.lap(clocks.run) == stopwatch.Lap(seconds, spoilt)
    found = stopwatch.lap(clocks.run, 10)
    assert found.seconds == pytest.approx(seconds)


def test_without_such_a_clock_the_time_that_passes_counts(monkeypatch):
    clocks = Clocks(monkeypatch, 5.0, 1.0, 1.0)
    monkeypatch.setattr(stopwatch, "_BY_PROCESSOR", False)
    assert stopwatch.lap(clocks.run) == stopwatch.Lap(5.0, spoilt=False)


def test_the_fastest_lap_that_is_not_spoilt(monkeypatch):
    laps = iter([(9.0, False), (2.0, True), (3.0, False), (4.0, False), (5.0, False), (6.0, False)])
    monkeypatch.setattr(stopwatch, "lap", lambda *_: stopwatch.Lap(*next(laps)))
    assert stopwatch.fastest(print, 100.0) == stopwatch.Lap(3.0, spoilt=False)
    laps = iter([(2.0, True), (1.0, True)])
    assert stopwatch.fastest(print, 0.5, rounds=1, long=1.5) == stopwatch.Lap(2.0, spoilt=True)


def test_what_takes_long_is_run_once(monkeypatch):
    clocks = Clocks(monkeypatch, 1.0, 1.0, 1.0)
    assert stopwatch.fastest(clocks.run, 1e-3, long=0.5).seconds == 1.0
    assert clocks.runs == 1
