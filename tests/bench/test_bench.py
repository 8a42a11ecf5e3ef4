"""``python -m einroute bench`` and the table of cases: everything but how fast."""

from __future__ import annotations

import ast
import importlib.util
import json
import math
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import einroute as er
from einroute.__main__ import main
from einroute._bench import chart, machine, race, readme, report, selection
from einroute._bench.case import Case
from einroute._bench.cases import CASES, GROUPS, in_suite
from einroute._bench.race import Outcome, run_case
from einroute._bench.spelled import Spelled, Way
from einroute._bench.statement import Statement, load, member
from tests.cli.test_cli import cli
from tests.processes import printed

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "src" / "einroute" / "_bench"
SUITE = ROOT / "asv_benchmarks"
SMALL = Case("tiny", "small", "ij,jk->ik", ((2, 3), (3, 4)), by_hand=("np.matmul(a, b)", "np.dot(a, b)"))


def outcome(label="tiny: x", ours=1.0, spread=None, **seconds):
    return Outcome(label, label.partition(":")[0], {"einroute": ours, **seconds}, spread or {})


class TestTable:
    def test_labels_are_unique_and_groups_are_described(self):
        labels = [case.label for case in CASES]
        assert len(set(labels)) == len(labels)
        assert list(dict.fromkeys(case.group for case in CASES)) == list(GROUPS)

    def test_every_case_is_ours_and_someone_elses(self):
        assert all(case.implementations[0] == "einroute" and len(case.implementations) > 1 for case in CASES)

    @pytest.mark.parametrize("group", GROUPS)
    def test_the_ways_of_a_group_agree(self, group):
        quick = ("einsum n=2", "2x2x2", "100 i8", "30", "n=1000", "8x8", "5x3", "40x6", "K=1", "3x3", "60x60")
        own = [case for case in CASES if case.group == group]
        case = next((c for c in own if any(part in c.name for part in quick)), own[0])
        peers = [name for name in selection.PEERS if name not in selection.ON_REQUEST]
        found = run_case(case, peers, 0.0)
        assert found.problem == ""
        assert not [note for note in found.notes if "too slow" not in note]

    def test_operands_are_the_same_at_every_call(self):
        for case in (SMALL, *in_suite("lstsq").values()):
            first, second = case.build(), case.build()
            names = ("a", "b") if isinstance(case, Spelled) else (0, 1)
            for name in names:
                np.testing.assert_array_equal(first[name], second[name])

    def test_the_table_imports_nothing_of_ours_but_itself(self):
        """The asv suite takes it from the checkout, beside whatever einroute is installed."""
        modules = [
            *(FOLDER / f"{name}.py" for name in ("statement", "case", "spelled")),
            *FOLDER.glob("cases/*.py"),
        ]
        for path in modules:
            reach = len(path.relative_to(FOLDER).parts)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom):
                    assert node.level <= reach, path
                    assert not (node.module or "").startswith("einroute"), path
                if isinstance(node, ast.Import):
                    assert not any(alias.name.startswith("einroute") for alias in node.names), path


@pytest.mark.skipif(not SUITE.exists(), reason="the asv suite is not beside the tests")
class TestSuite:
    def test_it_has_the_same_cases_and_imports_no_einroute_for_them(self):
        code = (
            "import benchmarks, sys; assert 'einroute' not in sys.modules; "
            "print('\\n'.join(case.label for case in benchmarks.CASES))"
        )
        assert printed(code, cwd=SUITE).splitlines() == [case.label for case in CASES]

    def test_every_case_of_the_suite_is_in_one_of_its_classes(self):
        code = (
            "import benchmarks as b; from benchmarks import dense, lstsq, networks, overhead, structured; "
            "found = [name for m in (dense, lstsq, networks, overhead, structured) for c in vars(m).values() "
            "if isinstance(c, type) and issubclass(c, b.Suite) and c is not b.Suite for name in c.table]; "
            "print('\\n'.join(found))"
        )
        wanted = [case.label for case in CASES if case.asv and case.group != "sparse"]
        assert sorted(printed(code, cwd=SUITE).splitlines()) == sorted(wanted)


