"""A slowed commit is seen: as a step of its line, on the page of regressions, and by ``asv-compare``."""

from __future__ import annotations

import importlib
import json
import re
from typing import Any

import pytest

from .conftest import BENCH, ROOT, Browser, Repository

BENCHMARK = "overhead.Einsum.time_tiny"
CASE = "tiny: ij,jk->ik n=3"


def lines(page: Any) -> dict[str, list[float]]:
    """What the graph draws: the values of each implementation, one a commit."""
    page.wait_for_function("window.$ && $('#main-graph').data('plot')")
    page.wait_for_load_state("networkidle")
    drawn = page.evaluate("$('#main-graph').data('plot').getData().map(line => [line.label, line.data])")
    found: dict[str, list[float]] = {}
    for label, points in drawn:
        values = [y for _, y, *_ in points or [] if y is not None]  # bars have more than two
        if label and values:
            found[label.partition("implementation-")[2]] = values
    return found


def test_a_graph_shows_the_implementations_side_by_side(browser: Browser, published: Repository) -> None:
    page = browser.page
    page.goto(f"#{BENCHMARK}")
    found = lines(page)
    browser.save("graph")
    # torch and jax are not installed there, and have no line
    assert set(found) == {"einroute", "numpy", "numpy_optimize", "opt_einsum"}
    assert all(len(values) == len(published.commits) for values in found.values())
    step = published.commits.index(published.slow)
    assert min(found["einroute"][step:]) > 2 * max(found["einroute"][:step])
    assert colours(page) >= 3  # and so it is really drawn; the fourth line is grey
    assert browser.troubles == []


def test_a_graph_over_cases_has_bars_of_those_measured(browser: Browser, published: Repository) -> None:
    page = browser.page
    page.goto(f"#{BENCHMARK}?x-axis=case")
    found = lines(page)
    browser.save("cases")
    assert set(found) == {"einroute", "numpy", "numpy_optimize", "opt_einsum"}
    assert colours(page) >= 3  # bars, and not an empty frame
    assert page.get_by_text("torch", exact=True).count() == 0
    assert browser.troubles == []


def test_what_was_not_measured_is_not_listed(published: Repository) -> None:
    html = published.path / "asv_benchmarks" / "html"
    benchmarks = json.loads((html / "index.json").read_text(encoding="utf-8"))["benchmarks"]
    assert set(benchmarks) == {BENCHMARK}
    implementations, cases = benchmarks[BENCHMARK]["params"]
    assert implementations == ["'einroute'", "'numpy'", "'numpy_optimize'", "'opt_einsum'"]
    assert cases == [f"'{CASE}'"]


def colours(page: Any) -> int:
    """How many colours besides grey are on the graph's canvas."""
    count: int = page.evaluate(
        """() => {
            const canvas = document.querySelector("#main-graph canvas.flot-base");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const counts = new Map();
            for (let i = 0; i < data.length; i += 4) {
                const [r, g, b, a] = data.slice(i, i + 4);
                if (a === 255 && Math.max(r, g, b) - Math.min(r, g, b) > 40) {
                    const key = [r, g, b].join();
                    counts.set(key, (counts.get(key) || 0) + 1);
                }
            }
            return [...counts.values()].filter(n => n > 50).length;
        }"""
    )
    return count


def test_the_slowed_commit_is_the_regression(browser: Browser, published: Repository) -> None:
    page = browser.page
    page.goto("#regressions")
    rows = page.locator("#regressions-body tbody tr")
    ours = rows.filter(has_text=f"{BENCHMARK}('einroute', '{CASE}')")
    ours.first.wait_for()
    browser.save("regressions")
    text = ours.first.inner_text()
    assert published.slow[:8] in text
    assert float(re.search(r"([\d.]+)x", text)[1]) > 2
    assert browser.troubles == []


def test_a_regression_leads_to_its_graph(browser: Browser) -> None:
    page = browser.page
    page.goto("#regressions")
    page.get_by_role("link", name=f"{BENCHMARK}('einroute', '{CASE}')").first.click()
    page.locator("canvas.flot-base").first.wait_for()
    assert f"#{BENCHMARK}" in page.url
    browser.save("regression")
    assert browser.troubles == []


def test_calls_of_microseconds_are_timed_many_at_once(published: Repository) -> None:
    numbers: list[int] = []
    for path in (published.path / "asv_benchmarks" / "results-some").glob("*/*.json"):
        found = json.loads(path.read_text(encoding="utf-8"))
        for columns in found.get("results", {}).values():
            stats = dict(zip(found["result_columns"], columns, strict=False))
            numbers += [number for number in stats["stats_number"] if number is not None]
    assert numbers
    assert min(numbers) > 10


def test_compare_fails_for_the_slowed_commit_and_names_it(repository: Repository) -> None:
    slow = repository.slow
    done = repository.run("compare.py", repository.before(slow), "--head", slow, "--bench", BENCH)
    assert done.returncode == 1, done.stdout
    end = done.stdout.partition("SLOWER: ")[2]
    assert slow[:8] in end
    assert f"{BENCHMARK}('einroute', '{CASE}')" in end
    assert "'numpy'" not in end


def test_compare_passes_a_commit_that_changes_nothing(repository: Repository) -> None:
    last = repository.commits[-1]
    done = repository.run("compare.py", "--head", last, "--bench", BENCH)
    assert done.returncode == 0, done.stdout
    assert f"{last[:8]} beside {repository.commits[-2][:8]}" in done.stdout


def test_compare_refuses_what_git_does_not_know(repository: Repository) -> None:
    done = repository.run("compare.py", "no-such-commit")
    assert done.returncode == 2
    assert "git knows no commit 'no-such-commit'" in done.stdout


@pytest.mark.parametrize("script", ["compare.py", "dashboard.py"])
def test_a_pattern_that_is_none_is_one_line(repository: Repository, script: str) -> None:
    done = repository.run(script, "--bench", "(")
    assert done.returncode == 2
    assert "--bench: '(' is no regular expression" in done.stdout
    assert "Traceback" not in done.stdout


def test_compare_refuses_a_pattern_that_matches_nothing(repository: Repository) -> None:
    done = repository.run("compare.py", "--bench", "no such benchmark")
    assert done.returncode == 2
    assert "no benchmark of einroute matches 'no such benchmark'" in done.stdout


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """The module of the dashboard, with asv's facts about the machine in a folder of the test's own."""
    pytest.importorskip("asv", reason="asv is not installed: pip install '.[bench]'")
    monkeypatch.syspath_prepend(str(ROOT / "asv_benchmarks"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return importlib.import_module("dashboard")


def test_a_first_look_has_a_case_of_each_class_that_it_names(scripts: Any) -> None:
    names = scripts.few()
    assert {name.partition("(")[0].rpartition(".")[0] for name in names} == scripts.QUICK_CLASSES
    assert len(names) <= 32


def test_nothing_looks_as_if_it_waited_for_an_answer(scripts: Any, capfd: Any, tmp_path: Any) -> None:
    scripts.know_machine()
    assert (tmp_path / ".asv-machine.json").exists()
    assert "".join(capfd.readouterr()) == ""
