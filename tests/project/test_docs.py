"""What the README and the documentation show runs as it stands, and what they draw is there."""

from __future__ import annotations

import doctest
import re
from dataclasses import replace
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import pytest
from einroute_docs import chart, committed, figure, measure, ratios, regrets, results, shown

import einroute as er
import einroute.scipy.linalg
from tests.processes import printed

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
}
#: Pages of links, figures, names, dates and commands.
WITHOUT_EXAMPLES = {
    "docs/cupy.md",  # which needs a GPU
    "docs/api.md",
    "docs/monitoring.md",
    "docs/performance.md",
    "docs/problems/index.md",
    "docs/changes.md",
    "docs/faq.md",
    "docs/results/measured.md",
    "docs/results/regret.md",
    "docs/support.md",
}
#: Files that pages name as what their reader is to write.
MADE_BY_THE_READER = {
    "src/einroute/_kinds/diagonal.py",
    "src/einroute/_operands/diagonal.py",
}
#: Pages whose examples need a library that is optional.
NEEDED = {"docs/dask.md": "dask.array", "docs/torch.md": "torch", "docs/jax.md": "jax"}
TEST_COMMAND = "python3 -m venv .venv && .venv/bin/pip install -q tox && .venv/bin/tox"
MEASURED = results.read(results.FOLDER / "problems.json")
CLUSTER = results.read(results.FOLDER / "cluster.json")


def _examples(page: Path) -> doctest.DocTest:
    # A closing fence would be taken for expected output.
    text = re.sub(r"(?m)^```.*$", "", page.read_text(encoding="utf-8"))
    return doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)


@pytest.mark.parametrize("page", PAGES)
def test_examples_run(page: str) -> None:
    if page in NEEDED:  # elsewhere: what it loads changes what other pages show
        pytest.importorskip(NEEDED[page])
        printed(f"import doctest, sys\nsys.exit(doctest.testfile({str(PAGES[page])!r}, False).failed)")
        return
    complaints: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(_examples(PAGES[page]), out=complaints.append)
    assert not complaints, "".join(complaints)


@pytest.mark.parametrize("page", PAGES)
def test_code_that_is_run_for_the_page_prints_what_the_page_says(page: str) -> None:
    for piece in shown.of_page(PAGES[page]):
        assert piece.output()


@pytest.mark.parametrize("page", sorted(set(PAGES) - WITHOUT_EXAMPLES))
def test_pages_have_examples(page: str) -> None:
    assert _examples(PAGES[page]).examples or [*shown.of_page(PAGES[page])]


def test_readme_and_ci_give_one_test_command() -> None:
    readme, script = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", ".ci/run"))
    assert re.search(rf"(?m)^{re.escape(TEST_COMMAND)}$", readme)
    assert f"tests='{TEST_COMMAND}'" in script


def _prose(path: Path) -> str:
    return re.sub(r"(?ms)^```.*?^```$", "", path.read_text(encoding="utf-8"))


def _anchors(path: Path) -> set[str]:
    """The names that headings have where Markdown is shown: words in lower case, with hyphens between."""
    headings = re.findall(r"(?m)^#+ +(.+?) *$", _prose(path))
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", h).lower()).replace(" ", "-") for h in headings
    }


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md", "SECURITY.md"])
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\(\s*([^)\s]+)[^)]*\)", _prose(path))
    for link in links:
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.is_file(), f"{link}: there is no such file"
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        assert not anchor or anchor in _anchors(target), f"{link}: there is no such heading"


def test_a_wrong_link_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One `two`, three\n\n```\n# no heading\n```\n", encoding="utf-8")
    assert _anchors(page) == {"one-two-three"}


#: What only the built pages show: a link from the README must not lead to a page that is nothing without it.
DIRECTIVES = re.compile(r"(?m)^```\{(?:ratios|changes)\}")


def test_pages_that_the_readme_links_to_can_be_read_where_they_are() -> None:
    text = _prose(ROOT / "README.md")
    for link in re.findall(r"\]\(([^)#\s]+\.md)[^)]*\)", text):
        assert not DIRECTIVES.search((ROOT / link).read_text(encoding="utf-8")), link


def test_the_committed_picture_and_tables_are_of_the_committed_figures() -> None:
    for path, text in committed.all_files().items():
        assert path.read_text(encoding="utf-8") == text, f"run python docs/draw_measured.py: {path.name}"
    bars = ElementTree.parse(committed.BARS).getroot()
    assert len([node for node in bars.iter() if node.tag.endswith("rect")]) > 5
    bench, random = ratios.read(results.FOLDER / "bench.json"), regrets.read(results.FOLDER / "regret.json")
    for file, count in (
        (committed.PICTURE, len(bench.cases)),
        (committed.REGRET, sum(call.ratio > 0 for call in random.calls if call.after == "sight")),
    ):
        picture = ElementTree.parse(file).getroot()
        assert len([node for node in picture.iter() if node.tag.endswith("circle")]) == count


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md", "SECURITY.md"])
def test_files_that_are_named_are_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"\b(?:asv_benchmarks|docs|tests|src/einroute)/[\w./-]*\w\.(?:py|md|json)\b", text)
    assert [name for name in named if not (ROOT / name).exists() and name not in MADE_BY_THE_READER] == []


