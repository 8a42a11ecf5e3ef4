"""``python -m einroute run``: a program runs as Python runs it, and the report tells what was routed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import zipfile
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from einroute._cli.run import split

#: Programs run in other folders, from where relative paths lead nowhere.
ENVIRONMENT = {
    **os.environ,
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join(
        str(Path(part).absolute()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part
    ),
}
PROGRAM = '''
"""doc"""
import atexit, sys, threading
import numpy as np
from time import sleep

a = np.arange(40000.0).reshape(200, 200) % 7 + np.eye(200)
n = np.arange(90000).reshape(300, 300) % 5


def work():
    for _ in range(3):
        np.einsum("ij,jk->ik", n, n)


thread = threading.Thread(target=work)
thread.start()
for _ in range(4):
    product = np.einsum("ij,jk,kl->il", a, a, a[:, :3])
for i in range(6):
    np.linalg.lstsq(a, a[i], rcond=None)
atexit.register(lambda: np.einsum("ij->i", a))
print(sys.argv[1:], round(float(product.sum()), 3))
'''


def write(folder: Path, text: str, name: str = "program.py") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def python(*arguments: str, cwd: Path, stdin: str = "", **environment: str) -> Any:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**ENVIRONMENT, **environment},
    )


def routed(*arguments: str, cwd: Path, stdin: str = "", **environment: str) -> Any:
    """The same program by ``einroute run``."""
    return python("-m", "einroute", "run", *arguments, cwd=cwd, stdin=stdin, **environment)


def without_report(errors: str) -> str:
    """What the program itself wrote to stderr."""
    return errors.partition("einroute: ")[0]


def places(report: str) -> list[tuple[str, str]]:
    """Of each place of program.py: the line with its numbers, and the one below with its routes."""
    lines = report.splitlines()
    return [(line, below.strip()) for line, below in pairwise(lines) if below.startswith("  program.py:")]


class TestAsPythonRunsIt:
    @pytest.mark.parametrize(
        "ending",
        [
            "",
            "sys.exit()",
            "sys.exit(0)",
            "sys.exit(7)",
            "sys.exit(-1)",
            "sys.exit('some text')",
            "sys.exit([1, 2])",
            "raise SystemExit",
            "raise SystemExit(3)",
            "raise ValueError('a <b> c')",
            "def f():\n    g()\ndef g():\n    1 / 0\nf()",
            "raise KeyboardInterrupt",
            "raise BrokenPipeError",
            "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('x') from e",
            "sys.excepthook = lambda *a: print('hooked', a[0].__name__, file=sys.stderr)\nraise OSError",
            "this is no python",
            "import os\nos.kill(os.getpid(), 15)",
            "import nothing_of_this_name",
            "__import__('json').loads('{')",
        ],
    )
    def test_status_output_and_traceback(self, tmp_path, ending):
        script = write(tmp_path, f"import sys\nprint('out')\nprint('err', file=sys.stderr)\n{ending}\n")
        ours, theirs = routed(str(script), cwd=tmp_path), python(str(script), cwd=tmp_path)
        assert ours.returncode == theirs.returncode
        assert ours.stdout == theirs.stdout
        assert without_report(ours.stderr) == theirs.stderr

    FACTS = (
        "import sys, pickle\n"
        "def f(): pass\n"
        "m = sys.modules['__main__']\n"
        "assert m.f is f and pickle.loads(pickle.dumps(f)) is f\n"
        "spec = __spec__ and (__spec__.name, __spec__.origin, __spec__.parent)\n"
        "print(sys.argv, __name__, globals().get('__file__'), sys.path[0], __doc__, spec, __package__)\n"
        "print(type(__loader__).__name__, __builtins__.__name__, sorted(vars(m)))\n"
    )

    @pytest.mark.parametrize(
        "program",
        [
            ("program.py",),
            ("program.py", "a", "--report", "x.html", "-m", "--", "-h", ""),
            ("sub/program.py", "x"),
            ("-m", "module", "a", "-x"),
            ("-m", "package", "--compare"),
            ("-m", "package.inner"),
            ("folder", "y"),
            ("archive.zip", "z"),
            ("link.py",),
            ("-", "a", "b"),
            ("no_suffix",),
        ],
    )
    def test_what_a_program_sees(self, tmp_path, program):
        for name in (
            "program.py", "sub/program.py", "module.py", "package/__main__.py", "package/inner.py",
            "folder/__main__.py", "no_suffix",
        ):  # fmt: skip
            write(tmp_path, f'"""{name}"""\n{self.FACTS}', name)
        write(tmp_path, "", "package/__init__.py")
        with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
            archive.writestr("__main__.py", self.FACTS)
        try:
            (tmp_path / "link.py").symlink_to(tmp_path / "sub" / "program.py")
        except OSError:
            pytest.skip("no symbolic links here")
        stdin = self.FACTS if program[0] == "-" else ""
        ours = routed(*program, cwd=tmp_path, stdin=stdin)
        theirs = python(*program, cwd=tmp_path, stdin=stdin)
        assert theirs.returncode == 0, theirs.stderr
        assert ours.stdout == theirs.stdout
        assert without_report(ours.stderr) == theirs.stderr

    @pytest.mark.parametrize(
        "program", [("absent.py",), ("-m", "absent"), ("-m", "json"), ("-m", "os.path.x"), ("empty",), (".",)]
    )
    def test_programs_that_are_not_there(self, tmp_path, program):
        (tmp_path / "empty").mkdir()
        ours, theirs = routed(*program, cwd=tmp_path), python(*program, cwd=tmp_path)
        assert ours.returncode == theirs.returncode
        assert ours.stdout == ""
        assert len(ours.stderr.splitlines()) == 1
        assert "Traceback" not in ours.stderr

    def test_compiled_programs_and_encodings(self, tmp_path):
        import py_compile

        script = write(tmp_path, "print('compiled')")
        py_compile.compile(str(script), cfile=str(tmp_path / "program.pyc"))
        assert routed("program.pyc", cwd=tmp_path).stdout == "compiled\n"
        (tmp_path / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\nprint(ascii('\xe9'))\n")
        assert routed("latin.py", cwd=tmp_path).stdout == "'\\xe9'\n"

    def test_stdin_is_the_programs(self, tmp_path):
        script = write(tmp_path, "import sys\nprint(input(), sys.stdin.read())")
        assert routed(str(script), cwd=tmp_path, stdin="one\ntwo").stdout == "one two\n"

    def test_safe_path(self, tmp_path):
        script = write(tmp_path, "import sys\nprint(sys.path)")
        ours = routed(str(script), cwd=tmp_path, PYTHONSAFEPATH="1")
        theirs = python(str(script), cwd=tmp_path, PYTHONSAFEPATH="1")
        assert ours.stdout == theirs.stdout

    def test_processes_of_the_program(self, tmp_path):
        script = write(
            tmp_path,
            """
            import multiprocessing as mp, os, sys
            import numpy as np

            def work(x):
                return float(np.einsum("ij,jk->ik", x, x).sum())

            if __name__ == "__main__":
                for method in mp.get_all_start_methods():
                    with mp.get_context(method).Pool(2) as pool:
                        print(method, pool.map(work, [np.ones((60, 60))] * 3))
                if hasattr(os, "fork"):
                    sys.stdout.flush()
                    child = os.fork()
                    if not child:
                        sys.exit(0)
                    os.waitpid(child, 0)
            """,
        )
        ours, theirs = routed(str(script), cwd=tmp_path), python(str(script), cwd=tmp_path)
        assert ours.stdout == theirs.stdout
        assert ours.returncode == 0
        assert ours.stderr.count("einroute: ") == 1


class TestReport:
    def test_by_place_and_route(self, tmp_path):
        script = write(tmp_path, PROGRAM)
        ours, theirs = routed(str(script), "x", cwd=tmp_path), python(str(script), "x", cwd=tmp_path)
        assert ours.stdout == theirs.stdout
        report = ours.stderr
        assert re.match(r"einroute: 14 routed calls, .* together; the program took ", report)
        rows = places(report)
        assert {line.split()[0] for line, _ in rows} == {"einsum", "lstsq"}
        (total,) = (line for line in report.splitlines() if line.startswith("together "))
        assert total.split()[-3] == "14"
        assert len(rows) == 4  # the thread's, two of the main program, the exit handler's
        ((network, said),) = ((line, below) for line, below in rows if "8 x dense.matmul" in below)
        assert said.split()[1:4] == ["4", "x", "ij,jk,kl->il"]
        assert network.split()[-3] == "4"
        (thread,) = (line for line, below in rows if "3 x dense.integer_matmul" in below)
        (factors,) = (line for line, below in rows if "factors.svd" in below)
        assert thread.split()[-3] == "3"
        assert factors.split()[-3] == "6"
        assert re.search(r"(?m)^dense\.matmul +4 +8 +0 ", report)

    def test_without_routed_calls(self, tmp_path):
        script = write(tmp_path, "print(1)")
        assert routed(str(script), cwd=tmp_path).stderr.startswith("einroute: no routed function was called")

    def test_compare(self, tmp_path):
        script = write(tmp_path, PROGRAM)
        ours, theirs = routed("--compare", str(script), cwd=tmp_path), python(str(script), cwd=tmp_path)
        assert ours.stdout == theirs.stdout
        (line,) = (line for line, below in places(ours.stderr) if "8 x dense.matmul" in below)
        assert max(map(len, ours.stderr.split("\n\n")[1].splitlines())) <= 80
        calls, *_, faster, _, _, sampled = line.split()[-9:]
        assert (calls, sampled) == ("4", "3")  # the first, the second and the fourth
        assert re.fullmatch(r"[\d.,]+", faster)
        assert "timed again by both" in ours.stderr
        assert re.search(r"took .*, .* of them to record and compare", ours.stderr)
        assert re.match(r"(With einroute|einroute made) these calls ", ours.stderr.splitlines()[-1])

    def test_compare_says_same_where_numpys_own_function_answers(self, tmp_path):
        text = """
            import numpy as np
            a = np.arange(3600.0).reshape(60, 60) + np.eye(60)
            for _ in range(20):
                np.dot(a, a)
                np.inner(a, a)
                np.einsum("ij->ji", a)
                np.linalg.inv(a + _)
            """
        report = routed("--compare", str(write(tmp_path, text)), cwd=tmp_path).stderr
        rows = places(report)
        assert len(rows) == 4
        for row, _ in rows:
            calls, ours, numpys, faster, _, sampled = re.split("  +", row)[-6:]
            assert (calls, ours, faster, sampled) == ("20", numpys, "same", "0")
        assert report.splitlines()[-1] == (
            "NumPy's own functions answered these calls: einroute makes no difference to them."
        )

    def test_compare_changes_no_route(self, tmp_path):
        script = write(
            tmp_path,
            """
            import numpy as np
            a, m = np.ones((6, 6)), np.arange(800.0).reshape(40, 20) % 7
            for k in range(70):
                np.einsum("ij,jk->ik", a, a)
            for k in range(12):
                np.linalg.lstsq(m, m[:, k], rcond=None)
            for k in range(12):
                np.linalg.pinv(m)
            for k in range(30, 50):
                np.einsum("ij,jk,kl->il", m[:k], m[:20], m.T)
            """,
        )
        columns = [
            sorted((below, *re.split("  +", line)[:2]) for line, below in places(report))
            for report in (
                routed(str(script), cwd=tmp_path).stderr,
                routed("--compare", str(script), cwd=tmp_path).stderr,
            )
        ]
        assert len(columns[0]) == 4
        assert columns[0] == columns[1]

    def test_compare_changes_no_result(self, tmp_path):
        script = write(
            tmp_path,
            """
            import numpy as np, hashlib
            import scipy.linalg, scipy.sparse
            a = np.arange(10000.0).reshape(100, 100) % 7 + np.eye(100)
            seen = []
            for _ in range(4):
                out = np.full((100, 100), 5.0)
                np.einsum("ij,jk->ik", a, a, out=out); seen.append(out.copy())
                b = a.copy()
                np.einsum("ij,jk->ik", b, b, out=b); seen.append(b)
                np.dot(a, a, out); seen.append(out.copy())
                np.matmul(a, a, out=(out,)); seen.append(out.copy())
                np.outer(a[0], a[0], out); seen.append(out.copy())
                np.linalg.multi_dot([a, a, a], out=out); seen.append(out.copy())
                seen.append(scipy.linalg.solve(a.copy(), a[0].copy(), overwrite_a=True, overwrite_b=True))
                seen.append(np.linalg.lstsq(a, a[0], rcond=None)[0])
                seen.append(np.tensordot(a, a, axes=([1], [0])))
                for bad in (lambda: np.einsum("ij,jk", a, a[:3]), lambda: np.linalg.inv(a[:3])):
                    try: bad()
                    except Exception as error: seen.append(np.frombuffer(type(error).__name__.encode(), "u1"))
            print(len(seen), [round(float(np.sum(x)), 2) for x in seen])
            """,
        )
        ours, theirs = routed("--compare", str(script), cwd=tmp_path), python(str(script), cwd=tmp_path)
        assert ours.returncode == 0, ours.stderr
        assert ours.stdout == theirs.stdout

    def test_compare_warns_no_second_time(self, tmp_path):
        script = write(
            tmp_path,
            """
            import warnings, numpy as np, scipy.linalg as la
            bad, good = la.hilbert(40), np.eye(40) + np.arange(1600.0).reshape(40, 40) % 7
            for a in (bad, good):
                with warnings.catch_warnings(record=True) as seen:
                    warnings.simplefilter("always")
                    for _ in range(8):
                        la.solve(a, a[0])
                        la.inv(a)
                print(len(seen), {str(w.category.__name__) for w in seen})
            """,
        )
        ours, theirs = routed("--compare", str(script), cwd=tmp_path), python(str(script), cwd=tmp_path)
        assert ours.stdout == theirs.stdout
        solved = [line for line, below in places(ours.stderr) if "factors.lu" in below]
        (line,) = (line for line in solved if line.startswith("scipy.linalg.solve "))
        assert line.split()[-1] != "0"  # what has kept factors is well-conditioned, and is repeated

    def test_compare_runs_no_code_of_others_again(self, tmp_path):
        script = write(
            tmp_path,
            """
            import warnings, numpy as np
            class Number:
                made = 0
                def __init__(self, value): self.value = value; Number.made += 1
                def __mul__(self, other): return Number(self.value * other.value)
                def __add__(self, other): return Number(self.value + other.value)
                def __array__(self, dtype=None, copy=None):
                    Number.made += 100
                    return np.ones(2)
            a = np.array([Number(1), Number(2)], object)
            np.dot(a, a)
            np.dot([Number(1), Number(2)], [Number(1), Number(2)])
            print(Number.made)
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                np.einsum("ij->i", np.ones((2, 2)) + 1j, out=np.empty(2), casting="unsafe")
            print(len(seen))
            """,
        )
        ours, theirs = routed("--compare", str(script), cwd=tmp_path), python(str(script), cwd=tmp_path)
        assert ours.stdout == theirs.stdout

    @pytest.mark.skipif(os.name == "nt", reason="names of files are text there")
    def test_a_page_of_a_program_with_any_name(self, tmp_path):
        script = write(
            tmp_path, "import numpy as np; np.dot(np.eye(60), np.eye(60))", os.fsdecode(b"w\xff.py")
        )
        ours = routed("--report", "page.html", str(script), cwd=tmp_path)
        assert ours.stderr.endswith("\n\neinroute: the report is in page.html\n")
        assert "numpy.dot" in (tmp_path / "page.html").read_text(encoding="utf-8")

    def test_compare_stops_at_its_time(self, tmp_path):
        script = write(tmp_path, PROGRAM)
        report = routed("--compare", "--compare-for", "0", str(script), cwd=tmp_path).stderr
        assert all(line.split()[-1] == "0" for line, _ in places(report))
        assert "time that was set for comparing is spent" in report
        assert report.splitlines()[-1].startswith("None of these calls could be compared: ")

    def test_a_page_of_a_program_that_goes_elsewhere(self, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        script = write(tmp_path, "import os; os.chdir('elsewhere')")
        ours = routed("--report", "page.html", str(script), cwd=tmp_path)
        assert ours.stderr.endswith("\n\neinroute: the report is in page.html\n")
        assert (tmp_path / "page.html").is_file()

    @pytest.mark.parametrize(("how", "says"), [("fork", "forked are not in this"), ("spawn", "ran without")])
    def test_processes_that_the_program_starts(self, tmp_path, how, says):
        script = write(
            tmp_path,
            f"""
            import multiprocessing as mp, numpy as np
            def work(n):
                return float(np.dot(np.ones(n), np.ones(n)))
            if __name__ == "__main__":
                with mp.get_context({how!r}).Pool(1) as pool:
                    print(pool.map(work, [2, 3]))
            """,
        )
        ours = routed(str(script), cwd=tmp_path)
        assert ours.stdout == "[2.0, 3.0]\n"
        assert ours.stderr.startswith("einroute: no routed function was called")
        assert says in ours.stderr
        assert "processes" not in routed(str(write(tmp_path, "print(1)")), cwd=tmp_path).stderr

    def test_a_page(self, tmp_path):
        script = write(tmp_path, PROGRAM, "a <b> & c.py")
        ours = routed("--report", "page.html", "--compare", str(script), "<script>", cwd=tmp_path)
        assert ours.stderr.endswith("\n\neinroute: the report is in page.html\n")
        page = (tmp_path / "page.html").read_text(encoding="utf-8")
        assert page.startswith("<!doctype html>")
        assert "8 x dense.matmul" in page
        assert page.count('class="er-bar"') > 4
        assert "np.linalg.lstsq(a, a[i], rcond=None)" in page  # the program's line
        assert "<td><code>together</code></td>" in page
        assert "not dense.zeros: no dimension has length 0" in page
        tags = Tags()
        tags.feed(page)
        assert not tags.seen & {"script", "link", "img", "iframe", "b&"}
        assert "&lt;script&gt;" in page
        assert "http" not in page.replace("http://www.w3.org/2000/svg", "")

    def test_a_page_that_cannot_be_written_is_found_first(self, tmp_path):
        script = write(tmp_path, "print('ran')")
        result = routed("--report", str(tmp_path / "absent" / "x.html"), str(script), cwd=tmp_path)
        assert (result.returncode, result.stdout) == (2, "")
        assert "--report: cannot write" in result.stderr

    def test_the_report_comes_after_a_traceback(self, tmp_path):
        script = write(tmp_path, "import numpy as np\nnp.einsum('ij,jk', np.eye(40), np.eye(40))\n1 / 0\n")
        errors = routed(str(script), cwd=tmp_path).stderr
        assert errors.index("ZeroDivisionError") < errors.index("einroute: 1 routed call,")
        assert "einroute/" not in errors.partition("einroute: ")[0]

    def test_a_chosen_few(self, tmp_path):
        script = write(tmp_path, PROGRAM)
        report = routed("--only", "lstsq", str(script), cwd=tmp_path).stderr
        assert report.startswith("einroute: 6 routed calls")
        result = routed("--only", "lstsqq", str(script), cwd=tmp_path)
        assert result.returncode == 2
        assert "lstsq" in result.stderr
        assert result.stdout == ""

    def test_stderr_that_is_closed(self, tmp_path):
        script = write(tmp_path, "import sys, os\nprint('out')\nsys.stderr.close()\nsys.stderr = None\n")
        result = routed(str(script), cwd=tmp_path)
        assert (result.returncode, result.stdout) == (0, "out\n")

    def test_everything_is_put_back(self, tmp_path):
        code = (
            "import atexit, sys\n"
            "import numpy as np\n"
            "sys.before = np.einsum\n"
            "atexit.register(lambda: print(np.einsum is sys.before))\n"
            "from einroute._cli import main\n"
            "sys.exit(main(['run', 'program.py']))\n"
        )
        write(tmp_path, "import sys\nimport numpy as np\nprint(np.einsum is sys.before)")
        result = python("-c", code, cwd=tmp_path)
        assert result.stdout.split() == ["False", "True"], result.stderr


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)


class TestArguments:
    @pytest.mark.parametrize(
        ("words", "own", "program"),
        [
            (["s.py", "--compare"], [], ["s.py", "--compare"]),
            (["--compare", "s.py"], ["--compare"], ["s.py"]),
            (["--report", "x", "s.py"], ["--report", "x"], ["s.py"]),
            (["--report=x", "s.py"], ["--report=x"], ["s.py"]),
            (["--", "-odd.py", "a"], [], ["-odd.py", "a"]),
            (["-m", "mod", "-m"], [], ["-m", "mod", "-m"]),
            (["-mmod", "x"], [], ["-m", "mod", "x"]),
            (["--compare", "-", "x"], ["--compare"], ["-", "x"]),
            (["--help"], ["--help"], []),
            ([], [], []),
        ],
    )
    def test_where_the_program_begins(self, words, own, program):
        assert split(words) == (own, program)

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            ((), "no program"),
            (("-m",), "no program"),
            (("--nonsense", "s.py"), "--nonsense"),
            (("--report",), "expected one argument"),
            (("--compare-for", "soon", "s.py"), "no number of seconds"),
            (("--compare-for", "-1", "s.py"), "no number of seconds"),
            (("--comp", "s.py"), "--comp"),
            (("--report", ".", "s.py"), "cannot write .: it is a folder"),
            (("--report", "no/page.html", "s.py"), "there is no folder no"),
            (("--report", "page.html", "absent.py"), "can't open file"),
        ],
    )
    def test_bad_arguments_are_status_2(self, tmp_path, words, says):
        result = routed(*words, cwd=tmp_path)
        assert result.returncode == 2
        assert result.stdout == ""
        assert says in result.stderr
        assert "Traceback" not in result.stderr
        assert not [*tmp_path.iterdir()]

    def test_help(self, tmp_path):
        result = routed("--help", cwd=tmp_path)
        assert result.returncode == 0
        assert "--compare" in result.stdout
        assert result.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
class TestProgress:
    def test_one_line_on_a_terminal_only(self, tmp_path):
        import pty

        script = write(
            tmp_path,
            "import time, numpy as np\nfor _ in range(25):\n"
            "    np.einsum('ij,jk', np.eye(40), np.eye(40)); time.sleep(0.1)\nprint('done')",
        )
        for stdout_too in (False, True):
            leader, follower = pty.openpty()
            process = subprocess.Popen(
                [sys.executable, "-m", "einroute", "run", str(script)],
                cwd=tmp_path,
                stdin=subprocess.DEVNULL,
                stdout=follower if stdout_too else subprocess.PIPE,
                stderr=follower,
                env=ENVIRONMENT,
            )
            os.close(follower)
            shown = b""
            while True:
                try:
                    part = os.read(leader, 1 << 16)
                except OSError:  # Linux says that the other side is closed so
                    break
                if not part:
                    break
                shown += part
            os.close(leader)
            out = process.stdout.read() if process.stdout is not None else b""
            if process.stdout is not None:
                process.stdout.close()
            assert process.wait(timeout=60) == 0
            progress, _, report = shown.decode().partition("einroute: ")
            assert report.startswith("25 routed calls")
            if stdout_too:
                assert "\x1b" not in progress
            else:
                assert out == b"done\n"
                assert re.search(r"\r\x1b\[K\d+ s, [\d,]+ routed calls", progress)
                assert progress.endswith("\r\x1b[K")
                assert "\n" not in progress
