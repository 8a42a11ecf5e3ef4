"""The README's part with measured figures, made from outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from einroute._base.formatting import in_times

from .cases import GROUPS
from .race import Outcome, geometric_mean
from .report import markdown

BEGIN = "<!-- measured: written by `python -m einroute bench --readme` -->"
END = "<!-- end of measured -->"

#: The groups of the first two tables, and what their columns are called.
DENSE = (
    "tiny",
    "tiny-functions",
    "tccg",
    "batched",
    "networks",
    "tensor-networks",
    "integers",
    "elementwise",
)
DENSE_HEADS = {
    "numpy": "NumPy's function",
    "numpy_optimize": "the same, optimize=True",
    "opt_einsum": "opt_einsum",
    "by_hand": "written by hand",
}
OTHERS = ("sparse", "sparse-first", "rolled", "one-hot", "pairwise")
OTHERS_HEADS = {"numpy": "as usually written in NumPy", "scipy": "SciPy", "by_hand": "written by hand"}
MEANS = (*DENSE, *OTHERS)
#: The group of the last table, which has a row for each case.
SINGLE = "lstsq"
SINGLE_HEADS = {"numpy": "np.linalg.lstsq", "by_hand": "ready SVD factors, applied by hand"}

INTRODUCTION = """How many times faster einroute is, as geometric means: the other's time over einroute's.
Larger is better, and below 1 einroute is slower.
On {machine}; made by `python -m einroute bench --readme`."""
STRUCTURED = """For sparse and structured operands; each mean is over the cases
that can be written so:"""
BETWEEN = "And for least squares with a matrix that was seen before and a new right-hand side:"


def text(outcomes: Sequence[Outcome], machine: str) -> str:
    """The part between the marks.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Of all cases of `MEANS` and `SINGLE`.
    machine : str
        The machine and versions, in a line.
    """
    dense, others = _means(outcomes, DENSE, DENSE_HEADS), _means(outcomes, OTHERS, OTHERS_HEADS)
    single = [["`lstsq(M, b)`, M of shape", *SINGLE_HEADS.values()]]
    for outcome in outcomes:
        if outcome.group == SINGLE:
            shape = outcome.label.partition(": ")[2].replace("x", ", ")
            single.append([f"({shape})", *(in_times(outcome.faster(peer)) for peer in SINGLE_HEADS)])
    tables = (markdown(dense), STRUCTURED, markdown(others), BETWEEN, markdown(single))
    return "\n\n".join((INTRODUCTION.format(machine=machine), *tables))


def _means(outcomes: Sequence[Outcome], groups: Sequence[str], heads: Mapping[str, str]) -> list[list[str]]:
    """A table with a row for each group: geometric means of how many times faster ours is."""
    rows = [["cases", *heads.values()]]
    for group in groups:
        own = [outcome for outcome in outcomes if outcome.group == group]
        means = (geometric_mean(outcome.faster(peer) for outcome in own) for peer in heads)
        rows.append([f"{group}: {GROUPS[group]} ({len(own)})", *map(in_times, means)])
    return rows


def marked(path: Path) -> tuple[str, str]:
    """What stands before and after the marks of a file.

    Raises
    ------
    LookupError
        The file has no marks, or not in this order.
    OSError
        It cannot be read.
    """
    whole = path.read_text(encoding="utf-8")
    before, begin, rest = whole.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise LookupError(f"--readme: {path} has no lines {BEGIN} and {END}")
    return before, after


def write(path: Path, outcomes: Sequence[Outcome], machine: str) -> None:
    """Put the part between the marks of a file; raises as `marked` does."""
    before, after = marked(path)
    path.write_text(f"{before}{BEGIN}\n\n{text(outcomes, machine)}\n\n{END}{after}", encoding="utf-8")
