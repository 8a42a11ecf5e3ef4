"""The versions that are supported: the build, the tests and the documentation name the same ones."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TOX = configparser.ConfigParser(interpolation=None)
TOX.read(ROOT / "tox.ini", encoding="utf-8")
EXTRAS = PROJECT["project"]["optional-dependencies"]
LOWEST = dict(text.split(">=") for text in (*PROJECT["project"]["dependencies"], *EXTRAS["sparse"]))
OLDEST = PROJECT["project"]["requires-python"].removeprefix(">=")


def test_the_oldest_environment_has_the_lowest_versions() -> None:
    pinned = dict(re.findall(r"numpy22: (\w+)==([\d.]+)\.\*", TOX["testenv"]["deps"]))
    assert pinned == LOWEST


@pytest.mark.parametrize("section", ["testenv", "testenv:numpy-suite{,-numpy22}"])
def test_the_oldest_python_is_run_with_the_oldest_and_the_newest_is_preferred(section: str) -> None:
    pythons = {
        name: re.findall(r"py3(\d+)", line)
        for name, line in re.findall(r"(\S+): (py3\d.*)", TOX[section]["base_python"])
    }
    oldest, newest = pythons.pop("numpy22"), pythons.popitem()[1]
    assert oldest[0] == newest[-1] == OLDEST.removeprefix("3.")
    assert oldest == sorted(oldest, key=int)
    assert newest == sorted(newest, key=int, reverse=True)
    supported = re.findall(r"^\| Python 3\.(\d+)", _page("docs/support.md"), re.MULTILINE)
    assert supported == newest[::-1]


def test_the_tests_have_what_is_optional() -> None:
    assert set(EXTRAS["sparse"]) <= set(EXTRAS["test"])


def test_the_pages_name_the_lowest_versions() -> None:
    support = _page("docs/support.md")
    assert f"| Python {OLDEST} |" in support
    assert f"| NumPy {LOWEST['numpy']} |" in support
    assert f"| SciPy {LOWEST['scipy']} |" in support
    for page in ("README.md", "docs/index.md"):
        assert f"Python {OLDEST} and NumPy {LOWEST['numpy']}" in _page(page)


def test_the_tools_check_for_the_oldest_python() -> None:
    tools = PROJECT["tool"]
    assert tools["ruff"]["target-version"] == "py" + OLDEST.replace(".", "")
    assert tools["mypy"]["python_version"] == OLDEST


def test_the_first_command_of_ci_leaves_python3_as_it_is() -> None:
    path = [line.strip() for line in _page(".ci/run").splitlines() if "PATH=" in line]
    assert path
    assert all("PATH=$PATH:" in line for line in path)


def _page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
