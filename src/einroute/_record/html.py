"""A recording as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .._explain.html import STYLE, details, table
from .text import CALLS, ROUTES, SITES, call_rows, headline, route_rows, site_rows

if TYPE_CHECKING:
    from .gathered import Gathered

__all__ = ["as_html", "of_calls"]

#: Rows of single calls, and refusals of single calls, that a page shows.
SHOWN, SPELLED = 500, 50


def as_html(recording: Gathered) -> str:
    """Tables of routes, places and calls; what was refused can be opened."""
    parts = [f"<div><b>{escape(headline(recording))}</b></div>"]
    if recording.calls:
        parts.append(table("by route", ROUTES, route_rows(recording), 5))
        parts.append(table("by place", SITES, site_rows(recording.by_site()[:SHOWN]), 2, mono=0))
        parts.append(of_calls(recording))
    return f'<div class="einroute">{STYLE}{"".join(parts)}</div>'


def of_calls(recording: Gathered) -> str:
    """Single calls, to be opened."""
    rows = table("", CALLS, call_rows(recording, SHOWN), 2, mono=2)
    spelled = "\n\n".join(str(made) for made in recording.records[:SPELLED])
    full = details("the first calls in full, with what was refused", f"<pre>{escape(spelled)}</pre>")
    return details("single calls", rows) + full
