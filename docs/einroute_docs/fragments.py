"""What changed since the last release: the fragments of ``changelog.d``, by what kind of change they are."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "changelog.d"


def titles() -> dict[str, str]:
    """The kinds of changes with their titles, in the order in which towncrier gives them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {one["directory"]: one["name"] for one in settings["tool"]["towncrier"]["type"]}


def by_title() -> Iterator[tuple[str, list[str]]]:
    """The title of each kind, and its changes as Markdown, one paragraph each."""
    for kind, title in titles().items():
        found = sorted(path for path in FOLDER.glob("*.md") if path.name.split(".")[1] == kind)
        if found:
            yield title, [_paragraph(path) for path in found]


def _paragraph(path: Path) -> str:
    """A fragment in one line, its links as from ``docs``."""
    return re.sub(r"\s+", " ", path.read_text(encoding="utf-8")).strip().replace("](docs/", "](")
