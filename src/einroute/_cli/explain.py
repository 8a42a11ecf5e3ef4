"""``python -m einroute explain``: the route of an einsum, without arrays."""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import einroute as er


@dataclass(frozen=True)
class StandIn:
    """The facts of an operand that is not there."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)


def shape(text: str) -> tuple[int, ...]:
    """The shape written as ``200x300``; ``()`` and ``scalar`` are that of a scalar.

    Raises
    ------
    ValueError
        For anything else.
    """
    if text in ("()", "scalar"):
        return ()
    if not re.fullmatch(r"\d+(x\d+)*", text, re.ASCII):
        raise ValueError(f"shape {text!r} is no shape; write 200x300, or scalar")
    dims = tuple(int(part) for part in text.split("x"))
    # NumPy's own limits; a stand-in of a shape that no array can have would have no honest answer.
    if len(dims) > 64 or np.prod([float(n) for n in dims if n]) >= 2.0**60:
        raise ValueError(f"shape {text!r} is larger than any array can be")
    return dims


def dtypes(text: str) -> tuple[np.dtype[np.generic], ...]:
    """The dtypes written as ``f8,f4``.

    Raises
    ------
    ValueError
        For a name that NumPy does not know.
    """
    try:
        return tuple(np.dtype(name) for name in text.split(","))
    except (TypeError, ValueError, SyntaxError):
        raise ValueError(f"--dtype: {text!r} is no dtype; write NumPy's names, as f8 or f8,int64") from None


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser(
        "explain",
        help="show which route an einsum would take, and why",
        description="Shows the plan and the routes of an einsum for operands of these shapes.",
    )
    command.add_argument("subscripts", help='as in einsum, such as "ij,jk->ik"')
    command.add_argument("shapes", nargs="+", metavar="SHAPE", help="one for each operand, such as 200x300")
    command.add_argument(
        "--dtype",
        default="f8",
        metavar="D[,D...]",
        help="one for all operands, or one each (default: %(default)s)",
    )
    command.add_argument(
        "--order", choices=("K", "C", "F", "A"), default="K", help="the result's memory order"
    )
    command.add_argument("--optimize", metavar="HOW", help="false, true, greedy, optimal, ... as in einsum")
    command.add_argument("--json", action="store_true", help="print it as JSON")
    command.add_argument(
        "--picture",
        metavar="FILE",
        type=Path,
        help="write the picture of the steps to FILE.svg, or all of it to FILE.html",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation.

    Returns
    -------
    int
        0, or 2 with one line on stderr where the arguments are no einsum or a file cannot be written.
    """
    try:
        options: dict[str, object] = {}
        if arguments.order != "K":
            options["order"] = arguments.order
        if arguments.optimize is not None:
            switch = {"false": False, "true": True}
            options["optimize"] = switch.get(arguments.optimize.lower(), arguments.optimize)
        shapes = [shape(text) for text in arguments.shapes]
        plan = er.explain(arguments.subscripts, *operands(shapes, dtypes(arguments.dtype)), **options)
    except (TypeError, ValueError, LookupError, er.NoRoute) as exc:
        reason = " ".join(str(exc).split())
        print(f"python -m einroute explain: {reason}", file=sys.stderr)
        return 2
    if arguments.picture is not None:
        try:
            plan.picture(arguments.picture)
        except OSError as exc:
            reason = f"--picture: cannot write {arguments.picture}: {exc.strerror}"
            print(f"python -m einroute explain: {reason}", file=sys.stderr)
            return 2
    if arguments.json:
        print(json.dumps(plan.to_dict(), indent=1))
    else:
        plan.show()
    return 0


def operands(shapes: list[tuple[int, ...]], given: tuple[np.dtype[np.generic], ...]) -> list[StandIn]:
    """A stand-in for each shape.

    Raises
    ------
    ValueError
        If there are neither one dtype nor as many as shapes.
    """
    if len(given) not in (1, len(shapes)):
        raise ValueError(f"--dtype: {len(given)} dtypes for {len(shapes)} operands; give one or one each")
    each = given * len(shapes) if len(given) == 1 else given
    return [StandIn(dims, dtype) for dims, dtype in zip(shapes, each, strict=True)]
