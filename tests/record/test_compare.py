"""Calls compared with NumPy's own functions: what stands against what, by times that the tests set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import einroute as er
from einroute._base.watch import WATCH, CallTrace
from einroute._record import compare, report, samples
from einroute._record.compare import Compared, Comparison
from einroute._record.recording import Recording
from einroute._record.samples import Sample

A = np.arange(1600.0).reshape(40, 40)


@contextmanager
def listening(listener: Recording) -> Iterator[Any]:
    er.cache_clear()
    WATCH.enter(listener, everywhere=True)
    try:
        yield listener
    finally:
        WATCH.leave(listener, everywhere=True)


def whole(recording: Comparison) -> Compared:
    return sum((recording.compared(site) for site in recording.by_site()), Compared())


@pytest.fixture
def set_times(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make every call take 1 s by einroute and 3 s by NumPy, or as the test says; nothing is run again."""

    def put(*found: Sample) -> None:
        left = iter(found)

        def in_turn(ours: Any, theirs: Any, once: float) -> tuple[float, float]:
            one = next(left, found[-1])
            return one.ours, one.numpys

        monkeypatch.setattr(samples, "_in_turn", in_turn)

    return put


class Traces(Recording):
    """Keeps what is told of the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.traces: list[CallTrace] = []

    def take(self, trace: CallTrace, args: Any, kwargs: Any) -> None:
        self.traces.append(trace)


class TestPlanning:
    @pytest.mark.parametrize(
        "call",
        [
            lambda: er.einsum("ij,jk->ik", A, A),
            lambda: er.einsum("ij,jk,kl->il", A, A, A),
            lambda: er.einsum("ij,jk->ik", A, A, order="F"),
            lambda: er.tensordot(A, A, axes=1),
            lambda: er.dot(A.astype(int), A.astype(int)),
            lambda: er.einsum("ij,jk->k", er.one_hot(np.arange(50), 60), np.ones((60, 30))),
        ],
    )
    def test_it_is_told_once(self, call: Callable[[], Any]) -> None:
        with listening(Traces()) as r:
            for _ in range(3):
                call()
        assert 0 < r.traces[0].planning < r.traces[0].seconds
        assert [trace.planning for trace in r.traces[1:]] == [0.0, 0.0]

    @pytest.mark.parametrize("call", [lambda: er.dot(A, A), lambda: er.lstsq(A, A[0])])
    def test_nothing_was_planned(self, call: Callable[[], Any]) -> None:
        with listening(Traces()) as r:
            call()
        assert r.traces[0].planning == 0.0


class TestWhatIsCompared:
    def test_all_calls_by_the_medians_of_the_sampled_ones(self, set_times: Callable[..., None]) -> None:
        set_times(Sample(9.0, 3.0), Sample(1.0, 3.0), Sample(1.0, 700.0))
        with listening(Comparison(1e6)) as r:
            for _ in range(5):
                er.einsum("ij,jk->ik", A, A)
        found = whole(r)
        assert (found.calls, found.samples, found.ours, found.numpys) == (5, 3, 5.0, 15.0)
        assert found.faster == 3.0
        assert found.planning > 0

    def test_sizes_apart(self, set_times: Callable[..., None]) -> None:
        set_times(Sample(1.0, 2.0), Sample(10.0, 50.0), Sample(1.0, 2.0), Sample(1.0, 2.0))
        with listening(Comparison(1e6)) as r:
            for n in (30, 40, 30, 30, 30):
                er.einsum("ij,jk->ik", A[:n], A)
        found = whole(r)
        assert (found.calls, found.ours, found.numpys) == (5, 14.0, 58.0)

    def test_many_sizes_are_taken_together(
        self, set_times: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(compare, "MOST_GROUPS", 3)
        set_times(Sample(1.0, 2.0))
        with listening(Comparison(1e6)) as r:
            for n in range(20, 30):
                er.einsum("ij,jk->ik", A[:n], A)
        found = whole(r)
        assert (found.calls, found.samples) == (10, 3 + 3)  # of the other seven the 1st, 2nd and 4th

    def test_numpys_own_function_is_the_same(self, set_times: Callable[..., None]) -> None:
        set_times(Sample(1.0, 3.0))
        with listening(Comparison(1e6)) as r:
            for _ in range(3):
                er.dot(A, A)
        found = whole(r)
        assert (found.calls, found.same, found.samples) == (3, 3, 0)
        assert found.ours == found.numpys == pytest.approx(r.seconds)  # 3 s a call is no short one

    def test_kept_factors_are_not_asked_again(self) -> None:
        for n in range(1, 5):
            with listening(Comparison(1e6)):
                for k in range(n):
                    er.lstsq(A + np.eye(40), A[k])
            plain = Traces()
            with listening(plain):
                for k in range(n):
                    er.lstsq(A + np.eye(40), A[k])
            with listening(Comparison(1e6)) as r:
                for k in range(n):
                    er.lstsq(A + np.eye(40), A[k])
            assert [made.cache for made in r.records] == [trace.cache for trace in plain.traces]

    def test_what_cannot_be_called_again_is_left_out(self, set_times: Callable[..., None]) -> None:
        set_times(Sample(1.0, 3.0))
        with listening(Comparison(1e6)) as r:
            er.einsum("ij,jk->ik", A, A, casting="same_kind")
            er.einsum("tr,rk->tk", er.one_hot(np.arange(40), 40), A)
            er.einsum("ij,jk->ik", A, A)
        found = whole(r)
        assert (found.calls, found.left_out) == (1, 2)

    def test_nothing_is_compared_once_the_time_is_spent(self) -> None:
        with listening(Comparison(0.0)) as r:
            er.einsum("ij,jk->ik", A, A)
            er.dot(A, A)
        found = whole(r)
        assert (found.calls, found.left_out) == (0, 2)

    def test_a_call_timed_again_is_told_to_nobody(self) -> None:
        with er.record() as inner, listening(Comparison(1e6)) as r:
            for _ in range(4):
                er.einsum("ij,jk->ik", A, A)
        assert inner.calls == r.calls == 4
        assert whole(r).samples == 3
        assert [made.cache for made in inner.records] == ["miss", "hit", "hit", "hit"]


class TestSentence:
    @pytest.mark.parametrize(
        ("found", "says"),
        [
            (
                Compared(10, 0, 0, 3, 1.2, 3.9),
                "einroute made these calls 3.25 times faster: 1.2 s instead of 3.9 s.",
            ),
            (
                Compared(10, 0, 2, 3, 1.0, 30.0, 0.5),
                (
                    "einroute made these calls 30 times faster: 1 s instead of 30 s. "
                    "Planning, which is done once for calls of one kind, took 500 ms more."
                ),
            ),
            (
                Compared(10, 0, 0, 3, 3.0, 1.5, 1e-3),
                "einroute made these calls 2.00 times slower: 3 s instead of 1.5 s.",
            ),
            (Compared(10, 0, 0, 3, 1.0, 1.01), "With einroute these calls take as long as without: 1 s."),
            (
                Compared(10, 0, 10, 0, 1.0, 1.0),
                "NumPy's own functions answered these calls: einroute makes no difference to them.",
            ),
            (
                Compared(10, 1, 0, 3, 1.0, 2.0),
                (
                    "einroute made the calls compared (10) 2.00 times faster: 1 s instead of 2 s. "
                    "1 call could not be compared."
                ),
            ),
            (
                Compared(0, 7),
                (
                    "None of these calls could be compared: NumPy's functions do not take their operands, "
                    "or the time that was set for comparing is too short."
                ),
            ),
        ],
    )
    def test_it_says_what_was_gained(self, found: Compared, says: str) -> None:
        assert " ".join(report._sentences(found)) == says

    def test_a_page_ends_with_it(self, set_times: Callable[..., None]) -> None:
        set_times(Sample(1.0, 3.0))
        with listening(Comparison(1e6)) as r:
            er.einsum("ij,jk->ik", A, A)
        says = "einroute made these calls 3.00 times faster: 1 s instead of 3 s."
        assert f"<p><b>{says}" in report.as_page(r, 1.0, "x.py")
        assert report.as_report(r, 1.0).splitlines()[-1].startswith(says)
