"""A case whose ways are each written out: calls beside einsum, and libraries with types of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .case import difference, tolerance
from .statement import ALLOWED_SECONDS, Statement, load, member


@dataclass(frozen=True, slots=True)
class Way:
    """How one implementation writes the call.

    Parameters
    ----------
    code : str
        An expression of the names that `Spelled.given` and `setup` define. ``np`` is NumPy, ``er`` einroute,
        and ``load("scipy.linalg")`` imports what may be missing.
    setup : str
        Statements that run once, before anything is timed.
    prepared : bool
        Whether `setup` does what the others have to do in the call, as one who keeps the factors of a matrix
        oneself. It is shown, but is no rival.
    """

    code: str
    setup: str = ""
    prepared: bool = False


#: The code of each implementation, which may have several ways.
Ways = Mapping[str, Way | tuple[Way, ...]]


@dataclass(frozen=True, slots=True)
class Spelled:
    """One piece of work, in code for each implementation.

    Parameters
    ----------
    group, name : str
        Together they identify the case.
    given : str
        Statements that make the operands; ``rng`` is a seeded generator.
    ways : mapping of str to Way, or to a tuple of them
        By implementation, which may have several; einroute's is among them.
    before : str
        A statement that runs before each call and is timed with it.
    answer : str
        What is compared, as an expression of ``result``.
    tolerance : float
        How far answers may be apart, relative to the largest entry; 0 takes what the dtype asks.
    allowed : float
        How many seconds einroute may be behind the best of the others.
    asv : bool
        Part of the asv suite, which has to stay quick.
    """

    group: str
    name: str
    given: str
    ways: Ways = field(hash=False)
    before: str = ""
    answer: str = "result"
    tolerance: float = 0.0
    allowed: float = ALLOWED_SECONDS
    asv: bool = False

    @property
    def label(self) -> str:
        """The case's name in tables, reports and asv."""
        return f"{self.group}: {self.name}"

    @property
    def implementations(self) -> tuple[str, ...]:
        """Who could execute it."""
        return tuple(self.ways)

    @property
    def prepared(self) -> tuple[str, ...]:
        """Who does beforehand what others do in the call."""
        return tuple(name for name in self.ways if any(way.prepared for way in self._ways(name)))

    def build(self) -> dict[str, Any]:
        """The names that `given` defines, the same at every call."""
        scope: dict[str, Any] = {"np": np, "load": load, "rng": np.random.default_rng(20)}
        exec(self.given, scope)
        return scope

    def too_slow(self, implementation: str, operands: dict[str, Any], seconds: float) -> bool:  # noqa: ARG002
        """Never: ways that would take too long are not in the table."""
        return False

    def statement(self, implementation: str, operands: dict[str, Any], variant: int = 0) -> Statement:
        """The call as `implementation` would have it written, on arrays of its own.

        Raises
        ------
        NotImplementedError
            Where the implementation is missing, or the einroute that is measured lacks a function.
        """
        ways = self._ways(implementation)
        if variant >= len(ways):
            raise NotImplementedError(f"{implementation} has no such way to do it")
        way = ways[variant]
        scope = {name: x.copy() if isinstance(x, np.ndarray) else x for name, x in operands.items()}
        code = f"{way.setup}\n{way.code}"
        if re.search(r"\ber\.", code):
            scope["er"] = load("einroute")
            for path in re.findall(r"\ber\.([a-z_.]+)", code):
                member(scope["er"], path)
        exec(way.setup, scope)
        return Statement(way.code, scope, self.before)

    def _ways(self, implementation: str) -> tuple[Way, ...]:
        ways = self.ways.get(implementation, ())
        return (ways,) if isinstance(ways, Way) else ways

    def disagreement(self, got: Any, expected: Any) -> str:
        """Why `got` is not the same answer as `expected`; empty if it is."""
        got, expected = (np.asarray(eval(self.answer, {"np": np, "result": x})) for x in (got, expected))
        if got.shape != expected.shape:
            return f"shape {got.shape}, expected {expected.shape}"
        if got.dtype != expected.dtype:
            return f"dtype {got.dtype}, expected {expected.dtype}"
        return difference(got, expected, self.tolerance or tolerance(got.dtype))
