"""The demo's problems at tiny sizes, its runner, its table, and that a wrong result is caught."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from einroute._demo import PROBLEMS, Problem, many_rhs, runner, table
from einroute._demo.dmrg import LIMITED
from einroute._demo.problem import Part, Size, Way, difference
from einroute._demo.small_calls import plain

TINY = 0.03
NAMES = [problem.name for problem in PROBLEMS]


def named(name: str) -> Problem:
    return next(problem for problem in PROBLEMS if problem.name == name)


def tiny(problem: Problem) -> runner.Row:
    return runner.run_size(problem, problem.sizes[0].scaled(TINY), budget=0.0, rest=0.0)


class TestProblems:
    def test_names_are_unique_and_every_problem_has_a_default_size(self):
        assert len(set(NAMES)) == len(NAMES)
        assert all(any(not size.full for size in problem.sizes) for problem in PROBLEMS)

    @pytest.mark.parametrize("name", NAMES)
    def test_every_way_agrees_with_the_loop(self, name):
        row = tiny(named(name))
        assert row.ok, row.failure
        assert row.routes
        assert len(row.timings) == len(named(name).usual) + 1
        assert all(math.isfinite(t.seconds) and t.seconds > 0 for t in row.timings)
        assert all(t.error <= 2 * row.tolerance for t in row.timings)

    @pytest.mark.parametrize("name", NAMES)
    def test_no_way_changes_the_data(self, name):
        problem = named(name)
        data = problem.build(problem.sizes[0].scaled(TINY).dims, np.random.default_rng(0))
        again = problem.build(problem.sizes[0].scaled(TINY).dims, np.random.default_rng(0))
        for run in (problem.ours, problem.loop.run, *(way.run for way in problem.usual)):
            run(data)
        for field in dataclasses.fields(data):
            now, before = (getattr(x, field.name) for x in (data, again))
            if hasattr(now, "toarray"):
                now, before = now.toarray(), before.toarray()
            np.testing.assert_equal(now, before)

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("wrong", ["one entry", "dtype", "nan"])
    def test_a_wrong_result_is_caught(self, name, wrong):
        problem = named(name)

        def spoiled(data):
            result = np.array(problem.ours(data))
            if wrong == "dtype":
                return result.astype(np.complex64)
            if wrong == "nan" and result.dtype.kind == "f":
                result.flat[0] = np.nan
            else:
                result.flat[0] += 1 if result.dtype.kind == "i" else 1e-6 * np.abs(result).max()
            return result

        row = tiny(dataclasses.replace(problem, ours=spoiled))
        assert not row.ok
        assert "FAILED" in table.render([row])
        assert row.failure in table.render([row])

    def test_a_wrong_usual_way_is_caught(self):
        problem = named("rolled-ints")
        way = Way("off by one", lambda data: problem.ours(data) + 1)
        row = tiny(dataclasses.replace(problem, usual=(way,)))
        assert "off by one" in row.failure

    def test_a_later_run_of_ours_is_checked_too(self):
        problem = named("rolled-ints")
        calls = []

        def second_is_wrong(data):
            calls.append(None)
            return problem.ours(data) + (len(calls) > 1)

        size = problem.sizes[0].scaled(TINY)
        row = runner.run_size(dataclasses.replace(problem, ours=second_is_wrong), size, budget=10.0, rest=0.0)
        assert not row.ok
        assert 2 <= len(calls) <= 1 + runner.MOST_RUNS  # the turn after the first

    def test_an_exception_of_ours_fails_that_row_alone(self):
        def broken(data):
            raise RuntimeError("no such luck")

        problems = [dataclasses.replace(named("ring"), ours=broken), named("rolled-ints")]
        rows = list(runner.run(problems, scale=TINY, budget=0.0, rest=0.0))
        assert "RuntimeError: no such luck" in rows[0].failure
        assert all(row.ok for row in rows[1:])


class TestRunner:
    def test_a_part_is_scaled_to_the_whole(self):
        problem = named("rolled-ints")
        half = Way(
            "half",
            lambda data: problem.loop.run(data)[: len(data.a) // 2],
            lambda data: Part(slice(0, len(data.a) // 2), 1e-6, "half"),
        )
        row = tiny(dataclasses.replace(problem, usual=(half,)))
        assert row.ok, row.failure
        assert row.timings[0].part == "half"
        # The part takes more than a microsecond, and its share was given as a millionth.
        assert row.timings[0].seconds > 1.0

    @pytest.mark.parametrize("full", [False, True])
    def test_the_largest_sizes_run_only_when_asked_for(self, full):
        told = []
        rows = list(runner.run(PROBLEMS, full=full, scale=0.001, budget=0.0, rest=0.0, progress=told.append))
        wanted = [size for problem in PROBLEMS for size in problem.sizes if full or not size.full]
        assert len(rows) == len(told) == len(wanted)
        assert any(size.full for problem in PROBLEMS for size in problem.sizes)

    def scripted(self, monkeypatch, **options):
        """A row whose ways take the seconds that are set, by a clock of the test's own; and who ran when."""
        problem = named("rolled-ints")
        clock, order = [0.0], []

        def way(name, times):
            left = iter(times)

            def run(data):
                order.append(name)
                clock[0] += next(left)
                return problem.ours(data)

            return run

        monkeypatch.setattr(runner, "perf_counter", lambda: clock[0])
        monkeypatch.setattr(runner, "sleep", order.append)
        times = {"ours": (9.0, 1.0, 1.0, 40.0), "usual": (8.0, 3.0, 700.0, 3.0), "loop": (1.0, 2.0, 2.0, 2.0)}
        scripted = dataclasses.replace(
            problem,
            ours=way("ours", times["ours"]),
            usual=(Way("usual", way("usual", times["usual"])),),
            loop=Way("loop", way("loop", times["loop"])),
        )
        size = problem.sizes[0].scaled(TINY)
        return runner.run_size(scripted, size, **options), order

    def test_the_median_of_turns_counts_and_the_first_does_not(self, monkeypatch):
        row, _ = self.scripted(monkeypatch, budget=1e6, repeats=4)
        assert row.ok, row.failure
        assert (row.seconds, [timing.seconds for timing in row.timings]) == (1.0, [3.0, 2.0])

    def test_the_only_turn_counts(self, monkeypatch):
        row, order = self.scripted(monkeypatch, budget=0.5)
        assert (row.seconds, [timing.seconds for timing in row.timings]) == (9.0, [8.0, 1.0])
        assert [name for name in order if isinstance(name, str)] == ["loop", "ours", "usual"]

    def test_the_ways_take_turns_and_rest_between(self, monkeypatch):
        _, order = self.scripted(monkeypatch, budget=1e6, repeats=3, rest=0.25)
        names = ["ours", "usual", "loop", "ours", "usual", "loop", "ours", "usual"]
        assert order == ["loop", *(entry for name in names for entry in (0.25, name))]

    def test_a_short_way_runs_several_times_a_turn(self):
        problem = named("rolled-ints")
        runs = []
        way = Way("counted", lambda data: (runs.append(None), problem.ours(data))[1])
        size = problem.sizes[0].scaled(TINY)
        runner.run_size(dataclasses.replace(problem, usual=(way,)), size, budget=60.0, repeats=4, rest=0.0)
        assert 4 <= len(runs) <= 1 + 3 * runner.MOST_RUNS

    def test_no_size_makes_the_usual_way_of_many_right_hand_sides_take_minutes(self):
        for size in named("many-rhs").sizes:
            m, n, sides = (size.dims[name] for name in ("m", "n", "calls"))
            part = many_rhs.some(many_rhs.Fits(np.empty((m, n)), np.empty((sides, 1))))
            calls = round(part.share * sides)
            assert calls <= many_rhs.USUAL_CALLS
            assert calls * m * n * n <= many_rhs.USUAL_WORK or calls == many_rhs.LOOP_CALLS


