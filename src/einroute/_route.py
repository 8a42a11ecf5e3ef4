"""Routes: ways to do a step, what they would cost, and which one is taken.

A route is a value: a name, a ``verdict`` (an offer with its cost, or a refusal with its reason) and a
``bind`` that turns an offer into a callable.  The cheapest offer wins, ties go by the order of the table.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ._cost import Cost
from ._problem import Operand, Step
from ._words import prime_for, readable

Runner = Callable[..., Any]
"""``runner(*arrays, out=None)`` gives the result with the axes of ``step.output``, or `Declined`."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A route cannot, or will not, do a step; decided from facts."""

    reason: str


@dataclass(frozen=True, slots=True)
class Declined:
    """A guard that looks at values turned the call away; the next offer runs."""

    reason: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A route would do a step.

    Attributes
    ----------
    cost : Cost
    layout : str
        The result's labels in the order of its memory, outermost first.
    recipe : object
        The route's own notes for `Route.bind`.
    note : str
        How it would be done, for `explain`.
    blas : bool
        Whether BLAS, with its own threads, does most of the work.
    """

    cost: Cost
    layout: str
    recipe: Any = None
    note: str = ""
    blas: bool = False


class NoRoute(RuntimeError):
    """Every allowed route refused a step."""


@dataclass(frozen=True, slots=True)
class Route:
    """One way to do a step.

    Attributes
    ----------
    name : str
        ``kind.way``, unique.
    verdict : callable
        ``Step -> Offer | Refused``; reads facts only.
    bind : callable
        ``(Step, Offer) -> Runner``.
    guard : str
        The condition on values under which the runner declines; empty if it never does.
    """

    name: str
    verdict: Callable[[Step], Offer | Refused]
    bind: Callable[[Step, Offer], Runner]
    guard: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The offers for a step, cheapest first, and the refusals."""

    step: Step
    offers: tuple[tuple[Route, Offer], ...]
    refused: tuple[tuple[Route, Refused], ...] = field(default=())

    @property
    def route(self) -> Route:
        return self.offers[0][0]

    @property
    def offer(self) -> Offer:
        return self.offers[0][1]


@dataclass(frozen=True, slots=True)
class Policy:
    """Which routes may be taken: the part of the effective config that decisions depend on."""

    forced: str | None = None
    forbidden: frozenset[str] = frozenset()


class Kind(Protocol):
    """An operand kind's adapter: one module in ``_kinds``."""

    NAME: str
    ROUTES: tuple[Route, ...]

    def recognises(self, operand: object) -> bool: ...

    def facts(self, operand: Any) -> Operand: ...


#: Module of an operand's class, or its top-level package -> the adapter's module.  Detection looks at the
#: class's module only; the adapter is imported when such an operand first appears.
REGISTRY: dict[str, str] = {
    "numpy": "einroute._kinds.dense",
    "builtins": "einroute._kinds.dense",
    "scipy": "einroute._kinds.scipy_sparse",
    "sparse": "einroute._kinds.pydata_sparse",
    "einroute._operands.rolled": "einroute._kinds.rolled",
    "einroute._operands.one_hot": "einroute._kinds.one_hot",
    "einroute._operands.difference": "einroute._kinds.difference",
    "einroute._kernels.entries": "einroute._kinds.entries",
}


def kind_of(operand: object) -> Kind | None:
    """The kind that claims ``operand``, or None.

    Looks along the class's bases, so that a subclass is offered to its base's kind, which may turn it down.
    """
    for base in type(operand).__mro__:
        module = REGISTRY.get(base.__module__) or REGISTRY.get(base.__module__.partition(".")[0])
        if module is None or base is object:
            continue
        kind: Any = importlib.import_module(module)
        return kind if kind.recognises(operand) else None
    return None


def routes_for(kinds: Iterable[str]) -> tuple[Route, ...]:
    """Every route of the named kinds, in table order.

    A step with a sparse operand has the routes of the sparse kind alone: those know dense operands too, and
    the dense kind's know no sparse ones.
    """
    table: list[Route] = []
    named = dict.fromkeys(kinds)
    for name in ("sparse",) if "sparse" in named else named:
        kind: Any = importlib.import_module(f"einroute._kinds.{name}")
        table.extend(kind.ROUTES)
    return tuple(table)


def route_names() -> tuple[str, ...]:
    """The names of all routes and rewrites of all kinds."""
    kinds = dict.fromkeys(path.rpartition(".")[2] for path in REGISTRY.values())
    names: list[str] = []
    for kind in (*kinds, "sparse"):
        module: Any = importlib.import_module(f"einroute._kinds.{kind}")
        names += [route.name for route in (*module.ROUTES, *getattr(module, "REWRITES", ()))]
    return tuple(names)


def decide(step: Step, policy: Policy) -> Decision:
    """Ask every route for its verdict and rank the offers.

    Raises
    ------
    NoRoute
        Every allowed route refused.
    """
    offers: list[tuple[Route, Offer]] = []
    refused: list[tuple[Route, Refused]] = []
    for route in routes_for(op.kind for op in step.operands):
        if route.name in policy.forbidden:
            refused.append((route, Refused("forbidden by config(allow=, forbid=)")))
            continue
        answer = route.verdict(step)
        if isinstance(answer, Refused):
            refused.append((route, answer))
        else:
            offers.append((route, answer))
    if not offers:
        reasons = "; ".join(f"{route.name}: {no.reason}" for route, no in refused)
        raise NoRoute(f"no allowed route can do {_shown(step)!r}: {reasons}")
    offers.sort(key=lambda pair: (pair[0].name != policy.forced, pair[1].cost.seconds))
    return Decision(step, tuple(offers), tuple(refused))


def _shown(step: Step) -> str:
    """A step's subscripts as people read them; of tensordot and its like nobody wrote the labels."""
    return readable(step.subscripts, prime_for("".join(step.sizes)))


def bind(decision: Decision, on_run: Callable[[str, Declined | None], None] | None = None) -> Runner:
    """A callable that runs the decision: the first offer, and the next one where a guard declines."""
    route, offer = decision.offers[0]
    runner = route.bind(decision.step, offer)
    if on_run is not None:
        runner = _observed(runner, route.name, on_run)
    if not route.guard:
        return runner
    if len(decision.offers) == 1:
        return _last(runner, decision)
    rest = Decision(decision.step, decision.offers[1:], decision.refused)
    bound: list[Runner] = []  # on demand: most calls never decline

    def guarded(*arrays: Any, out: Any = None) -> Any:
        result = runner(*arrays, out=out)
        if type(result) is Declined:
            if not bound:
                bound.append(bind(rest, on_run))
            return bound[0](*arrays, out=out)
        return result

    return guarded


def _last(runner: Runner, decision: Decision) -> Runner:
    def run(*arrays: Any, out: Any = None) -> Any:
        result = runner(*arrays, out=out)
        if type(result) is Declined:
            raise NoRoute(
                f"the only allowed route for {_shown(decision.step)!r} declined: {result.reason}"
            )
        return result

    return run


def _observed(runner: Runner, name: str, on_run: Callable[[str, Declined | None], None]) -> Runner:
    def run(*arrays: Any, out: Any = None) -> Any:
        result = runner(*arrays, out=out)
        on_run(name, result if type(result) is Declined else None)
        return result

    return run
