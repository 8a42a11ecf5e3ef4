"""Which cases and which implementations a run takes, by the names a user gives."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from einroute._base.errors import suggest

from .cases import CASES, GROUPS, AnyCase

#: The library behind an implementation, where that is not NumPy alone.
LIBRARIES = {
    "opt_einsum": "opt_einsum",
    "scipy": "scipy",
    "pydata": "sparse",
    "torch": "torch",
    "jax": "jax",
    "mkl": "sparse_dot_mkl",
}
#: These start thread pools of their own in the process, so they take part only where they are asked for.
ON_REQUEST = ("torch", "jax", "mkl")
#: How many cases of each group a run takes that is told none.
SHORT = 2

ORDER = ("numpy", "numpy_optimize", "opt_einsum", "scipy", "by_hand", "pydata", *ON_REQUEST)
#: Every implementation beside ours, in the order of the tables.
PEERS = tuple(
    sorted(
        {name for case in CASES for name in case.implementations} - {"einroute"},
        key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name),
    )
)


def cases(names: Sequence[str]) -> tuple[AnyCase, ...]:
    """The cases that are meant.

    Parameters
    ----------
    names : sequence of str
        Each ``"all"``, a group, a label, or a part of labels; with none, a short selection from all groups.

    Returns
    -------
    tuple of Case or Spelled
        In the table's order.

    Raises
    ------
    LookupError
        A name that means no case.
    """
    if not names:
        return _short()
    chosen: set[str] = set()
    for name in names:
        found = [case.label for case in CASES if name in ("all", case.group, case.label)]
        found = found or [case.label for case in CASES if name and name.lower() in case.label.lower()]
        if not found:
            raise LookupError(_unknown(name))
        chosen.update(found)
    return tuple(case for case in CASES if case.label in chosen)


def _short() -> tuple[AnyCase, ...]:
    """A few cases of each group, from its begin to its end."""
    found: list[AnyCase] = []
    for group in GROUPS:
        own = [case for case in CASES if case.group == group]
        own = [case for case in own if case.asv] or own
        step = max(1, len(own) / SHORT)
        found += [own[int(k * step)] for k in range(min(SHORT, len(own)))]
    return tuple(found)


def _unknown(name: str) -> str:
    counts = {group: sum(case.group == group for case in CASES) for group in GROUPS}
    known = ", ".join(f"{group} ({count})" for group, count in counts.items())
    hint = suggest(name, [*GROUPS, *(case.label for case in CASES)])
    close = f"{hint} " if hint.startswith("did") else ""
    return f"no case {name!r}; {close}--list shows every case, and all runs them; the groups are {known}"


def peers(names: Sequence[str] | None) -> tuple[str, ...]:
    """The implementations to compare with; with none given, all that share this process well.

    Raises
    ------
    LookupError
        A name that no implementation has, or one whose library is not installed.
    """
    if names is None:
        return tuple(name for name in PEERS if name not in ON_REQUEST and not missing(name))
    for name in names:
        if name not in PEERS:
            raise LookupError(f"--peers: no implementation {name!r}; there are {', '.join(PEERS)}")
        if missing(name):
            library = LIBRARIES[name]
            raise LookupError(
                f"--peers: {name} needs {library}, which is not installed; pip install {library}"
            )
    return tuple(name for name in PEERS if name in names)


def missing(name: str) -> bool:
    """Whether an implementation's library is not installed; it is not imported to find out."""
    return name in LIBRARIES and importlib.util.find_spec(LIBRARIES[name]) is None