def test_the_reference_has_every_public_name() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"(?m)^\.\. (?:auto|py:)\w+:: ([\w.]+)", text))
    wanted = {name for name in er.__all__ if name not in {"linalg", "wisdom", "__version__"}}
    wanted |= {f"einroute.wisdom.{name}" for name in er.wisdom.__all__}
    wanted |= {f"einroute.linalg.{name}" for name in er.linalg.__all__ if name not in er.__all__}
    wanted |= {f"einroute.scipy.linalg.{name}" for name in ("lstsq", "solve", "inv", "pinv")}
    assert wanted - documented == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_curve_that_a_page_draws_was_measured(page: str) -> None:
    text = PAGES[page].read_text(encoding="utf-8")
    for name, file in re.findall(r"(?m)^```\{timings\} (\S+)(?:\n:results: (\S+))?$", text):
        found = results.read(results.FOLDER / f"{file or 'problems'}.json")
        assert found.curve(name).points
        assert file or name in {series.name for series in measure.SERIES}


CURVES = [(MEASURED, series.name) for series in measure.SERIES]
CURVES += [(CLUSTER, curve.name) for curve in CLUSTER.curves]


@pytest.mark.parametrize(("measured", "name"), CURVES, ids=[name for _, name in CURVES])
def test_figures_show_every_time(measured: results.Results, name: str) -> None:
    curve = measured.curve(name)
    picture = ElementTree.fromstring(chart.svg(curve, "a & b"))
    assert picture.get("aria-label") == "a & b"
    marks = [node for node in picture.iter() if node.tag in {"circle", "polygon"}]
    assert len(marks) == sum(len(point.times) for point in curve.points)
    html = figure.figure(measured, name, "A title.")
    for point in curve.points:
        assert point.label in html
        for time in point.times.values():
            assert chart.amount(time.seconds, curve.unit) in html


def test_the_performance_page_shows_every_case() -> None:
    bench = ratios.read(results.FOLDER / "bench.json")
    picture = ElementTree.fromstring(ratios.strips(bench))
    assert len([node for node in picture.iter() if node.tag == "circle"]) == len(bench.cases) > 0
    html = ratios.page(bench)
    slow = [case for case in bench.cases if case.slow]
    assert f"The {len(slow)} cases that are behind" in html
    assert all(escape(case.label) in html for case in slow)
    assert all(f"{group}: " in html for group in bench.groups)


def test_the_home_page_says_what_was_measured() -> None:
    bench, text = ratios.read(results.FOLDER / "bench.json"), committed.HOME.read_text(encoding="utf-8")
    assert all(f"| {row} | " in text for row in committed.MEANS)
    other = ratios.Bench(
        bench.machine,
        tuple(replace(case, faster=dict.fromkeys(case.faster, 7.0)) for case in bench.cases),
    )
    said = committed.home(text, other, MEASURED)
    for row, (group, peer) in committed.MEANS.items():
        measured = any(peer in case.faster for case in bench.groups.get(group, []))
        assert f"| {row} | {'7.0 times' if measured else '-'} | " in said
    assert "| 7.0 to 7.0 times: keep yours | " in said
    times = MEASURED.curve("rolled").points[-1].times
    faster = [*times.values()][1].seconds / times[results.OURS].seconds
    assert f"(problems/rolled.md) | {faster:.0f} times | " in said


def test_texts_in_charts() -> None:
    assert doctest.testmod(chart).attempted
    assert not doctest.testmod(chart).failed


def test_measuring_writes_what_the_pages_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "times.json"
    assert measure.main(["many-calls", "--scale", "0.05", "--budget", "0", "--out", str(path)]) == 0
    assert measure.main(["many-rhs", "--scale", "0.05", "--budget", "0", "--out", str(path)]) == 0
    found = results.read(path)
    assert [curve.name for curve in found.curves] == ["many-rhs", "many-calls"]
    assert all(results.OURS in point.times for curve in found.curves for point in curve.points)
    assert found.machine["NumPy"]
    with pytest.raises(SystemExit):
        measure.main(["no-such"])
    assert "there is no no-such; there are many-rhs" in capsys.readouterr().err


def test_shown_code_must_print_what_is_said() -> None:
    assert shown.Shown("print('one two')", ("two",)).output() == "one two\n"
    with pytest.raises(ValueError, match="lacks \\['three'\\]"):
        shown.Shown("print('one two')", ("three",)).output()
    with pytest.raises(ValueError, match="everything"):
        shown.Shown("1 + 1", ()).output()
