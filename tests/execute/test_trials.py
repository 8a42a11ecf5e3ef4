"""Trials: what is tried when, that results stay what they are, and that the fastest plan stays."""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from itertools import count, pairwise

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import einroute as er
from einroute._execute import call, trials, tuning
from einroute._execute.call import Call
from einroute._execute.findings import FINDINGS
from einroute._execute.tuning import Candidate, Outcome, Tuned, fastest_of
from einroute._native import CORE
from einroute._plan import planner
from tests.helpers import peak_of
from tests.processes import printed

RNG = np.random.default_rng(20)


@pytest.fixture(autouse=True)
def _nothing_found():
    er.wisdom.forget()
    yield
    er.wisdom.forget()


class Clock:
    """In place of the clock: a plan takes what it is said to take, in ms."""

    def __init__(self, monkeypatch, **seconds):
        self.seconds = {name: 1e-3 * ms for name, ms in seconds.items()}
        self.ran, self.spoilt = [], set()
        monkeypatch.setattr(tuning, "_timed", self.timed)
        monkeypatch.setattr(tuning, "perf_counter", lambda: 0.0)
        self.outcome = None
        first, *others = seconds
        candidates = [Candidate(name, self.runner(name), 1.0) for name in others]
        self.tuned = Tuned(first, self.runner(first), lambda *_: candidates, self.settle)

    def runner(self, name):
        def run(x, out=None):
            self.ran.append(name)
            if name.startswith("fails"):
                raise RuntimeError
            return np.full(3, x) if not name.startswith("f32") else np.full(3, x, "f4")

        run.plan = name
        return run

    def timed(self, run, operands, out, expected=0.0):
        result = run(*operands)
        return result, self.seconds[run.plan], len(self.ran) in self.spoilt

    def settle(self, tuned, outcome):
        assert self.outcome is None
        self.outcome = outcome

    def call(self, most=2000):
        for _ in range(most):
            np.testing.assert_array_equal(self.tuned(2.0), np.full(3, 2.0))
            assert self.tuned(2.0).dtype == float
            if self.outcome is not None:
                break
        return self.outcome


