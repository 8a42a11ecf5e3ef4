"""Code that is run while the pages are built: they show what it prints, not what it once printed."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"(?ms)^```\{shown\}\n(?P<options>(?::\w+:[^\n]*\n)*)(?P<code>.*?)^```$")


@dataclass(frozen=True)
class Shown:
    """A piece of code, and what its output must hold so that the page beside it is right."""

    code: str
    expect: tuple[str, ...]

    def output(self) -> str:
        """What the code prints, in a namespace of its own.

        Raises
        ------
        ValueError
            Something is not in it that the page says is.
        """
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            code = compile(self.code, "<a page of the documentation>", "exec")
            exec(code, {"__name__": "shown"})  # noqa: S102 - from our own pages
        text = printed.getvalue()
        missing = [words for words in self.expect if words not in text]
        if missing or not text:
            raise ValueError(f"the output lacks {missing or 'everything'}:\n{text}")
        return text


def parts(expect: str) -> tuple[str, ...]:
    """The words of the option ``:expect:``, which stand apart by semicolons."""
    return tuple(words.strip() for words in expect.split(";") if words.strip())


def of_page(page: Path) -> Iterator[Shown]:
    """Every such piece of a page."""
    for fence in FENCE.finditer(page.read_text(encoding="utf-8")):
        options = dict(re.findall(r"(?m)^:(\w+): *(.*)$", fence["options"]))
        yield Shown(fence["code"], parts(options.get("expect", "")))