class TestParts:
    def test_rows(self):
        assert Part.rows(5, 5, "rows") == Part()
        part = Part.rows(2, 8, "rows")
        assert (part.index, part.share, part.note) == (slice(0, 2), 0.25, "the first 2 of 8 rows")

    def test_size_label_and_scale(self):
        size = Size({"N": 600, "M": 600, "D": 20})
        assert size.label == "N=M=600 D=20"
        assert size.scaled(0.01).dims == {"N": 6, "M": 6, "D": 2}
        assert size.scaled(2).dims == {"N": 1200, "M": 1200, "D": 40}

    def test_the_plain_loop_is_einsum(self):
        rng = np.random.default_rng(1)
        a, b = rng.standard_normal((2, 3)), rng.standard_normal((4, 3, 2))
        got = plain("ij,kji->ki", a, b)
        np.testing.assert_allclose(got, np.einsum("ij,kji->ki", a, b), rtol=1e-14)


class TestDifference:
    @pytest.mark.parametrize(
        ("got", "want", "error"),
        [
            ([1.0, 2.0], [1.0, 4.0], 0.5),
            ([3, 4], [3, 4], 0.0),
            ([3, 5], [3, 4], 0.25),
            ([True, False], [True, True], 1.0),
            ([np.nan, 1.0], [np.nan, 1.0], 0.0),
            ([np.inf, 1.0], [np.inf, 1.0], 0.0),
            ([np.nan, 1.0], [1.0, 1.0], np.inf),
            ([1.0, 1.0], [np.nan, 1.0], np.inf),
            ([np.inf, 1.0], [-np.inf, 1.0], np.inf),
            ([1j, 2], [0j, 2], 0.5),
            (2.0, 4.0, 0.5),
            (np.zeros((0, 3)), np.zeros((0, 3)), 0.0),
        ],
    )
    def test_values(self, got, want, error):
        assert difference(got, want) == error

    def test_the_worst_of_many_blocks_counts(self):
        a = np.ones((3, 1 << 20))
        b = a.copy()
        b[2, -1] = 2.0
        assert difference(a, b) == 0.5

    @pytest.mark.parametrize("want", [np.zeros(3), np.zeros(2, int), np.zeros((1, 2))])
    def test_shape_and_dtype_must_agree(self, want):
        with pytest.raises(ValueError):
            difference(np.zeros(2), want)


