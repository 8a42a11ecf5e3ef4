"""What `record` gives: what is gathered, shown as text, as tables and as HTML."""

from __future__ import annotations

from typing import Any, TextIO

from .._explain.terminal import put
from .gathered import KEPT, Gathered

__all__ = ["KEPT", "Recording"]


class Recording(Gathered):
    """What `record` gathers.

    `print` it for a table; a notebook shows it as HTML.  It may be read while calls go on.
    """

    def __str__(self) -> str:
        from .text import as_text

        return as_text(self)

    def __repr__(self) -> str:
        return f"<Recording of {self.calls} calls>"

    def __rich__(self) -> Any:
        from .text import as_rich

        return as_rich(self)

    def show(self, file: TextIO | None = None) -> None:
        """Print it: as tables where that goes to a terminal and rich is installed, else as plain text.

        Parameters
        ----------
        file : text stream, optional
            Default: ``sys.stdout``.
        """
        put(self, file)

    def _repr_html_(self) -> str:
        from .html import as_html

        return as_html(self)