class TestStatements:
    def test_each_way_is_written_as_people_write_it(self):
        operands = SMALL.build()
        codes = [
            SMALL.statement(name, operands).code
            for name in ("einroute", "numpy", "numpy_optimize", "opt_einsum")
        ]
        assert codes == [
            "einsum('ij,jk->ik', a, b)",
            "einsum('ij,jk->ik', a, b)",
            "einsum('ij,jk->ik', a, b, optimize=True)",
            "contract('ij,jk->ik', a, b)",
        ]
        assert SMALL.statement("by_hand", operands, 1).code == "np.dot(a, b)"
        with pytest.raises(NotImplementedError, match="no hand-written form"):
            SMALL.statement("by_hand", operands, 2)

    def test_ours_and_numpys_are_different_functions(self):
        operands = SMALL.build()
        assert SMALL.statement("einroute", operands).scope["einsum"] is er.einsum
        assert SMALL.statement("numpy", operands).scope["einsum"] is np.einsum

    def test_a_statement_before_runs_at_every_call(self):
        a = np.zeros(1)
        counting = Statement("a[0]", {"a": a}, "a[0] += 1")
        assert [counting.run(), counting.run()] == [1, 2]
        call = counting.compiled()
        assert [call(), call()] == [3, 4]
        counting.timer().timeit(3)
        assert a[0] == 7

    def test_the_ways_of_a_case_that_changes_its_matrix_have_one_each(self):
        case = next(case for case in CASES if case.label == "lstsq-once: 5x3")
        operands = case.build()
        ours, theirs = (case.statement(name, operands) for name in ("einroute", "numpy"))
        ours.run()
        assert theirs.scope["a"][0, 0] == operands["a"][0, 0] != ours.scope["a"][0, 0]

    def test_missing_libraries_and_functions_do_not_apply(self):
        with pytest.raises(NotImplementedError, match="no_such_library is not installed"):
            load("no_such_library.part")
        with pytest.raises(NotImplementedError, match=r"einroute has no linalg\.nothing"):
            member(er, "linalg.nothing")
        new = Spelled("lstsq", "new", "a = 1", {"einroute": Way("er.not_there_yet(a)")})
        with pytest.raises(NotImplementedError, match="einroute has no not_there_yet"):
            new.statement("einroute", new.build())

    def test_visits_are_the_product_of_all_sizes(self):
        assert SMALL.visits(SMALL.build()) == 2 * 3 * 4
        dots = Case("tiny", "dots", "...ij,...jk->...ik", ((5, 2, 3), (3, 4)))
        assert dots.visits(dots.build()) == 5 * 2 * 3 * 4


