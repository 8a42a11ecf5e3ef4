"""``python -m einroute explain``: the route of a call, without arrays."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import einroute as er
from einroute._override.places import chosen

USAGE = "python -m einroute explain [OPTIONS] WHAT SHAPE [SHAPE ...]"


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
        usage=USAGE,
        help="show which route a call would take, and why",
        description="Shows the routes of a call for operands of these shapes, without computing anything.",
    )
    command.add_argument(
        "what",
        metavar="WHAT",
        help='subscripts of einsum, such as "ij,jk->ik", or the name of a function, such as dot, lstsq, '
        'linalg.inv, scipy.linalg.solve, or einsum followed by the subscripts where "dot" is three labels',
    )
    command.add_argument("shapes", nargs="*", metavar="SHAPE", help="one for each operand, such as 200x300")
    command.add_argument(
        "--dtype",
        default="f8",
        metavar="D[,D...]",
        help="one for all operands, or one each (default: %(default)s)",
    )
    command.add_argument("--order", choices=("K", "C", "F", "A"), help="of einsum: the result's memory order")
    command.add_argument("--optimize", metavar="HOW", help="of einsum: false, true, greedy, optimal, ...")
    command.add_argument("--axes", metavar="N", type=int, help="of tensordot: how many axes are contracted")
    command.add_argument(
        "--verbose", action="store_true", help="every other route too, and why each was refused"
    )
    command.add_argument("--json", action="store_true", help="print it as JSON")
    command.add_argument(
        "--picture",
        metavar="FILE",
        type=Path,
        help="write the picture of the steps to FILE.svg, or the whole explanation to FILE.html",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation.

    Returns
    -------
    int
        0, or 2 with one line on stderr where the arguments are no such call or a file cannot be written.
    """
    try:
        function, before, texts = called([arguments.what, *arguments.shapes])
        each: list[Any] = list(operands([shape(text) for text in texts], dtypes(arguments.dtype)))
        if function is er.linalg.multi_dot:
            each = [each]
        how = options(function, arguments)
        plan = er.explain(function, *before, *each, verbose=arguments.verbose, **how)
    except (TypeError, ValueError, LookupError, er.NoRoute) as exc:
        reason = " ".join(str(exc).split())
        print(f"python -m einroute explain: {reason}", file=sys.stderr)
        return 2
    if arguments.picture is not None:
        try:
            plan.picture(arguments.picture)
        except (OSError, ValueError) as exc:
            why = exc.strerror if isinstance(exc, OSError) else exc
            reason = f"--picture: cannot write {arguments.picture}: {why}"
            print(f"python -m einroute explain: {reason}", file=sys.stderr)
            return 2
    if arguments.json:
        print(json.dumps(plan.to_dict(), indent=1))
    else:
        plan.show()
    return 0


def called(words: Sequence[str]) -> tuple[Any, tuple[str, ...], Sequence[str]]:
    """The function or the subscripts that are meant, what comes before the operands, and their shapes.

    Raises
    ------
    ValueError
        A function whose subscripts are missing.

    >>> called(["ij->ji", "2x3"])
    ('ij->ji', (), ['2x3'])
    >>> called(["np.dot", "2x3", "3"])
    (<function dot at ...>, (), ['2x3', '3'])
    """
    name, *rest = words
    try:
        function = chosen((name,))[0].ours()
    except ValueError:
        return name, (), rest  # subscripts, or a mistake that `explain` tells of
    if function not in {er.einsum, er.einsum_path}:
        return function, (), rest
    if not rest:
        raise ValueError(f'{name} needs subscripts before the shapes, such as "ij,jk->ik"')
    return function, (rest[0],), rest[1:]


def options(function: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """The keyword arguments of the call.

    Raises
    ------
    ValueError
        Such as the function does not have.
    """
    given = {name: getattr(arguments, name) for name in ("order", "optimize", "axes")}
    found = {name: value for name, value in given.items() if value is not None}
    takes = {
        er.einsum: {"order", "optimize"},
        er.einsum_path: {"optimize"},
        er.tensordot: {"axes"},
        er.linalg.tensordot: {"axes"},
    }.get(er.einsum if isinstance(function, str) else function, set())
    for name in found.keys() - takes:
        raise ValueError(f"--{name} is no option of this function")
    if "optimize" in found:
        switch = {"false": False, "true": True}
        found["optimize"] = switch.get(found["optimize"].lower(), found["optimize"])
    return found


def negative(words: Sequence[str]) -> str:
    """What is wrong with a shape that begins with a minus, which would be taken for an option."""
    wrong = next((word for word in words if re.match(r"-\d", word)), None)
    return "" if wrong is None else f"shape {wrong!r} is no shape; write 200x300, or scalar"


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