class TestTable:
    row = runner.Row(
        problem="name",
        title="title",
        size="N=2 M=3 D=4 E=5",
        timings=(runner.Timing("usual", 2.0, "", 0.0), runner.Timing("loop", 30.0, "the first row", 1e-9)),
        routes=("dense.a", "dense.a", "dense.b"),
        seconds=0.001,
        error=1e-9,
        tolerance=1e-8,
        failure="",
    )

    def test_every_column_is_there(self):
        text = table.render([self.row])
        lines = text.splitlines()
        assert all(head in lines[0] for head in table.HEADER)
        assert lines[2] == "name: title"
        assert lines[3].split()[:3] == ["N=2", "M=3", "D=4"]
        assert "2,000" in lines[3]
        assert "1.0e-09" in lines[3]
        assert "2 x dense.a" in lines[3]
        assert "E=5" in lines[4]
        assert "loop [1]" in lines[4]
        assert "30,000" in lines[4]
        assert lines[5] == "  [1] timed and checked on the first row, and the time scaled up"
        assert "larger is better" in text

    def test_a_problem_is_introduced_once(self):
        other = dataclasses.replace(self.row, size="N=9")
        assert table.render([self.row, other]).count("name: title") == 1

    def test_what_must_be_known_of_a_time_stands_below_the_block(self):
        text = table.render([tiny(named("dmrg"))])
        assert " ".join(LIMITED.split()) in " ".join(text.split())
        assert "np.einsum(..., optimize=True) [1]" in text
        assert (
            json.loads(json.dumps(table.records([tiny(named("dmrg"))])))[0]["timings"][0]["note"] == LIMITED
        )

    def test_columns_are_known_before_the_rows(self):
        todo = runner.sizes(PROBLEMS)
        made = table.Table.of(todo)
        head = made.head().splitlines()[0]
        problem, size = todo[0]
        row = dataclasses.replace(self.row, problem=problem.name, size=size.label, routes=("dense.a",))
        line = made.block(row).splitlines()[1]
        assert line[head.index("einroute's route") :].startswith("dense.a")
        assert line.index("2,000") + len("2,000") == head.index("times faster") + len("times faster")

    def test_columns_line_up(self):
        lines = table.render([self.row, dataclasses.replace(self.row, size="N=12345678 M=9")]).splitlines()
        at = lines[0].index("the usual way")
        assert {lines[n][at : at + 5] for n in (3, 7)} == {"usual"}

    def test_exact_and_failed(self):
        assert "exact" in table.render([dataclasses.replace(self.row, tolerance=0.0, error=0.0)])
        assert "FAILED name (N=2 M=3 D=4 E=5): bad" in table.render(
            [dataclasses.replace(self.row, failure="bad")]
        )

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (2.5e-7, "0.25 us"),
            (1e-4, "100 us"),
            (0.5, "500 ms"),
            (99.99, "100 s"),
            (7200, "2 h"),
            (math.inf, "-"),
        ],
    )
    def test_seconds(self, value, text):
        assert table.seconds(value) == text

    @pytest.mark.parametrize(
        ("usual", "ours", "text"),
        [
            (1, 4, "0.25"),
            (3, 2, "1.50"),
            (99.6, 10, "10"),
            (1e6, 1, "1,000,000"),
            (1, math.inf, "-"),
            (math.inf, 1, "-"),
            (1, 0, "-"),
        ],
    )
    def test_faster(self, usual, ours, text):
        assert table.faster(usual, ours) == text

    def test_records_are_json_whatever_the_numbers(self):
        row = dataclasses.replace(self.row, seconds=math.inf, error=math.nan)
        record = json.loads(json.dumps(table.records([row]), allow_nan=False))[0]
        assert record["seconds"] is None
        assert record["error"] is None
        assert record["ok"] is True
        assert record["timings"][1]["part"] == "the first row"