class TestRace:
    def test_every_implementation_is_timed(self):
        found = run_case(SMALL, ["numpy", "by_hand"], 1e-6)
        assert set(found.seconds) == {"einroute", "numpy", "by_hand", "by_hand 2"}
        assert all(seconds > 0 for seconds in found.seconds.values())
        assert found.fastest("by_hand") in {"by_hand", "by_hand 2"}
        low, high = found.spread["numpy"]
        assert 0 < low <= high

    def test_a_wrong_result_of_ours_is_the_problem(self, monkeypatch):
        monkeypatch.setattr(er, "einsum", lambda *operands: np.einsum(*operands) + 1)
        found = run_case(SMALL, ["numpy"], 1e-6)
        assert "relative error" in found.problem
        assert found.seconds == {}

    def test_ours_is_checked_with_nobody_beside_it(self, monkeypatch):
        monkeypatch.setattr(er, "einsum", lambda *operands: np.einsum(*operands)[:1])
        assert "shape (1, 4), expected (2, 4)" in run_case(SMALL, [], 0.0).problem

    def test_an_error_of_ours_is_the_problem(self, monkeypatch):
        def fails(*operands):
            raise ValueError("not today")

        monkeypatch.setattr(er, "einsum", fails)
        assert run_case(SMALL, ["numpy"], 1e-6).problem == "ValueError: not today"

    def test_others_that_fail_or_disagree_are_left_out_and_named(self):
        case = Case("tiny", "odd", "ij,jk->ik", ((2, 3), (3, 4)), by_hand=("a @ b", "a @ b + 1", "nonsense"))
        found = run_case(case, ["by_hand"], 1e-6)
        assert set(found.seconds) == {"einroute", "by_hand"}
        assert [note.partition(" left out: ")[0] for note in found.notes] == ["by_hand 3", "by_hand 2"]

    def test_what_would_take_too_long_is_left_out(self):
        case = Case("tccg", "long", "ij,jk,kl,lm->im", ((300, 300),) * 4)
        assert run_case(case, ["numpy", "numpy_optimize"], 0.0).notes == ("numpy left out: too slow",)

    def test_slow_means_beyond_both_allowances(self):
        assert not outcome(ours=1.5e-6, numpy=1e-6).slow
        assert not outcome(ours=1.05, numpy=1.0).slow
        assert outcome(ours=2e-6, numpy=1e-6).slow
        assert not Outcome("x: y", "x", {"einroute": 2.0, "by_hand": 1.0}, prepared=("by_hand",)).slow

    def test_how_many_times_faster_and_the_middle(self):
        found = Outcome("x: y", "x", {"einroute": 1.0, "by_hand": 4.0, "by_hand 2": 2.0})
        assert found.best == "by_hand 2"
        assert found.faster("by_hand") == 2.0  # by the faster of both ways, and larger is better
        assert math.isnan(found.faster("numpy"))
        assert race.middle([9.0, 1.0, 2.0, 3.0]) == (2.0, 3.0)
        assert race.middle([5.0]) == (5.0, 5.0)
        assert race.geometric_mean([0.5, 2.0, math.nan]) == pytest.approx(1.0)
        assert math.isnan(race.geometric_mean([]))


class TestSelection:
    def test_without_names_a_few_of_each_group(self):
        found = selection.cases([])
        assert {case.group for case in found} == set(GROUPS)
        assert len(found) <= selection.SHORT * len(GROUPS)

    @pytest.mark.parametrize(
        ("name", "wanted"),
        [
            ("all", lambda case: True),
            ("tccg", lambda case: case.group == "tccg"),
            ("tiny: ii-> n=3", lambda case: case.label == "tiny: ii-> n=3"),
            ("mttkrp", lambda case: "mttkrp" in case.name),
            ("MTTKRP", lambda case: "mttkrp" in case.name),
        ],
    )
    def test_names(self, name, wanted):
        assert selection.cases([name]) == tuple(case for case in CASES if wanted(case))

    def test_an_unknown_case_lists_the_known(self):
        with pytest.raises(LookupError) as caught:
            selection.cases(["tiny", "batchd"])
        message = caught.value.args[0]
        assert "no case 'batchd'; did you mean 'batched'" in message
        assert all(group in message for group in GROUPS)

    def test_peers(self):
        assert "numpy" in selection.peers(None)
        assert not set(selection.ON_REQUEST) & set(selection.peers(None))
        assert selection.peers(["by_hand", "numpy"]) == ("numpy", "by_hand")
        with pytest.raises(LookupError, match="no implementation 'nunpy'"):
            selection.peers(["nunpy"])

    def test_a_missing_library_is_one_line(self, monkeypatch):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(LookupError) as caught:
            selection.peers(["torch"])
        assert caught.value.args[0] == "--peers: torch needs torch, which is not installed; pip install torch"