class TestTuned:
    def test_the_fastest_takes_the_place(self, monkeypatch):
        clock = Clock(monkeypatch, own=1.0, slower=3.0, fast=0.5, faster=0.25)
        assert clock.call().name == "faster"
        clock.ran.clear()
        clock.tuned(2.0)
        assert clock.ran == ["faster"]
        assert set(clock.outcome.took) == {"own", "slower", "fast", "faster"}

    def test_not_for_what_a_clock_may_get_wrong(self, monkeypatch):
        assert Clock(monkeypatch, own=1.0, other=0.95).call().name == "own"

    @pytest.mark.parametrize("other", [0.1, 1.0, 2.0, 30.0])
    def test_trials_take_a_tenth_at_most(self, monkeypatch, other):
        """But for a single run of what was estimated to take less than it does."""
        clock = Clock(monkeypatch, own=1.0, other=other, third=1.0)
        clock.call()
        for end in range(1, len(clock.ran) + 1):
            spent = sum(clock.seconds[name] for name in clock.ran[:end])
            ran = clock.ran[:end]  # after two runs the other one is what is run, if it is faster
            tried = min(2, ran.count("other")) * clock.seconds["other"]
            tried += ran.count("third") * clock.seconds["third"]
            unforeseen = clock.seconds["other"] - clock.seconds["own"]
            assert tried <= 0.1 * spent + clock.seconds["own"] + max(0.0, unforeseen)
        if other >= 1.0:
            assert clock.ran.count("other") == (1 if other > 2.5 else 2)

    @pytest.mark.parametrize("planning", [0.5e-3, 2.5e-3, 0.2])
    def test_others_are_looked_for_when_that_is_earned(self, monkeypatch, planning):
        clock = Clock(monkeypatch, own=1.0)
        asked = []

        def candidates(_, took):
            assert took == 1e-3
            asked.append(len(clock.ran))
            return ()

        tuned = Tuned("own", clock.runner("own"), candidates, clock.settle, planning=planning)
        for _ in range(2100):
            tuned(2.0)
        (before,) = asked
        assert planning <= 0.1 * (before + 1) * 1e-3 <= planning + 0.4e-3

    def test_where_all_may_be_tried_the_plan_is_made_again(self, monkeypatch):
        """What that takes is foreseen from what it took the first time, and how often it is done."""
        told = {}

        class Told(Tuned):
            def __init__(self, *args, planning, **more):
                told[er.get_config()["tune"]] = planning, args[2]
                super().__init__(*args, planning=planning, **more)

        monkeypatch.setattr(trials, "Tuned", Told)
        operands = [RNG.integers(0, 9, (30, 30)) for _ in range(3)]
        ticks, plans, cold, planned = count(), [], [0.0], Call.planned

        def counted(self, *args, **kwargs):
            plans.append(next(ticks))
            return planned(self, *args, **kwargs)

        monkeypatch.setattr(Call, "planned", counted)
        for module in (trials, call):  # a planning takes a millisecond, and the very first one a second
            monkeypatch.setattr(module, "perf_counter", lambda: 1e-3 * len(plans) + (cold[0] if plans else 0))
        for tune, seconds in (("same", 0.0), ("cold", 1.0), ("free", 0.0)):
            er.cache_clear()
            plans.clear()
            cold[0] = seconds
            with er.config(tune="free" if tune == "cold" else tune, threads=2):
                er.einsum("ij,jk,kl->il", *operands)
                told[tune] = told[er.get_config()["tune"]]
        assert told["same"][0] < 0.001
        assert told["cold"][0] < 0.02
        planning, candidates = told["free"]
        plans.clear()
        with er.config(tune="free", threads=2):
            candidates(tuple(operands), 1.0)
        assert len(plans) > 3
        assert 1e-3 * len(plans) <= planning <= 1e-3 * (len(plans) + 2)

    @pytest.mark.parametrize("subscripts", ["in,ijn->ij", "in,ijn,i->j"])
    def test_so_are_the_plans_of_what_a_rewrite_hands_on(self, monkeypatch, subscripts):
        told, plans = [], []

        class Told(Tuned):
            def __init__(self, *args, planning, **more):
                told.append((planning, args[2]))
                super().__init__(*args, planning=planning, **more)

        make_plan = planner.make_plan

        def counted(handed, *args, **more):
            plans.append(len(handed.inputs))
            return make_plan(handed, *args, **more)

        monkeypatch.setattr(trials, "Tuned", Told)
        monkeypatch.setattr(planner, "make_plan", counted)
        for module in (trials, call):  # the very first planning takes a second
            monkeypatch.setattr(module, "perf_counter", lambda: float(len(plans) > 0))
        operands = [RNG.random((300, 7)), er.rolled(RNG.random((300, 7)), 29), RNG.random(300)]
        operands = operands[: len(subscripts.split(","))]
        with er.config(tune="free", threads=2):
            er.einsum(subscripts, *operands)
            ((planning, candidates),) = told
            plans.clear()
            candidates(tuple(operands), 1.0)
        assert plans
        assert trials._PLANNING * sum(plans) < planning < 0.05

    def test_what_was_found_to_be_faster_is_run_at_once(self, monkeypatch):
        clock = Clock(monkeypatch, own=1.0, fast=0.5, slower=3.0, faster=0.25)
        assert clock.call().name == "faster"
        found = [clock.ran.index(name) for name in ("fast", "slower", "faster")]
        between = clock.ran[found[0] + 4 : found[1]]  # after two of its runs, and one of the plan
        assert len(between) > 10
        assert set(between) == {"fast"}
        assert {*clock.ran[found[1] :]} == {"own", "fast", "slower", "faster"}
        # Still a tenth of the time: that of what is run.
        spent = sum(clock.seconds[name] for name in clock.ran[: found[2]])
        assert 0.1 * spent + 1e-3 >= 0.5e-3 * 2 + 3e-3

    def test_a_call_of_microseconds_is_not_tried(self, monkeypatch):
        clock = Clock(monkeypatch, own=0.005, other=0.001)
        assert clock.call().name == "own"
        assert "other" not in clock.ran
        assert clock.outcome.took == {"own": clock.seconds["own"]}

    @pytest.mark.parametrize("bad", ["fails", "f32"])
    def test_what_fails_or_gives_something_else_is_never_the_answer(self, monkeypatch, bad):
        clock = Clock(monkeypatch, own=1.0, **{bad: 0.1}, other=0.5)
        assert clock.call().name == "other"
        assert clock.ran.count(bad) == 1

    def test_a_spoilt_run_is_made_again(self, monkeypatch):
        clock = Clock(monkeypatch, own=1.0, other=0.5)
        clock.spoilt = {1, 3}
        assert clock.call().name == "other"

    def test_who_had_the_cores_is_asked_only_of_calls_that_take_long(self, monkeypatch):
        """That asks the system, and takes microseconds where it is far."""
        asked = []

        def processor():
            asked.append(None)
            return 0.0  # so that others had the cores

        monkeypatch.setattr(tuning, "CORE", None)  # which has its own clocks
        monkeypatch.setattr(tuning, "process_time", processor)
        for seconds, spoilt in ((20e-6, False), (150e-6, False), (1e-3, True)):
            asked.clear()
            ticks = count(0)
            monkeypatch.setattr(tuning, "perf_counter", lambda s=seconds, t=ticks: s * next(t))
            assert tuning._timed(lambda x: x, (2.0,), None, seconds) == (2.0, seconds, spoilt)
            assert bool(asked) == spoilt

    @pytest.mark.skipif(tuning.CORE is None, reason="the core is not there")
    def test_the_core_takes_the_time(self):
        def slow(x, out=None):
            time.sleep(0.002)
            return x if out is None else out

        assert tuning.CORE.timed(slow, (2.0,), None, 0.0)[::2] == (2.0, False)
        result, seconds, spoilt = tuning.CORE.timed(slow, (2.0,), 3.0, 2e-3)
        assert (result, spoilt) == (3.0, True)  # it slept
        assert seconds >= 2e-3
        assert tuning.CORE.timed(slow, (2.0,), None, 1e-6)[2]  # far longer than expected
        with pytest.raises(ZeroDivisionError):
            tuning.CORE.timed(lambda x: x / 0, (2.0,), None, 0.0)
        assert tuning.CORE.timed(lambda: 1, (), None, 0.0)[::2] == (1, False)
        with pytest.raises(TypeError):
            tuning.CORE.timed(slow, [2.0], None, 0.0)
        with pytest.raises(TypeError):
            tuning.CORE.timed(slow, (2.0,), None, None)

    def test_what_counts_calls_goes_with_its_cycles(self):
        class Run:
            def __call__(self, *operands, out=None):
                return operands, out

        run = Run()
        tuned, watched = Tuned("own", run, lambda *_: (), lambda *_: None), weakref.ref(run)
        tuned.left = 3
        assert tuned(1.0, out=2.0) == ((1.0,), 2.0)
        assert tuned(1.0) == ((1.0,), None)
        assert (tuned.left, tuned._own) == (1, float("inf"))
        assert tuned(1.0) == ((1.0,), None)
        assert tuned._own < 1
        run.tuned = tuned
        del run, tuned
        gc.collect()
        assert watched() is None

    def test_the_manner_of_a_result_is_all_but_its_elements(self):
        x = np.zeros((2, 3))
        same = [np.ones((2, 3)), x]
        others = [
            x.T, x.astype("f4"), np.zeros((2, 3), order="F"), np.zeros((3, 2)), np.zeros(6), x.astype(">f8"),
            x.view(np.recarray), x.astype("O"), 1.0,
        ]  # fmt: skip
        x.flags.writeable = False
        others.append(x)
        same.pop()
        told = tuning._manner(np.zeros((2, 3)), True)
        assert all(tuning._manner(y, True) == told for y in same)
        assert not any(tuning._manner(y, True) == told for y in others)
        assert tuning._manner(np.zeros((2, 3), order="F"), False) == tuning._manner(np.zeros((2, 3)), False)

    def test_what_was_estimated_or_timed_is_what_is_expected(self, monkeypatch):
        clock, expected = Clock(monkeypatch, own=1.0, other=0.5), []

        def timed(run, operands, out, seconds=0.0):
            expected.append((run.plan, round(1e3 * seconds, 3)))
            return clock.timed(run, operands, out)

        monkeypatch.setattr(tuning, "_timed", timed)
        clock.tuned._expected = 2e-3
        assert clock.call().name == "other"
        assert ("own", 2.0) in expected
        assert ("other", 1.0) in expected

    def test_an_interrupt_is_the_callers(self, monkeypatch):
        clock = Clock(monkeypatch, own=1.0, other=0.5)
        tuned = clock.tuned

        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(tuning, "_timed", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tuned(2.0)
        monkeypatch.setattr(tuning, "_timed", clock.timed)
        assert clock.call().name == "other"

    @pytest.mark.parametrize("last", ["fails", "other"])
    def test_an_interrupt_before_the_end_leaves_the_plan(self, monkeypatch, last):
        """The last alternative is done with, and the end is not reached."""
        clock = Clock(monkeypatch, own=1.0, **{last: 0.5})
        ends = Tuned._next

        def interrupted(tuned):
            if not tuned._queue:
                monkeypatch.setattr(Tuned, "_next", ends)
                raise KeyboardInterrupt
            ends(tuned)

        monkeypatch.setattr(Tuned, "_next", interrupted)
        with pytest.raises(KeyboardInterrupt):
            clock.call()
        assert clock.call().name == ("own" if last == "fails" else "other")

    def test_while_one_call_is_timed_others_run_the_plan(self, monkeypatch):
        clock = Clock(monkeypatch, own=1.0, other=0.5)
        began, go = threading.Event(), threading.Event()

        def waiting(run, operands, out, expected):
            began.set()
            go.wait(30)
            return clock.timed(run, operands, out)

        monkeypatch.setattr(tuning, "_timed", waiting)
        thread = threading.Thread(target=clock.tuned, args=(2.0,))
        thread.start()
        began.wait(30)
        for _ in range(5):
            clock.tuned(2.0)
        assert clock.ran == ["own"] * 5
        go.set()
        thread.join(30)

    def test_many_threads(self, monkeypatch):
        clock = Clock(monkeypatch, own=1.0, other=0.5, third=0.7)
        errors = []

        def calls():
            for i in range(400):
                if not np.array_equal(clock.tuned(float(i)), np.full(3, float(i))):
                    errors.append(i)

        threads = [threading.Thread(target=calls) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert errors == []
        assert clock.call().name == "other"

    def test_the_fastest_of_none_is_the_plan(self):
        assert fastest_of("own", print, 1.0, {}) == Outcome("own", print, {"own": 1.0})


def _everything_pays(monkeypatch, chosen="last"):
    """Every call is on trial, each alternative is faster than those before, and no time passes."""
    ticks = count()
    seen = {}

    def timed(run, operands, out, expected=0.0):
        result = run(*operands) if out is None else run(*operands, out=out)
        if id(run) not in seen:
            seen[id(run)] = (run, next(ticks))
        return result, 1.0 / (1 + seen[id(run)][1]) if chosen == "last" else 1.0, False

    monkeypatch.setattr(tuning, "_timed", timed)
    monkeypatch.setattr(tuning, "perf_counter", lambda: 0.0)
    monkeypatch.setattr(tuning, "_SHARE", 1e9)


CALLS = [
    ("ij,jk->ik", [(40, 30), (30, 50)]),
    ("ij,kj->ik", [(40, 30), (50, 30)]),
    ("i,j->ij", [(70,), (90,)]),
    ("ij,ij->ij", [(70, 80), (70, 80)]),
    ("ij,j->ij", [(70, 80), (80,)]),
    ("ij->", [(300, 90)]),
    ("ij->j", [(300, 90)]),
    ("bij,bjk->bik", [(60, 8, 9), (60, 9, 7)]),
    ("ij,ij->i", [(300, 90), (300, 90)]),
    ("i,ij,j->", [(60,), (60, 90), (90,)]),
    ("ij,jk,kl->il", [(40, 30), (30, 20), (20, 50)]),
    ("ii,ij->j", [(60, 60), (60, 90)]),
]


def _operand(shape, dtype):
    if dtype == "?":
        return RNG.random(shape) < 0.3
    if np.dtype(dtype).kind in "iu":
        low, high = (-(2**40), 2**40) if dtype == "i8" else (0, 99)
        return RNG.integers(low, high, shape).astype(dtype)
    found = RNG.standard_normal(shape).astype(dtype)
    found.flat[::7] = -0.0
    return found


def _bits(result):
    result = np.asarray(result)
    return (type(result), result.dtype, result.shape, result.strides, result.tobytes())


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "i8", "i4", "u1", "?"])
@pytest.mark.parametrize(("subscripts", "shapes"), CALLS, ids=[c[0] for c in CALLS])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_by_default_a_call_has_the_same_bits_every_time(monkeypatch, subscripts, shapes, dtype, layout):
    operands = [np.asarray(_operand(shape, dtype), order=layout) for shape in shapes]
    with er.config(tune="never"):
        expected = _bits(er.einsum(subscripts, *operands))
    _everything_pays(monkeypatch)
    with er.config(tune="same", on_densify="allow"):
        for _ in range(50):
            assert _bits(er.einsum(subscripts, *operands)) == expected
            out = np.empty_like(er.einsum(subscripts, *operands))
            assert _bits(er.einsum(subscripts, *operands, out=out[...]))[4] == expected[4]


