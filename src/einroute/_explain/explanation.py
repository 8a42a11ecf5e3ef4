"""What `explain` gives: the outline of a call, shown as text, table, HTML, picture or dictionary."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from .outline import Outline
from .terminal import put
from .text import text, width_of

__all__ = ["Explanation"]


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """What a call would do.

    A prompt and `print` show it as text: a line a step, with the estimated time and the nearest other routes.
    A notebook shows it as HTML, with the picture of its steps.

    Attributes
    ----------
    outline : Outline
        Operands, steps, routes, refusals.
    plan : object
        The plan; None where the call is NumPy's own to answer, and for `lstsq` and its relatives.
    reason : str
        Why it is NumPy's own.
    tiny : str
        Who answers the call before the plan does, where it is tiny; the plan's routes come after that.
    sparse : tuple of str
        What there is to say of sparse operands: format, non-zeros and density, and the result's kind.
    cache : str
        Of `lstsq` and its relatives: "hit", or what kind of miss.
    method : str
        Of `lstsq` and its relatives: how they would answer.
    verbose : bool
        Show also what each step reads and does, every other route, and why each was refused.
    """

    outline: Outline
    plan: Any = None
    reason: str = ""
    tiny: str = ""
    sparse: tuple[str, ...] = ()
    cache: str = ""
    method: str = ""
    verbose: bool = False

    @property
    def function(self) -> str:
        """The function's name."""
        return self.outline.function

    @property
    def routes(self) -> tuple[str, ...]:
        """The name of each step's route, in the order of the steps."""
        return self.outline.routes

    @property
    def seconds(self) -> float | None:
        """Estimated time; only the ratios of such estimates mean much."""
        return self.outline.seconds

    def __str__(self) -> str:
        return text(self.outline, self.verbose, width_of())

    __repr__ = __str__

    def __rich__(self) -> Any:
        from .rich_tables import of_outline

        return of_outline(self.outline, self.verbose)

    def show(self, file: TextIO | None = None, *, verbose: bool | None = None) -> None:
        """Print it: as a table where that goes to a terminal and rich is installed, else as plain text.

        Parameters
        ----------
        file : text stream, optional
            Default: ``sys.stdout``.
        verbose : bool, optional
            Default: as `explain` was asked.
        """
        put(self if verbose is None else replace(self, verbose=verbose), file)

    def _repr_html_(self) -> str:
        from .html import of_outline

        return of_outline(self.outline)

    def to_dict(self) -> dict[str, Any]:
        """All of it as dictionaries, lists, strings and numbers.

        Returns
        -------
        dict
        """
        outline = asdict(self.outline)
        told = {"reason": self.reason, "tiny": self.tiny, "cache": self.cache, "method": self.method}
        return plain(outline | {"routes": self.routes} | told)  # type: ignore[no-any-return]  # a dict stays one

    def svg(self) -> str:
        """A picture of the contraction tree, with sizes and routes at its nodes.

        Returns
        -------
        str
            An SVG document that needs no other file.
        """
        from .picture import svg

        return svg(self.outline)

    def picture(self, path: str | Path) -> None:
        """Write the picture to a file.

        Parameters
        ----------
        path : str or Path
            What ends in ``.svg`` gets the picture, what ends in ``.html`` the whole explanation.

        Raises
        ------
        ValueError
            The file's name ends in something else.
        OSError
            The file cannot be written.
        """
        path = Path(path)
        kind = path.suffix.lower()
        if kind == ".svg":
            document = self.svg()
        elif kind in {".html", ".htm"}:
            from .html import page

            document = page(f"einroute: {self.function}", self._repr_html_())
        else:
            raise ValueError(f"path is {str(path)!r}, expected a name that ends in .svg or .html")
        path.write_text(document, encoding="utf-8")


def plain(value: Any) -> Any:
    """The same with tuples as lists, so that JSON gives back what it got."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