class TestReport:
    def test_a_line_has_our_time_and_how_many_times_faster(self, capsys):
        lines = report.Lines(["tiny: x"], ["numpy", "by_hand"])
        lines(outcome(ours=1e-6, numpy=2e-6, spread={"numpy": (1.7, 2.5)}))
        *legend, head, row = capsys.readouterr().out.splitlines()
        assert "larger is better, below 1 it is slower" in " ".join(legend)
        assert head.split()[-4:] == ["by", "hand", "the", "best"]
        assert row.split() == ["1/1", "tiny:", "x", "1.00", "us", "2.00", "-", "2.00", "(1.70", "to", "2.50)"]

    def test_who_is_no_rival_is_told(self):
        found = Outcome("x: y", "x", {"einroute": 2.0, "by_hand": 1.0}, prepared=("by_hand",))
        assert report.remarks([found, found]) == [f"by hand: {report.PREPARED}"]
        assert report.remarks([outcome(ours=1.0, numpy=2.0)]) == []

    @pytest.mark.parametrize(
        ("threads", "mend"), [(1, "times are longer"), (2, "set OPENBLAS_NUM_THREADS=1")]
    )
    def test_a_busy_machine(self, monkeypatch, threads, mend):
        pool = {"user_api": "blas", "num_threads": threads, "internal_api": "openblas", "filepath": "numpy"}
        monkeypatch.setattr(machine.threadpoolctl, "threadpool_info", lambda: [pool])
        monkeypatch.setattr(machine.os, "getloadavg", lambda: (2.5, 0.0, 0.0), raising=False)
        assert machine.warning().startswith("WARNING: the load average is 2.5")
        assert mend in machine.warning()
        monkeypatch.setattr(machine.os, "getloadavg", lambda: (0.1, 0.0, 0.0), raising=False)
        assert machine.warning() == ""

    def test_means_are_by_group(self):
        rows = report.summary(
            [
                outcome("tiny: x", 1.0, numpy=2.0),
                outcome("tiny: y", 1.0, numpy=8.0),
                outcome("tccg: z", 9.0, numpy=1.0),
            ],
            ["numpy"],
        )
        assert rows[1:] == [
            ["tiny", "2", "4.00", "4.00", "0"],
            ["tccg", "1", "0.11", "0.11", "1"],
            ["all", "3", "1.21", "1.21", "1"],
        ]

    def test_records_are_json_without_nan(self):
        found = outcome(ours=1.0, numpy=2.0, spread={"numpy": (1.7, 2.5)})
        text = json.dumps(report.records([found], ["numpy", "opt_einsum"]), allow_nan=False)
        assert json.loads(text)[0]["times_faster"] == {"numpy": [2.0, 1.7, 2.5]}

    def test_the_machine_is_told_in_general_terms(self):
        facts = machine.describe()
        line = machine.sentence(facts)
        assert facts["NumPy"] == np.__version__
        assert "core" in line
        assert f"NumPy {np.__version__}" in line


SVG = "{http://www.w3.org/2000/svg}"


class TestChart:
    def bars(self, text):
        """The bars' titles, after asserting that the picture is well-formed and that nothing leaves it."""
        root = ET.fromstring(text)
        width, height = (float(part) for part in root.attrib["viewBox"].split()[2:])
        for shape in root.iter(f"{SVG}rect"):
            x, y, w, h = (float(shape.attrib.get(name, 0)) for name in ("x", "y", "width", "height"))
            assert x >= 0
            assert y >= 0
            assert x + w <= width + 0.1
            assert y + h <= height + 0.1
        return [title.text for title in root.iterfind(f".//{SVG}rect/{SVG}title")]

    def test_a_bar_for_each_rival_of_each_case(self):
        first = outcome("tiny: <a> & b", 1.0, numpy=2.0, by_hand=0.5, spread={"numpy": (1.5, 2.5)})
        titles = self.bars(
            chart.draw([first, outcome("tiny: y", 1.0, numpy=1e9)], ["numpy", "by_hand"], "here")
        )
        assert titles == [
            "tiny: <a> & b: 2 times faster than NumPy (1.5 to 2.5)",
            "tiny: <a> & b: 0.5 times faster than by hand (0.5 to 0.5)",
            "tiny: y: 1e+09 times faster than NumPy (1e+09 to 1e+09)",
        ]

    def test_many_cases_are_drawn_by_group(self):
        many = [outcome(f"{group}: {k}", 1.0, numpy=2.0) for group in ("tiny", "tccg") for k in range(30)]
        titles = self.bars(chart.draw(many, ["numpy"], "here"))
        assert titles == [f"{group} (30): 2 times faster than NumPy (2 to 2)" for group in ("tiny", "tccg")]

    def test_nothing_measured_is_still_a_picture(self):
        failed = Outcome("tiny: x", "tiny", problem="ValueError")
        assert self.bars(chart.draw([failed], ["numpy"], "here")) == []