@hypothesis.given(
    subscripts=st.sampled_from(
        [
            "ij->ji",
            "ijk->kij",
            "ijk->ikj",
            "i,j->ij",
            "i,j->ji",
            "ij,i->ij",
            "ij,ij->ji",
            "ijk,kj->kij",
            "ij,jk->ijk",
        ]
    ),
    dtype=st.sampled_from(["f4", "f8", "c8", "c16", "i4", "u8", "?"]),
    sizes=st.lists(st.integers(1, 40), min_size=3, max_size=3),
    steps=st.lists(st.sampled_from([1, 2, -1]), min_size=2, max_size=2),
    fortran=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@hypothesis.settings(max_examples=40, deadline=None)
def test_what_is_tried_by_default_has_the_same_bits(subscripts, dtype, sizes, steps, fortran, seed):
    """Whatever is written: products of two and copies, of any layout."""
    rng = np.random.default_rng(seed)
    size = dict(zip("ijk", sizes, strict=True))
    operands = []
    for labels, step in zip(subscripts.partition("->")[0].split(","), steps, strict=False):
        whole = rng.standard_normal([2 * size[c] for c in labels]) * 10.0 ** rng.integers(-3, 3)
        if dtype in ("c8", "c16"):
            whole = whole + 1j * rng.standard_normal(whole.shape)
        part = tuple(slice(None, None, 2) if abs(step) == 2 else slice(size[c]) for c in labels)
        with np.errstate(all="ignore"):
            made = np.asarray(whole.astype(dtype), order="F" if fortran else "C")[part]
        operands.append(made[::-1] if step < 0 else made)
    with er.config(tune="never"):
        expected = _bits(er.einsum(subscripts, *operands, order="C"))
    with pytest.MonkeyPatch.context() as patch:
        _everything_pays(patch)
        for _ in range(15):
            assert _bits(er.einsum(subscripts, *operands, order="C")) == expected
    er.wisdom.forget()


@pytest.mark.skipif(CORE is None, reason="without the core the call takes one thread")
def test_threads_or_not_is_tried_freely(monkeypatch):
    call = ("ij,ij->i", *RNG.random((2, 900, 400)))
    expected = np.einsum(*call)
    _everything_pays(monkeypatch)
    with er.config(tune="now", threads=2):
        np.testing.assert_allclose(er.einsum(*call), expected)
        (found,) = FINDINGS.known.values()
        assert any(name.endswith(", on one thread") for name in found.took)
        np.testing.assert_allclose(er.einsum(*call), expected)
    er.wisdom.forget()
    with er.config(tune="now", threads=1):
        er.einsum(*call)
        (found,) = FINDINGS.known.values()
        assert not any(name.endswith(", on one thread") for name in found.took)


@pytest.mark.parametrize("tune", ["free", "now"])
@pytest.mark.parametrize(("subscripts", "shapes"), CALLS, ids=[c[0] for c in CALLS])
def test_freely_a_call_changes_within_rounding_only(monkeypatch, subscripts, shapes, tune):
    """And lies in memory as is asked for: at the default anyhow."""
    operands = [_operand(shape, "f8") for shape in shapes]
    expected = {order: er.einsum(subscripts, *operands, order=order) for order in "KCF"}
    _everything_pays(monkeypatch)
    with er.config(tune=tune):
        for order in "KCF" * 30:
            result = er.einsum(subscripts, *operands, order=order)
            np.testing.assert_allclose(result, expected[order], rtol=1e-10, atol=1e-10)
            what = 3 if order == "K" else 4
            assert _bits(result)[:what] == _bits(expected[order])[:what]


@pytest.mark.skipif(CORE is None, reason="dense.small is the core's")
def test_a_result_in_another_layout_is_tried_where_none_is_asked_for(monkeypatch):
    x, y = RNG.random((5, 8, 13, 150)), RNG.random((150, 8, 5, 13)).transpose(3, 1, 2, 0)
    expected = np.einsum("cbae,abce->cbe", x, y)
    _everything_pays(monkeypatch)
    with er.config(tune="now", threads=1):
        np.testing.assert_allclose(er.einsum("cbae,abce->cbe", x, y), expected)
    (found,) = FINDINGS.known.values()
    assert found.took.keys() >= {"dense.small", "dense.matmul"}  # of layouts ebc and cbe


def test_other_ways_to_do_what_a_rewrite_hands_on_are_tried(monkeypatch):
    x, base = RNG.random((3000, 7)), RNG.random((3000, 7))
    operands = x, er.rolled(base, 29)
    expected = er.einsum("in,ijn->ij", *operands)
    _everything_pays(monkeypatch)
    with er.config(tune="free"):
        for _ in range(40):
            np.testing.assert_allclose(er.einsum("in,ijn->ij", *operands), expected)
        (found,) = FINDINGS.known.values()
        assert len([name for name in found.took if name.startswith("rolled.strided (")]) > 1
        assert f"by {found.chosen.partition(' ')[0]}" in str(er.explain("in,ijn->ij", *operands))


def test_what_is_tried_holds_as_much_as_operands_and_result_at_most():
    hot = er.one_hot(RNG.integers(0, 31, 4000), 31)
    x, y = RNG.random((4000, 16)), RNG.random((4000, 70))
    given = x.nbytes + y.nbytes + 8 * 31 * 16 * 70

    def call():
        er.cache_clear()
        er.wisdom.forget()
        return er.einsum("tr,tx,ty->rxy", hot, x, y)

    with er.config(tune="now", threads=1):
        _, peak = peak_of(call)
        (found,) = FINDINGS.known.values()
    assert len(found.took) > 1
    assert peak < 2 * given  # 17 MB where one_hot.written multiplies the rows of x by the classes


STRUCTURED = [
    ("tr->r", lambda: [er.one_hot(RNG.integers(0, 9, 500), 9, dtype=int)]),
    ("tr,r->t", lambda: [er.one_hot(RNG.integers(0, 9, 500), 9, dtype=int), np.arange(9)]),
    ("ij,j->i", lambda: [er.rolled(np.arange(200), 20), np.arange(20)]),
    ("ijk,ijk->ij", lambda: [d := er.pairwise_difference(np.arange(60).reshape(20, 3)), d]),
]


@pytest.mark.parametrize(("subscripts", "make"), STRUCTURED, ids=[c[0] for c in STRUCTURED])
def test_structured_operands_of_integers_keep_their_bits(monkeypatch, subscripts, make):
    operands = make()
    with er.config(tune="never"):
        expected = _bits(er.einsum(subscripts, *operands))
    _everything_pays(monkeypatch)
    for _ in range(40):
        assert _bits(er.einsum(subscripts, *operands)) == expected


A, B = RNG.integers(0, 9, (2, 50, 50))


def _settle(most=100):
    for _ in range(most):
        er.einsum("ij,jk->ik", A, B)
        if FINDINGS.known:
            return
    raise AssertionError


class TestChoices:
    def test_it_is_told_and_watched_as_it_is_run(self, monkeypatch):
        before = er.explain("ij,jk->ik", A, B)
        _everything_pays(monkeypatch)
        _settle()
        (found,) = FINDINGS.known.values()
        assert found.chosen != before.routes[0]
        explained = er.explain("ij,jk->ik", A, B)
        assert explained.routes == (found.chosen,)
        assert "by trials in this process" in str(explained)
        assert all(name in str(explained) for name in found.took)
        with er.record() as r:
            er.einsum("ij,jk->ik", A, B)
        assert found.chosen in str(r)
        assert "by trials in this process" in str(r.records[0])

    def test_explain_tries_nothing(self, monkeypatch):
        monkeypatch.setattr(tuning, "_timed", None)
        for tune in ("same", "free", "now"):
            with er.config(tune=tune):
                er.explain("ij,jk->ik", A, B)
        assert FINDINGS.known == {}

    @pytest.mark.parametrize("options", [{"tune": "never"}, {"reproducible": True}])
    def test_switched_off(self, monkeypatch, options):
        _everything_pays(monkeypatch)
        _settle()
        with er.config(tune="never"):
            estimated = er.explain("ij,jk->ik", A, B).routes
        monkeypatch.setattr(tuning, "_timed", None)
        with er.config(**options):
            assert er.explain("ij,jk->ik", A, B).routes == estimated
            for _ in range(50):
                er.einsum("ij,jk->ik", A, B)

    def test_by_the_environment(self):
        code = "import einroute as er; print(er.get_config()['tune'])"
        assert printed(code, EINROUTE_TUNE="never").strip() == "never"

    @pytest.mark.parametrize("wrong", ["always", None, 1, True])
    def test_other_words_are_refused(self, wrong):
        with pytest.raises(ValueError, match="tune must be one of 'same', 'free', 'never', 'now'"):
            er.config(tune=wrong)

    def test_what_was_found_freely_is_not_taken_where_bits_count(self, monkeypatch):
        call = ("ij,ij->i", *RNG.random((2, 300, 90)))
        before = er.explain(*call).routes
        _everything_pays(monkeypatch)
        with er.config(tune="now"):
            er.einsum(*call)
            assert er.explain(*call).routes != before
        assert er.explain(*call).routes == before

    @pytest.mark.parametrize("among", [{"forbid": "dense.integer_matmul"}, {"allow": ["numpy.einsum"]}])
    def test_what_was_found_among_fewer_plans_holds_among_those_alone(self, monkeypatch, among):
        call = ("bij,bjk->bik", RNG.integers(0, 9, (60, 8, 9)), RNG.integers(0, 9, (60, 9, 7)))
        before = er.explain(*call).routes
        assert before == ("dense.integer_matmul",)
        _everything_pays(monkeypatch)
        for tune in ("same", "now"):
            with er.config(**among, tune=tune):
                for _ in range(50):
                    er.einsum(*call)
                assert er.explain(*call).routes != before
        assert er.explain(*call).routes == before

    def test_a_settled_plan_is_what_is_found(self, monkeypatch):
        _everything_pays(monkeypatch)
        _settle()
        monkeypatch.setattr(Tuned, "__call__", None)
        for _ in range(5):
            er.einsum("ij,jk->ik", A, B)

    @pytest.mark.parametrize("strict", [False, True])
    @pytest.mark.parametrize("constant", [False, True])
    def test_so_it_is_of_expressions(self, monkeypatch, constant, strict):
        """Of a network, which has a short way, and with a constant, which is filled in."""
        shapes = [(4, 4)] * 12
        network = ",".join(f"{x}{y}" for x, y in pairwise("abcdefghijklm")) + "->am"
        arrays = [RNG.random(shape) for shape in shapes]
        _everything_pays(monkeypatch)
        with er.config(tune="never"):
            expected = er.contract(network, *arrays)
        with er.config(tune="free", strict=strict):
            given = [arrays[0] if constant else shapes[0], *shapes[1:]]
            e = er.contract_expression(network, *given, constants=[0] if constant else ())
            for _ in range(50):
                np.testing.assert_allclose(e(*arrays[constant:]), expected)
            monkeypatch.setattr(Tuned, "__call__", None)
            for _ in range(5):
                np.testing.assert_allclose(e(*arrays[constant:]), expected)

    def test_no_operand_is_kept(self):
        h = er.one_hot(RNG.integers(0, 9, 5000), 9, dtype=int)
        kept = weakref.ref(h.labels)
        er.einsum("tr->r", h)
        del h
        gc.collect()
        assert kept() is None

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
    def test_a_child_of_a_fork_goes_on(self, monkeypatch):
        """Also where another thread of the parent was in the middle of a trial."""
        code = """
import os, threading, warnings
import numpy as np, einroute as er
from einroute._config.state import current
from einroute._execute import trials, tuning
warnings.simplefilter("ignore")
a, b = np.arange(20000).reshape(2, 100, 100) % 9
began, go, timed = threading.Event(), threading.Event(), tuning._timed
def waiting(*args):
    def run(*operands):
        began.set()
        go.wait(60)
        return args[0](*operands)
    return timed(run, *args[1:])
tuning._timed = waiting
thread = threading.Thread(target=er.einsum, args=("ij,jk->ik", a, b), daemon=True)
thread.start()
began.wait(60)
child = os.fork()
if child == 0:
    tuning._timed = timed
    good = all(np.array_equal(er.einsum("ij,jk->ik", a, b), a @ b) for _ in range(30))
    good = good and np.array_equal(er.einsum("ij,jk->ki", a, b), (a @ b).T)
    for _ in range(30):
        er.einsum("ij,jk->ki", a, b)
    os._exit(0 if good else 1)
go.set()
thread.join()
print(os.waitpid(child, 0)[1])
"""
        assert printed(code, warnings="ignore") == "0"

    def test_errors_are_the_calls(self, monkeypatch):
        _everything_pays(monkeypatch)
        for _ in range(30):
            with pytest.raises(ValueError, match="size"):
                er.einsum("ij,jk->ik", A, B[:7])
