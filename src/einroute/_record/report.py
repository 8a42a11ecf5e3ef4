"""The report of a whole program: what was routed where, how often and how long, as text and as a page."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from .._base.formatting import in_time, in_times, plural
from .._explain.html import STYLE, page, table
from .compare import Compared, Comparison
from .html import of_calls
from .recording import Recording
from .sums import SiteSum
from .text import ROUTES, Row, below, columns, counted, fitted, place, route_rows

__all__ = ["as_page", "as_report"]

SITES = ("where", "function", "subscripts", "routes", "calls", "einroute")
COMPARED = ("NumPy", "times faster", "planning", "sampled")
#: Less than this share apart, two sums of times are told as equal.
EQUAL = 0.03
#: Less than this share of the calls' time, and planning is not worth a word.
PLANNED = 0.02
#: Places that a report on a terminal names.
SHOWN = 30


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
        rows = [*(_row(recording, site) for site in sites[:SHOWN]), _total(recording, sites)]
        lines += ["", *_listed(header, rows, numbers)]
        if len(sites) > SHOWN:
            lines.append(f"... and {plural(len(sites) - SHOWN, 'place')} more")
        lines += ["", *columns(ROUTES, route_rows(recording), 5)]
        lines += [*_reasons(sites), *_notes(recording)]
    lines += [*_processes(), *_verdict(recording, sites)]
    return "\n".join(lines)


def _listed(header: Row, rows: Sequence[Row], numbers: int) -> Iterator[str]:
    """The table of places in 80 columns; below each where it is, its subscripts and its routes."""
    upper = [(row[1] or row[0], *row[-numbers:]) for row in rows]
    head, line, *table = fitted(("function", *header[-numbers:]), upper, numbers)
    yield from (head, line)
    for shown, (where, function, subscripts, routes, *_) in zip(table, rows, strict=True):
        yield shown
        if function:
            yield from below(2, where, subscripts, routes)


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
        parts.append(_places((header, numbers), [*rows, _total(recording, sites)], sites))
        routes = recording.by_route()
        bars = _shares(found.seconds for found in routes)
        parts.append(table("by route", ROUTES, route_rows(recording), 5, bars=bars))
        parts += [
            f'<div class="er-q">{escape(line)}</div>' for line in (*_reasons(sites), *_notes(recording))
        ]
        parts.append(of_calls(recording))
    parts += [f'<div class="er-q">{escape(line)}</div>' for line in _processes()]
    parts += [f"<p><b>{escape(line)}</b></p>" for line in _verdict(recording, sites) if line]
    return page(title, f'<div class="einroute" style="max-width:none">{STYLE}{"".join(parts)}</div>')


def _places(head: tuple[Row, int], rows: list[Row], sites: Sequence[SiteSum]) -> str:
    """The table of places, each with its line of the program, and a bar for its share of the time."""
    header, numbers = head
    sources = [*(linecache.getline(site.file, site.line).strip() for site in sites), ""]
    rows = [(row[0], source, *row[1:]) for row, source in zip(rows, sources, strict=True)]
    bars = [*_shares(site.seconds for site in sites), 0.0]
    return table("by place", (header[0], "source", *header[1:]), rows, numbers, mono=(0, 1, 3), bars=bars)


def _shares(seconds: Iterable[float]) -> list[float]:
    """Parts of the largest."""
    given = list(seconds)
    most = max(given, default=0.0)
    return [value / most if most else 0.0 for value in given]


def _total(recording: Recording, sites: Sequence[SiteSum]) -> Row:
    """The last row: all places together."""
    row = ("together", "", "", "", f"{recording.calls:,}")
    if not isinstance(recording, Comparison):
        return (*row, in_time(recording.seconds))
    whole = sum(map(recording.compared, sites), Compared())
    numpys, faster = (in_time(whole.numpys), in_times(whole.faster)) if whole.calls else ("-", "-")
    ours = in_time(whole.ours) if whole.calls else "-"
    return (*row, ours, numpys, faster, in_time(whole.planning or None), f"{whole.samples:,}")


def _headline(recording: Recording, seconds: float) -> str:
    if not recording.calls:
        return f"no routed function was called in {in_time(seconds)}"
    calls = plural(recording.calls, "routed call")
    told = f"{calls}, {in_time(recording.seconds)} together; the program took {in_time(seconds)}"
    if isinstance(recording, Comparison):
        told += f", {in_time(recording.aside)} of them to record and compare"
    return told


def _header(recording: Recording) -> tuple[Row, int]:
    if isinstance(recording, Comparison):
        return (*SITES, *COMPARED), 6
    return SITES, 2


def _row(recording: Recording, site: SiteSum) -> Row:
    routes = counted(site.routes) or f"raised {site.errors}x"
    where = place(site.file, site.line)
    row = (where, site.function, counted(site.subscripts), routes, f"{site.calls:,}")
    if not isinstance(recording, Comparison):
        return (*row, in_time(site.seconds))
    return (*row, *_compared(recording.compared(site), site))


def _compared(found: Compared, site: SiteSum) -> Row:
    planning, samples = in_time(found.planning or None), f"{found.samples:,}"
    if not found.calls:
        return in_time(site.seconds - found.planning), "-", "-", planning, samples
    faster = "same" if found.same == found.calls else in_times(found.faster)
    return in_time(found.ours), in_time(found.numpys), faster, planning, samples


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
        yield "einroute, NumPy: what all calls take, by the medians of those that were timed again by both,"
        yield "  less the recorder, and less planning, which is done once; a dash where that was not possible"
        yield "times faster: larger is better, below 1 is slower; same: NumPy's own function answered"
        if recording.left <= 0:
            yield "the time that was set for comparing is spent; --compare-for SECONDS sets another"


def _verdict(recording: Recording, sites: Iterable[SiteSum]) -> Iterator[str]:
    """The whole comparison in a sentence."""
    if not isinstance(recording, Comparison) or not recording.calls:
        return
    whole = sum((recording.compared(site) for site in sites), Compared())
    yield ""
    yield " ".join(_sentences(whole))


def _sentences(whole: Compared) -> Iterator[str]:
    if not whole.calls:
        yield (
            "None of these calls could be compared: NumPy's functions do not take their operands, or the "
            "time that was set for comparing is too short."
        )
        return
    those = f"the calls compared ({whole.calls:,})" if whole.left_out else "these calls"
    ours, numpys = in_time(whole.ours), in_time(whole.numpys)
    if whole.same == whole.calls:
        yield f"NumPy's own functions answered {those}: einroute makes no difference to them."
    elif abs(whole.faster - 1) < EQUAL:
        yield f"With einroute {those} take as long as without: {ours}."
    elif whole.faster > 1:
        yield f"einroute made {those} {in_times(whole.faster)} times faster: {ours} instead of {numpys}."
    else:
        yield f"einroute made {those} {in_times(1 / whole.faster)} times slower: {ours} instead of {numpys}."
    if whole.planning > PLANNED * whole.ours:
        yield f"Planning, which is done once for calls of one kind, took {in_time(whole.planning)} more."
    if whole.left_out:
        yield f"{plural(whole.left_out, 'call')} could not be compared."