def outcomes_for_readme():
    labels = [*(f"{group}: x" for group in readme.MEANS), "lstsq: 40x6"]
    return [outcome(label, 1.0, numpy=2.0, by_hand=0.5) for label in labels]


class TestReadme:
    def test_the_part_between_the_marks_is_replaced(self, tmp_path):
        path = tmp_path / "README.md"
        path.write_text(f"before\n\n{readme.BEGIN}\nold\n{readme.END}\n\nafter\n", encoding="utf-8")
        readme.write(path, outcomes_for_readme(), "two cores")
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"before\n\n{readme.BEGIN}\n\n")
        assert text.endswith(f"\n\n{readme.END}\n\nafter\n")
        assert "old" not in text
        assert "Larger is better" in text
        assert "On two cores; made by `python -m einroute bench --readme`." in text
        assert "| tiny: 2x2 to 10x10, one to five operands (1) | 2.00 | - | - | 0.50 |" in text
        assert f"| rolled: {GROUPS['rolled']} (1) | 2.00 | - | 0.50 |" in text
        assert "| (40, 6) | 2.00 | 0.50 |" in text
        readme.write(path, outcomes_for_readme(), "two cores")
        assert path.read_text(encoding="utf-8") == text

    def test_the_groups_are_there(self):
        assert set(readme.MEANS) | {readme.SINGLE} <= set(GROUPS)

    def test_our_readme_has_the_marks(self):
        if (ROOT / "README.md").exists():
            assert all(readme.marked(ROOT / "README.md"))

    @pytest.mark.parametrize("text", ["", "no marks\n", f"{readme.END}\n{readme.BEGIN}\n"])
    def test_a_file_without_marks_is_refused_and_left(self, tmp_path, text, capsys):
        path = tmp_path / "README.md"
        path.write_text(text, encoding="utf-8")
        assert main(["bench", "--readme", str(path)]) == 2
        assert "has no lines <!-- measured" in capsys.readouterr().err
        assert path.read_text(encoding="utf-8") == text

    @pytest.mark.parametrize("named", [[], ["all"]])
    def test_the_command_measures_what_the_readme_shows(self, named, tmp_path, monkeypatch, capsys):
        path = tmp_path / "README.md"
        path.write_text(f"{readme.BEGIN}\n{readme.END}\n", encoding="utf-8")
        ran = []

        def pretend(case, peers, min_time):
            ran.append(case)
            return outcome(case.label, 1.0, numpy=2.0)

        monkeypatch.setattr(race, "run_case", pretend)
        assert main(["bench", *named, "--readme", str(path)]) == 0
        assert ran == [case for case in CASES if named or case.group in {*readme.MEANS, readme.SINGLE}]
        shapes = sum(case.group == readme.SINGLE for case in CASES)
        assert path.read_text(encoding="utf-8").count("\n| (") == shapes

    def test_it_is_not_made_from_some_cases(self, tmp_path, capsys):
        path = tmp_path / "README.md"
        path.write_text(f"{readme.BEGIN}\n{readme.END}\n", encoding="utf-8")
        assert main(["bench", "tiny", "--readme", str(path)]) == 2
        assert "leave out CASE" in capsys.readouterr().err

    def test_wrong_results_do_not_reach_it(self, tmp_path, monkeypatch, capsys):
        path = tmp_path / "README.md"
        path.write_text(f"{readme.BEGIN}\nold\n{readme.END}\n", encoding="utf-8")
        monkeypatch.setattr(
            race, "run_case", lambda case, *rest: Outcome(case.label, case.group, problem="wrong")
        )
        assert main(["bench", "--readme", str(path)]) == 1
        assert "old" in path.read_text(encoding="utf-8")


