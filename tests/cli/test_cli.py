"""``python -m einroute``: each command in a process of its own, and the demo's exit status."""

from __future__ import annotations

import dataclasses
import importlib
import io
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata, util
from pathlib import Path

import numpy as np
import pytest

import einroute as er
from einroute._cli import demo, explain, main, parser

A23, A34, A42 = np.ones((20, 30)), np.ones((30, 40)), np.ones((40, 20))

FULL = Path("/dev/full")
PROBLEMS = demo.PROBLEMS


def cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in thread_variables()}
    return subprocess.run(
        [sys.executable, "-m", "einroute", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**env, **environment},
    )


def thread_variables() -> tuple[str, ...]:
    return ("EINROUTE_NUM_THREADS", "OMP_NUM_THREADS")


def one_line_error(result: subprocess.CompletedProcess[str]) -> str:
    """The error's text, after asserting that it is one line, without a traceback, of status 2."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr


class TestMain:
    @pytest.mark.parametrize(
        "arguments", [(), ("nonsense",), ("demo", "--nonsense"), ("explain", "i->", "3", "--dty", "f4")]
    )
    def test_unknown_arguments_are_status_2(self, arguments):
        result = cli(*arguments)
        assert result.returncode == 2
        assert "usage:" in result.stderr
        assert "Traceback" not in result.stderr

    def test_it_tells_its_version(self, capsys):
        with pytest.raises(SystemExit) as ended:
            main(["--version"])
        assert ended.value.code == 0
        assert capsys.readouterr().out == f"einroute {er.__version__}\n"

    def test_the_script_is_the_same_command_line(self):
        declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
        module, _, name = declared["project"]["scripts"]["einroute"].partition(":")
        assert getattr(importlib.import_module(module), name) is main

    def test_help_names_the_commands(self):
        result = cli("--help")
        assert result.returncode == 0
        assert all(name in result.stdout for name in ("demo", "explain", "doctor"))

    def test_a_reader_that_leaves_is_no_error(self):
        process = subprocess.Popen(
            [sys.executable, "-m", "einroute", "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        process.stdout.close()
        errors = process.stderr.read()
        process.stderr.close()
        assert process.wait(timeout=120) == 0
        assert errors == b""


class TestExplain:
    def test_what_it_prints_is_what_explain_says(self):
        result = cli("explain", "ij,jk->ik", "200x300", "300x400", EINROUTE_NUM_THREADS="1")
        assert result.returncode == 0, result.stderr
        # A stand-in has the same facts as the array: the same text, in the same configuration. With one
        # thread it does not matter how many BLAS may have.
        with er.config(threads=1):
            expected = str(er.explain("ij,jk->ik", np.ones((200, 300)), np.ones((300, 400))))
        assert result.stdout == expected + "\n"

    def test_dtype_order_and_optimize_reach_it(self, capsys):
        arguments = ["ij,jk,kl->il", "20x30", "30x40", "40x50", "--dtype", "f4,f4,f8", "--order", "F"]
        assert main(["explain", *arguments, "--optimize", "true"]) == 0
        text = capsys.readouterr().out
        a, b, c = np.ones((20, 30), "f4"), np.ones((30, 40), "f4"), np.ones((40, 50))
        assert text == str(er.explain("ij,jk,kl->il", a, b, c, order="F", optimize=True)) + "\n"

    def test_as_json_and_as_a_picture(self, capsys, tmp_path):
        arguments = ["explain", "ij,jk->ik", "20x30", "30x40"]
        assert main([*arguments, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told == er.explain("ij,jk->ik", np.ones((20, 30)), np.ones((30, 40))).to_dict()
        assert main([*arguments, "--picture", str(tmp_path / "x.svg")]) == 0
        assert (tmp_path / "x.svg").read_text(encoding="utf-8").startswith("<svg")
        capsys.readouterr()
        assert main([*arguments, "--picture", str(tmp_path / "absent" / "x.svg")]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert "--picture: cannot write" in said.err
        assert main([*arguments, "--picture", str(tmp_path / "x.png")]) == 2
        assert "expected a name that ends in .svg or .html" in capsys.readouterr().err
        assert not (tmp_path / "x.png").exists()

    def test_verbose_says_what_was_refused(self, capsys):
        assert main(["explain", "ij,jk->ik", "20x30", "30x40", "--verbose"]) == 0
        text = capsys.readouterr().out
        explained = er.explain("ij,jk->ik", np.ones((20, 30)), np.ones((30, 40)), verbose=True)
        assert text == f"{explained}\n"
        assert "not dense.half_matmul: not float16" in text

    @pytest.mark.parametrize(
        ("words", "function", "args", "options"),
        [
            (("dot", "20x30", "30x40"), er.dot, (A23, A34), {}),
            (("np.matmul", "20x30", "30x40"), er.matmul, (A23, A34), {}),
            (("numpy.linalg.matmul", "20x30", "30x40"), er.linalg.matmul, (A23, A34), {}),
            (("tensordot", "20x30", "30x40", "--axes", "1"), er.tensordot, (A23, A34), {"axes": 1}),
            (("linalg.multi_dot", "20x30", "30x40", "40x20"), er.linalg.multi_dot, ([A23, A34, A42],), {}),
            (("einsum", "dot", "2x3x4"), er.einsum, ("dot", np.ones((2, 3, 4))), {}),
            (("einsum_path", "ij,jk", "20x30", "30x40"), er.einsum_path, ("ij,jk", A23, A34), {}),
        ],
    )
    def test_any_routed_function(self, words, function, args, options, capsys):
        assert main(["explain", *words]) == 0
        assert capsys.readouterr().out == str(er.explain(function, *args, **options)) + "\n"

    @pytest.mark.parametrize("name", ["lstsq", "linalg.pinv", "inv", "scipy.linalg.lstsq"])
    def test_of_factors_without_the_matrix(self, name, capsys):
        shapes = ("50x50", "50") if name.endswith("lstsq") else ("50x50",)
        assert main(["explain", name, *shapes]) == 0
        said = capsys.readouterr().out
        assert said.startswith(name if name != "inv" else "linalg.inv")
        assert "cache: unknown" in said

    def test_a_scalar_is_an_operand(self, capsys):
        assert main(["explain", ",ij->ij", "scalar", "3x4"]) == 0
        assert capsys.readouterr().out

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("ij,jk->ik", "200x300", "30xq"), "30xq"),
            (("ij,jk->ik", "200x300", "300x-4"), "300x-4"),
            (("ij,jk->ik", "200x300", ""), "''"),
            (("ij,jk->ik", "200x300", "9999999999x9999999999"), "larger"),
            (("ij,jk->ik", "200x300", "400x500"), "300"),
            (("ij,jk->ik", "200x300"), "operand"),
            (("ij,jk->iz", "2x3", "3x4"), "z"),
            (("ij,jk->ik", "2x3", "3x4", "--dtype", "q8"), "q8"),
            (("ij,jk->ik", "2x3", "3x4", "--dtype", "f8,f8,f8"), "3 dtypes for 2 operands"),
            (("ij,jk,kl->il", "2x3", "3x4", "4x5", "--optimize", "gredy"), "gredy"),
            (("ij,jk->ik", "-2x3", "3x4"), "shape '-2x3' is no shape; write 200x300"),
            (("ij,jk->ik", "2x3", "3x4", "--axes", "1"), "--axes is no option of this function"),
            (("dot", "2x3", "3x4", "--order", "C"), "--order is no option of this function"),
            (("dot", "2x3"), "dot: missing a required argument: 'b'"),
            (("dot", "2x3", "4x3"), "4"),
            (("linalg.slove", "3x3", "3"), "nor the name of a routed function; did you mean 'linalg.solve'"),
            (("tensordott", "2x3", "3x4"), "nor the name of a routed function; did you mean 'tensordot'"),
            (("einsum",), "needs subscripts before the shapes"),
            (("lstsq", "2x3", "3"), "each row of b belongs to a row of a"),
        ],
    )
    def test_bad_arguments_are_one_line_and_status_2(self, arguments, says):
        assert says in one_line_error(cli("explain", *arguments))

    @pytest.mark.parametrize(("text", "shape"), [("2x3", (2, 3)), ("7", (7,)), ("0x4", (0, 4)), ("()", ())])
    def test_shapes(self, text, shape):
        assert explain.shape(text) == shape

    def test_stand_ins_take_no_memory(self):
        assert main(["explain", "ij,jk->ik", "100000x1000000", "1000000x100000"]) == 0


class TestDoctor:
    def test_it_tells_versions_threads_and_operands(self):
        result = cli("doctor")
        assert result.returncode == 0, result.stderr
        lines = {line.split(maxsplit=1)[0]: line for line in result.stdout.splitlines() if line[0] != " "}
        for name in ("numpy", "scipy", "opt_einsum", "sparse", "numba", "threadpoolctl"):
            try:
                assert metadata.version(name) in lines[name]
            except metadata.PackageNotFoundError:
                assert "not installed" in lines[name]
        assert er.__version__ in lines["einroute"]
        assert {"python", "system", "BLAS", "fast", "threads", "operands", "cache", "config"} <= set(lines)
        assert "GFLOP/s" in lines["fast"]
        assert f"numpy {np.__version__}" in lines["operands"]
        known = result.stdout.partition("operands")[2].partition("overrides")[0].splitlines()
        assert ("              torch not installed" in known) == (util.find_spec("torch") is None)
        assert "einroute._" not in result.stdout

    def test_it_tells_which_libraries_an_override_reaches(self):
        result = cli("doctor")
        told = " ".join(result.stdout.split())
        version = metadata.version("opt_einsum")
        assert f"overrides opt_einsum {version}: its backends' functions are replaced" in told
        for name in ("xarray", "autoray", "cotengra", "dask"):
            assert (f" {name} " in told.partition("overrides")[2]) == (util.find_spec(name) is not None)

    @pytest.mark.skipif(not FULL.exists(), reason="the system has no full device")
    def test_where_there_is_no_room_for_it(self):
        with FULL.open("w") as full:
            result = subprocess.run(
                [sys.executable, "-m", "einroute", "doctor"],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=120,
                check=False,
            )
        assert result.returncode == 1
        assert result.stderr.startswith("python -m einroute: cannot write the output: ")
        assert len(result.stderr.splitlines()) == 1

    @pytest.mark.parametrize(
        ("environment", "says"),
        [
            ({}, "one for each core"),
            ({"OMP_NUM_THREADS": "3"}, "3, set by OMP_NUM_THREADS"),
            ({"OMP_NUM_THREADS": "3", "EINROUTE_NUM_THREADS": "1"}, "1, set by EINROUTE_NUM_THREADS"),
            ({"OMP_NUM_THREADS": "3", "EINROUTE_NUM_THREADS": "no"}, "3, set by OMP_NUM_THREADS"),
            ({"OMP_NUM_THREADS": "\N{SUPERSCRIPT TWO}"}, "(no count: ignored)"),
            ({"EINROUTE_NUM_THREADS": "no"}, "EINROUTE_NUM_THREADS=no (no count: ignored)"),
        ],
    )
    def test_it_tells_which_variable_sets_the_threads(self, environment, says):
        result = cli("doctor", **environment)
        assert result.returncode == 0, result.stderr
        assert says in result.stdout

    def test_it_imports_no_kind(self):
        code = (
            "import sys; from einroute._cli import main; status = main(['doctor'])\n"
            "print(*sorted({'sparse', 'numba', 'dask', 'jax', 'torch'} & set(sys.modules)),"
            " 'imported', status)"
        )
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
        )
        assert result.stdout.splitlines()[-1].split() == ["imported", "0"]


class TestDemo:
    def test_the_command_runs(self, tmp_path):
        path = tmp_path / "results.json"
        result = cli("demo", "--only", "ring", "--json", str(path))
        assert result.returncode == 0, result.stdout + result.stderr
        assert "1 of 1 checks passed" in result.stdout
        assert "\x1b" not in result.stdout + result.stderr
        assert "\r" not in result.stderr
        assert result.stderr.splitlines() == ["[1/1] ring: chi=16"]
        records = json.loads(path.read_text())
        assert [(record["problem"], record["ok"]) for record in records] == [("ring", True)]

    def test_a_failed_check_is_status_1(self, monkeypatch, capsys):
        wrong = dataclasses.replace(PROBLEMS[2], ours=lambda data: PROBLEMS[2].ours(data) + 1)
        monkeypatch.setattr(demo, "PROBLEMS", (PROBLEMS[1], wrong))
        arguments = parser().parse_args(["demo"])
        assert demo.run(arguments, scale=0.02, budget=0.0, rest=0.0) == 1
        assert "2 of 4 checks passed" in capsys.readouterr().out
        monkeypatch.setattr(demo, "PROBLEMS", PROBLEMS[:2])
        assert demo.run(arguments, scale=0.02, budget=0.0, rest=0.0) == 0

    def test_a_row_is_printed_before_the_next_problem_runs(self, monkeypatch):
        class Pipe(io.StringIO):
            """Holds back what is written until it is flushed, as stdout does where it is a pipe."""

            arrived = ""

            def flush(self):
                self.arrived = self.getvalue()

        out, seen = Pipe(), []
        second = dataclasses.replace(
            PROBLEMS[2], build=lambda *size: (seen.append(out.arrived), PROBLEMS[2].build(*size))[1]
        )
        monkeypatch.setattr(demo, "PROBLEMS", (PROBLEMS[1], second))
        monkeypatch.setattr(sys, "stdout", out)
        arguments = parser().parse_args(["demo"])
        assert demo.run(arguments, scale=0.02, budget=0.0, rest=0.0) == 0
        assert PROBLEMS[1].title in seen[0]
        assert re.search(r"dense\.\w+|numpy\.einsum", seen[0])
        assert PROBLEMS[2].title not in seen[0]
        assert "checks passed" in out.getvalue()

    @pytest.mark.parametrize(("load", "warns"), [(0.1, False), (2.5, True)])
    def test_a_busy_machine_is_warned_of_above_the_table_and_below(self, monkeypatch, capsys, load, warns):
        monkeypatch.setattr(os, "getloadavg", lambda: (load,) * 3, raising=False)
        monkeypatch.setattr(demo, "PROBLEMS", PROBLEMS[2:3])
        arguments = parser().parse_args(["demo"])
        assert demo.run(arguments, scale=0.02, budget=0.0, rest=0.0) == 0
        text = capsys.readouterr().out
        assert text.count("WARNING: the load average is 2.5") == 2 * warns
        assert np.__version__ in text.splitlines()[0]

    def test_an_unknown_problem_is_named(self):
        error = one_line_error(cli("demo", "--only", "rin"))
        assert "'rin'" in error
        assert "ring" in error

    def test_a_file_that_cannot_be_written_is_found_before_the_work(self, tmp_path):
        error = one_line_error(cli("demo", "--json", str(tmp_path / "absent" / "x.json")))
        assert "--json" in error
        assert "No such file" in error

    def test_progress_on_a_terminal_is_one_line(self, monkeypatch, capsys):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        show, done = demo.reporter()
        show("first")
        show("second")
        done()
        text = capsys.readouterr().err
        assert "\n" not in text
        assert text.count("\r") == 3
        assert text.index("first") < text.index("second")
