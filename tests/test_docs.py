"""The examples in the README and in the documentation run as they stand; both give the same commands."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEST_COMMAND = "python3 -m venv .venv && .venv/bin/pip install -q tox && .venv/bin/tox"


def _examples(page: Path) -> doctest.DocTest:
    # A closing fence would be taken for expected output.
    text = re.sub(r"(?m)^```.*$", "", page.read_text(encoding="utf-8"))
    return doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page: Path) -> None:
    complaints: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(_examples(page), out=complaints.append)
    assert not complaints, "".join(complaints)


@pytest.mark.parametrize("name", ["quickstart.md", "drop-in.md", "deciding.md"])
def test_pages_have_examples(name: str) -> None:
    assert _examples(ROOT / "docs" / name).examples


def test_readme_and_ci_give_one_test_command() -> None:
    readme, script = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", ".ci/run"))
    assert re.search(rf"(?m)^{re.escape(TEST_COMMAND)}$", readme)
    assert f"tests='{TEST_COMMAND}'" in script
