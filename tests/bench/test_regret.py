"""Random calls held against all other ways: what is drawn, which ways there are, and what is counted."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from time import sleep

import numpy as np
import pytest
from einroute_docs import regrets

import einroute as er
from einroute.__main__ import main
from einroute._bench.estimates import report, samples
from einroute._bench.regret import by_hand, draw, measure, stages
from einroute._execute.call import Call
from tests.cli.test_cli import cli

FAMILIES = tuple(draw.FAMILIES)


def array(x):
    return np.asarray(x.toarray() if hasattr(x, "toarray") else x)


def same(one, other):
    return one.subscripts == other.subscripts and all(
        np.array_equal(array(x), array(y)) for x, y in zip(one.operands, other.operands, strict=True)
    )


class TestDraw:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_a_call_follows_from_family_seed_and_number(self, family):
        assert same(draw.draw(family, 3, 1), draw.draw(family, 3, 1))
        assert len({draw.draw(family, 3, n).text for n in range(5)}) == 5
        assert draw.draw(family, 3, 1).text != draw.draw(family, 4, 1).text

    @pytest.mark.parametrize("family", FAMILIES)
    def test_sizes_are_those_of_the_operands(self, family):
        for number in range(8):
            call = draw.draw(family, 0, number)
            for labels, x in zip(call.inputs, call.operands, strict=True):
                assert tuple(call.sizes[c] for c in labels) == tuple(x.shape)
            assert call.subscripts in call.text


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_written_by_hand_is_the_same(family):
    """Each way against einsum of arrays, where those are small."""
    names = set()
    for number in range(60):
        call = draw.draw(family, 1, number)
        if any(np.prod(x.shape) > 3e5 for x in call.operands) or np.prod(list(call.sizes.values())) > 3e6:
            continue
        ways = by_hand.by_hand(call)
        right = np.einsum(call.subscripts, *map(by_hand.written, call.operands), optimize=True)
        for name, way in ways.items():
            assert measure._differs(way(), right, call) == "", (name, call.text)
            names.add(name)
    assert len(names) > 2


class TestMeasure:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_a_call_is_held_against_other_ways(self, family):
        numbers = [n for n in range(40) if np.prod(list(draw.draw(family, 0, n).sizes.values())) < 1e5]
        found = measure.regret(draw.draw(family, 0, numbers[0]))
        assert found.problem == ""
        assert found.seconds > 0
        assert found.hand > 0
        assert found.best
        assert found.call.text in found.text

    def test_a_way_that_there_is_no_memory_for_is_none(self, monkeypatch):
        def much():
            raise MemoryError

        monkeypatch.setattr(measure, "by_hand", lambda _: {"np.einsum": much})
        found = measure.regret(draw.draw("stacks", 0, 0))
        assert found.problem == ""
        assert np.isnan(found.hand)

    def test_long_sums_may_be_rounded(self):
        call = draw.draw("dense", 0, 0)
        long = replace(call, sizes={"a": 5_000_000}, operands=(np.ones(3, "f4"),))
        one, other = np.float32([1.0]), np.float32([1.005])
        assert measure._differs(one, other, long) == ""
        assert measure._differs(one, other, replace(long, sizes={"a": 5})) != ""

    def test_routes_are_forced_one_at_a_time(self):
        call = draw.draw("stacks", 0, 0)
        chosen = measure._Way("einroute", lambda: None)
        routes = [way.routes for way in measure._forced(call, chosen, lambda: None)]
        assert len(set(routes)) == len(routes) > 0
        assert all(way.name.split()[0] in way.routes for way in measure._forced(call, chosen, lambda: None))

    def test_only_what_is_over_in_every_run_counts(self, monkeypatch):
        times = iter([2.0, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0])
        chosen = measure._Way("einroute", lambda: None)
        other = measure._Way("another", lambda: None)
        monkeypatch.setattr(measure._Way, "once", lambda _: 1.0)
        monkeypatch.setattr(measure._Way, "batch", lambda *_: next(times))
        assert measure._in_turn(chosen, other) == [2.0, 1.0]

    def test_the_summary(self):
        call = draw.draw("dense", 0, 0)
        found = [
            measure.Regret(call, ("a",), 1.0, 1.0, "b", 2.0, 0.5),
            measure.Regret(call, ("a",), 1e-6, 1.0, "b", 9.0, 2.0),  # too short to count
        ]
        (line,) = measure.summaries("dense", found)
        assert line.startswith("dense: 1 of 2 over 1.3 (50.0 %)")
        assert "1.00 of the time of what a user would write" in line
        free = [replace(one, after="free", ratio=1.0) for one in found]
        lines = measure.summaries("dense", found + free)
        assert [one.partition(" over")[0] for one in lines] == [
            "dense after sight: 1 of 2",
            "dense after free: 0 of 2",
        ]
        assert "(after free)" in free[0].text


class TestStages:
    @pytest.fixture
    def slow(self, monkeypatch):
        """The order that is chosen takes far longer than all others."""
        bind, orders = Call.bind, []

        def slowed(call, plan, state):
            run = bind(call, plan, state)
            orders.append([planned.step.subscripts for planned in plan.node.steps])
            seconds = 2e-3 if orders[-1] == orders[0] else 0

            def waits(*operands, **given):
                sleep(seconds)
                return run(*operands, **given)

            return waits

        monkeypatch.setattr(Call, "bind", slowed)
        yield
        er.wisdom.forget()
        er.cache_clear()

    @pytest.mark.usefixtures("slow")
    def test_another_plan_is_kept_after_free_trials_alone(self):
        chain = "ij,jk,kl->il", np.ones((30, 31)), np.ones((31, 32)), np.ones((32, 33))
        call = partial(er.einsum, *chain)
        assert not stages.settle(call, "trials")  # sums have no other plan with the same bits
        assert stages.settle(call, "free")
        with stages.tuned("sight"):
            assert "chosen by trials" not in str(er.explain(*chain))
        with stages.tuned("free"):
            assert "chosen by trials" in str(er.explain(*chain))

    @pytest.mark.parametrize(
        ("moved", "seconds"),
        [
            ((), {"sight": 1.0, "trials": 1.0, "free": 1.0}),  # a call that keeps its plan is measured once
            (("free",), {"trials": 1.0, "free": 2.0}),
            # what an earlier stage kept is what a later one begins with
            (("trials",), {"sight": 1.0, "trials": 2.0, "free": 2.0}),
        ],
    )
    def test_a_call_that_changes_its_plan_is_measured_again(self, monkeypatch, moved, seconds):
        call, times = draw.draw("dense", 0, 0), iter([1.0, 2.0])
        monkeypatch.setattr(measure, "settle", lambda _, after: after in moved)
        monkeypatch.setattr(
            measure,
            "regret",
            lambda call, after: measure.Regret(call, (), next(times), 1.0, "", 1.0, 1.0, after=after),
        )
        assert {one.after: one.seconds for one in measure.regrets(call, tuple(seconds))} == seconds

    def test_orders_that_make_what_no_machine_holds_are_left_out(self):
        large = draw.Drawn("dense", 0, "tr,tc,t->rc", (), {"t": 40_000, "r": 300, "c": 100})
        names = [way.name for way in measure._ordered(large, lambda **_: print)]
        assert len(names) == 3
        assert "optimize=['einsum_path', (0, 1), (0, 1)]" not in names


class TestCommand:
    def test_it_says_how_many_are_over(self, capsys, tmp_path):
        file = tmp_path / "regret.json"
        more = ["--after", "sight", "free", "--json", str(file)]
        assert main(["bench", "--regret", "stacks", "--cases", "1", "--seed", "0c2e", *more]) == 0
        told = capsys.readouterr().out
        assert told.startswith("calibration: ")
        assert "stacks after sight: " in told
        assert "stacks after free: " in told
        kept = json.loads(file.read_text())
        assert kept["seed"] == 0x0C2E
        assert [one["after"] for one in kept["calls"]] == ["sight", "free"]
        assert regrets.read(file).calls[0].text == kept["calls"][0]["call"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--regret", "wide"], "there is no family 'wide'; choose from dense"),
            (["--regret", "dense", "--cases", "0"], "--cases must be at least 1"),
            (["--regret", "dense", "--seed", "-1"], "--seed at least 0"),
            (["--regret", "dense", "--seed", "main"], "invalid seed value: 'main'"),
            (["--estimates", "dense", "--after", "free"], "--after go with --regret"),
            (["--regret", "dense", "--json", "no/such/folder.json"], "cannot use no/such/folder.json"),
            (["batched", "--regret", "dense"], "leave out CASE"),
        ],
    )
    def test_bad_arguments(self, arguments, message):
        done = cli("bench", *arguments)
        assert done.returncode == 2
        assert message in done.stderr


class TestEstimates:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_routes_are_told_and_taken(self, family):
        numbers = [n for n in range(60) if np.prod(list(draw.draw(family, 0, n).sizes.values())) < 1e5]
        found = [one for n in numbers[:8] for one in samples.samples(family, 0, n)]
        assert found
        for one in found:
            assert one.told > 0
            assert one.took > 0
            assert one.route in report.line(one)
            assert one.route in "\n".join(report.summary([replace(one, took=1.0, spoilt=False)]))

    def test_off_is_what_is_long_and_off_either_way(self):
        call = draw.draw("dense", 0, 0)

        def one(told, took):
            return samples.Sample(call, "route", told, 0.0, took, chosen=True)

        assert not report.off(one(1e-3, 1.9e-3))
        assert report.off(one(1e-3, 2.1e-3))
        assert report.off(one(1e-3, 0.4e-3))
        assert not report.off(one(1e-6, 9e-6))

    def test_the_command(self):
        done = cli("bench", "--estimates", "stacks", "--cases", "4")
        assert "which are not counted" in done.stdout.splitlines()[-1]
        for wrong in (("--estimates", "none"), ("--estimates", "dense", "--regret", "dense")):
            assert main(["bench", *wrong]) == 2
