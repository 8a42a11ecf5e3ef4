"""tox's environments: described in CONTRIBUTING, and run for every change, every night, or by hand."""

from __future__ import annotations

import itertools
import re

from tests.project.test_support import ROOT, TOX

#: Neither `.ci/run` nor `nightly` runs these: why.
BY_HAND = {
    "asv-dashboard": "draws graphs for people to look at",
    "cupy": "without a GPU it runs what the tests run anyway",
    "nightly": "runs the others",
}


def _several(name: str) -> set[str]:
    """The names that tox makes of one with alternatives in braces."""
    parts = re.split(r"\{([^}]*)\}", name)
    choices = [part.split(",") if n % 2 else [part] for n, part in enumerate(parts)]
    return {"".join(one) for one in itertools.product(*choices)}


def _listed(text: str) -> set[str]:
    return set(re.findall(r"[\w-]+", text))


SECTIONS = [section.removeprefix("testenv:") for section in TOX.sections() if section.startswith("testenv:")]
ENVIRONMENTS = {name for section in SECTIONS for name in _several(section)} | {"numpy22", "newest"}


def test_each_is_run_somewhere() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    every_change = _listed(TOX["tox"]["env_list"])
    for names in re.findall(r"(?m)^run .*?-e (?:\\\n\s*)?(\S+)", script):
        every_change |= _listed(names)
    nightly = _listed(re.search(r"\{posargs:([^}]*)\}", TOX["testenv:nightly"]["commands"])[1])  # type: ignore[index]
    assert every_change <= ENVIRONMENTS
    assert nightly <= ENVIRONMENTS
    assert every_change | nightly | set(BY_HAND) == ENVIRONMENTS


def test_contributing_describes_each() -> None:
    rows = re.findall(r"(?m)^\| (`[^|]*`) \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    described = {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}
    assert described >= ENVIRONMENTS
    assert all(TOX[f"testenv:{section}"]["description"] for section in SECTIONS)


def test_files_that_they_name_are_there() -> None:
    named = [path for section in TOX.sections() for path in _paths(TOX[section].get("commands", ""))]
    assert len(named) > 4
    assert [path for path in named if not (ROOT / path).exists()] == []


def _paths(commands: str) -> list[str]:
    modules = [name.replace(".", "/") for name in re.findall(r"-m (tests\.[\w.]+)", commands)]
    modules = [path if (ROOT / path).is_dir() else f"{path}.py" for path in modules]
    return modules + re.findall(r"\b(?:tests|asv_benchmarks)/[\w./-]+", commands)
