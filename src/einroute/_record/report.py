"""The report of a whole program: what was routed where, how often and how long, as text and as a page."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from html import escape

from .._base.formatting import in_time, plural
from .._explain.html import STYLE, page, table
from .compare import Compared, Comparison
from .html import of_calls
from .recording import Recording
from .sums import SiteSum
from .text import ROUTES, Row, columns, counted, place, route_rows

__all__ = ["as_page", "as_report"]

SITES = ("where", "function", "routes", "calls", "einroute")
COMPARED = ("in NumPy", "ratio", "sampled")
#: Places that a report on a terminal names, and characters of a cell there.
SHOWN, WIDE = 30, 56


def as_report(recording: Recording, seconds: float) -> str:
    """The report as text.

    Parameters
    ----------
    recording : Recording
    seconds : float
        That the program took.
    """
    sites = recording.by_site()
    lines = [f"einroute: {_headline(recording, seconds)}"]
    if sites:
        header, numbers = _header(recording)
        lines += ["", *columns(header, (_row(recording, site) for site in sites[:SHOWN]), numbers, WIDE)]
        if len(sites) > SHOWN:
            lines.append(f"... and {plural(len(sites) - SHOWN, 'place')} more")
        lines += ["", *columns(ROUTES, route_rows(recording), 5)]
        lines += [*_reasons(sites), *_notes(recording)]
    lines += _processes()
    return "\n".join(lines)


def as_page(recording: Recording, seconds: float, program: str) -> str:
    """The report as a document of HTML."""
    title = f"einroute run {program}"
    header, numbers = _header(recording)
    sites = recording.by_site()
    rows = [_row(recording, site) for site in sites]
    parts = [
        f"<h1 style='font-size:1.3em'>{escape(title)}</h1>",
        f"<p>{escape(_headline(recording, seconds))}</p>",
    ]
    if rows:
        parts.append(table("by place", header, rows, numbers, mono=0))
        parts.append(table("by route", ROUTES, route_rows(recording), 5))
        parts += [
            f'<div class="er-q">{escape(line)}</div>' for line in (*_reasons(sites), *_notes(recording))
        ]
        parts.append(of_calls(recording))
    parts += [f'<div class="er-q">{escape(line)}</div>' for line in _processes()]
    return page(title, f'<div class="einroute">{STYLE}{"".join(parts)}</div>')


def _headline(recording: Recording, seconds: float) -> str:
    if not recording.calls:
        return f"no routed function was called in {in_time(seconds)}"
    calls = plural(recording.calls, "routed call")
    return f"{calls}, {in_time(recording.seconds)} together; the program took {in_time(seconds)}"


def _header(recording: Recording) -> tuple[Row, int]:
    if isinstance(recording, Comparison):
        return (*SITES, *COMPARED), 5
    return SITES, 2


def _row(recording: Recording, site: SiteSum) -> Row:
    routes = counted(site.routes) or f"raised {site.errors}x"
    row = (place(site.file, site.line), site.function, routes, f"{site.calls:,}", in_time(site.seconds))
    if not isinstance(recording, Comparison):
        return row
    return (*row, *_compared(recording.compared(site), site))


def _compared(found: Compared | None, site: SiteSum) -> Row:
    if found is None or not found.calls:
        return "-", "-", "0"
    expected = found.expected(site)
    ratio = expected / site.seconds if site.seconds else 0.0
    return in_time(expected), f"{ratio:,.0f}x" if ratio >= 9.95 else f"{ratio:.2g}x", f"{found.calls:,}"


def _reasons(sites: Iterable[SiteSum]) -> Iterator[str]:
    """Why calls were left to NumPy's own functions."""
    found: dict[str, int] = {}
    for site in sites:
        for reason, times in site.reasons.items():
            found[reason] = found.get(reason, 0) + times
    if found:
        yield ""
        yield "left to NumPy's own functions:"
        for reason, times in sorted(found.items(), key=lambda item: -item[1])[:10]:
            yield f"  {plural(times, 'call')}: {reason}"


#: Modules that are loaded when a process is started, by the way it is started.
_FORKS = ("multiprocessing.popen_fork",)
_SPAWNS = (
    "multiprocessing.popen_spawn_posix",
    "multiprocessing.popen_spawn_win32",
    "multiprocessing.popen_forkserver",
    "joblib.externals.loky.backend.popen_loky_posix",
    "joblib.externals.loky.backend.popen_loky_win32",
)


def _processes() -> Iterator[str]:
    """What the report does not know of processes that the program started."""
    if any(name in sys.modules for name in _SPAWNS):
        yield ""
        yield "processes that the program spawned ran without einroute, and are not in this report"
    elif any(name in sys.modules for name in _FORKS):
        yield ""
        yield "calls in processes that the program forked are not in this report"


def _notes(recording: Recording) -> Iterator[str]:
    if isinstance(recording, Comparison):
        yield ""
        yield (
            "in NumPy: some calls of each place were repeated by NumPy's own functions, and their time "
            "scaled up to all; a dash where it cannot take the operands, or is likely to take too long"
        )
        if recording.left <= 0:
            yield "the time that was set for that is spent"