class TestCommand:
    def test_one_case_with_chart_and_json(self, tmp_path):
        svg, figures = tmp_path / "chart.svg", tmp_path / "figures.json"
        result = cli(
            "bench", "tiny: ii-> n=3", "--min-time", "0.001", "--chart", str(svg), "--json", str(figures)
        )
        assert result.returncode == 0, result.stderr
        assert "tiny: ii-> n=3" in result.stdout
        assert "geometric means" in result.stdout
        ET.fromstring(svg.read_text(encoding="utf-8"))
        record = json.loads(figures.read_text(encoding="utf-8"))
        assert [case["label"] for case in record["cases"]] == ["tiny: ii-> n=3"]
        assert record["machine"]["NumPy"] == np.__version__

    def test_list(self):
        result = cli("bench", "--list")
        assert result.returncode == 0
        listed = [line.strip() for line in result.stdout.splitlines() if line.startswith(" ")]
        assert sorted(listed) == sorted(case.label for case in CASES)
        some = cli("bench", "--list", "mttkrp").stdout.splitlines()
        assert some[0] == "networks: chains, MTTKRP, quadratic forms (3)"
        assert len(some) == 4

    def test_check_times_nothing(self):
        result = cli("bench", "--check", "lstsq: 40x6")
        assert result.returncode == 0
        assert "checked" in result.stdout
        assert "geometric means" not in result.stdout

    def test_strict_fails_where_ours_is_slow(self, monkeypatch, capsys):
        monkeypatch.setattr(race, "run_case", lambda case, *rest: outcome(case.label, 3.0, numpy=1.0))
        assert main(["bench", "tiny: ii-> n=3"]) == 0
        assert main(["bench", "tiny: ii-> n=3", "--strict"]) == 1
        assert "SLOW" in capsys.readouterr().out

    def test_a_wrong_result_is_status_1(self, monkeypatch, capsys):
        monkeypatch.setattr(er, "einsum", lambda *operands: np.einsum(*operands) + 1)
        assert main(["bench", "tiny: ii-> n=3", "--min-time", "0.001"]) == 1
        assert "WRONG tiny: ii-> n=3: relative error" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("tinny",), "no case 'tinny'; did you mean 'tiny'"),
            (("",), "no case ''"),
            (("tiny", "--peers", "nunpy"), "--peers: no implementation 'nunpy'; there are numpy, "),
            (("tiny", "--min-time", "0"), "--min-time: 0 seconds; expected more than 0"),
            (("tiny", "--chart", "x.png"), "--chart: x.png is no name of an SVG file; write x.svg"),
            (("tiny", "--json", "no/such/folder/x.json"), "cannot use no/such/folder/x.json: No such file"),
            (("tiny", "--check", "--json", "x.json"), "--check times nothing"),
            (("--readme", "no-such-file.md"), "cannot use no-such-file.md: No such file"),
            (("tiny", "--check", "--readme"), "--readme measures what the README shows"),
        ],
    )
    def test_bad_arguments_are_one_line(self, arguments, message, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        assert main(["bench", *arguments]) == 2
        printed = capsys.readouterr()
        assert message in printed.err
        assert printed.err.count("\n") == 1
        assert printed.out == ""
        assert list(tmp_path.iterdir()) == []
