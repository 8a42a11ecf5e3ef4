"""Routes: ways to do a step, what they would cost, and which one is taken.

A route is a value: a name, a ``verdict`` (an offer with its cost, or a refusal with its reason) and a
``bind`` that turns an offer into a callable.  The cheapest offer wins, ties go by the order of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field, replace
from typing import Any, Protocol

from .cost import Cost
from .facts import Contraction, Operand, Step
from .formatting import prime_for, readable
from .machine import EVERY, machine
from .records import dataclass

Runner = Callable[..., Any]
"""``runner(*arrays, out=None)`` gives the result with the axes of ``step.output``, or `Declined`.

One that looks at its operands itself has a method ``attempt(*arrays)``: the result, which is an array, or
NotImplemented where they are not of the shapes and the dtype that it was bound for; any strides are.
"""


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
    flagged : bool
        It is made of calls that look at the floating-point flags, so that those tell of every overflow.
    single : bool
        Each element of the result is one product or one element: no order of work overflows where another
        does not.
    numpys : bool
        It is one call of NumPy's einsum on the operands as they are.
    overwrites : bool
        The result may be written over an operand that lies in memory as it does.
    facts : Operand or None
        Of the result, where they follow from how it is made.
    temporary : int
        Bytes that it takes besides operands and result.
    crowded : float
        Seconds that it takes more where several threads of ours do such steps at once.
    whole : callable or None
        ``(contraction, shapes of the operands, scalar) -> Runner | None``: where the step is all of a call of
        einsum, that call on its operands as they came and with einsum's manners: silent, and repeated in
        NumPy's order where it overflowed.
    """

    cost: Cost
    layout: str
    recipe: Any = None
    note: str = ""
    blas: bool = False
    flagged: bool = False
    single: bool = False
    numpys: bool = False
    overwrites: bool = False
    facts: Operand | None = None
    temporary: int = 0
    crowded: float = 0.0
    whole: Callable[[Contraction, tuple[tuple[int, ...], ...], bool], Runner | None] | None = None


class NoRoute(RuntimeError):
    """Every allowed route refused a step."""

    __module__ = "einroute"  # as tracebacks name it


@dataclass(frozen=True, slots=True)
class Alone:
    """A step that is all of a call of einsum, whose operands are neither cast nor broadcast.

    Attributes
    ----------
    step : Step
    inputs : labels
        Of each operand as it came: those of a diagonal repeat.
    kinds : tuple of Kind
        Of the operands.
    form : str
        The name of the form of the result.
    """

    step: Step
    inputs: tuple[str, ...]
    kinds: tuple[Named, ...]
    form: str


class Named(Protocol):
    """A kind, as far as a route looks at it."""

    @property
    def name(self) -> str: ...


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
    silent : bool
        It gives no floating-point warning.
    tasks : bool
        It makes tasks that run later: what is allowed is said of the calls inside these.
    short : callable or None
        ``(Alone, Runner) -> Runner or None``: for a plan that is a step of this route and nothing else, a
        runner of the operands as the caller gave them; the one given answers what that does not.
    network : bool
        It does every step of a network along the path that is asked for.
    """

    name: str
    verdict: Callable[[Step], Offer | Refused]
    bind: Callable[[Step, Offer], Runner]
    guard: str = ""
    silent: bool = False
    tasks: bool = False
    short: Callable[[Alone, Runner], Runner | None] | None = None
    network: bool = False


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


class Way(Protocol):
    """A route or a rewrite, as far as a policy looks at it."""

    @property
    def name(self) -> str: ...

    @property
    def silent(self) -> bool: ...

    @property
    def tasks(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Policy:
    """Which routes may be taken: the part of the effective config that decisions depend on.

    Attributes
    ----------
    forced : str or None
        The route to take wherever it does not refuse.
    forbidden : frozenset of str
        Routes that are not to be taken.
    allowed : frozenset of str or None
        The only ones that are, whichever there are; None: all.
    loud : bool
        Nor those that give no floating-point warnings, as the mirrored function does.
    """

    forced: str | None = None
    forbidden: frozenset[str] = frozenset()
    allowed: frozenset[str] | None = None
    loud: bool = False

    @property
    def restricts(self) -> bool:
        """Whether any route is forbidden."""
        return bool(self.forbidden) or self.allowed is not None

    def forbids(self, name: str) -> bool:
        """Whether a route is not to be taken."""
        return name in self.forbidden or (self.allowed is not None and name not in self.allowed)

    def refusal(self, way: Way) -> str:
        """Why a route or a rewrite is not to be taken, whatever it offers; empty if it may."""
        if way.name in self.forbidden if way.tasks else self.forbids(way.name):
            return "forbidden by config(allow=, forbid=)"
        if way.silent and self.loud:
            return "gives no floating-point warnings, which are due here"
        return ""


def decide(step: Step, policy: Policy, routes: Iterable[Route]) -> Decision:
    """Ask every route for its verdict and rank the offers.

    Raises
    ------
    NoRoute
        Every allowed route refused.
    """
    offers: list[tuple[Route, Offer]] = []
    refused: list[tuple[Route, Refused]] = []
    fits = machine().routes
    every = fits.get(EVERY)
    for route in routes:
        reason = policy.refusal(route)
        if reason:
            refused.append((route, Refused(reason)))
            continue
        answer = route.verdict(step)
        if isinstance(answer, Refused):
            refused.append((route, answer))
        else:
            fit = fits.get(route.name, every)
            offers.append((route, answer if fit is None else replace(answer, cost=answer.cost.fitted(fit))))
    if not offers:
        reasons = "; ".join(f"{route.name}: {no.reason}" for route, no in refused)
        raise NoRoute(f"no allowed route can do '{_shown(step)}': {reasons}")
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
            raise NoRoute(f"the only allowed route for {_shown(decision.step)!r} gave up: {result.reason}")
        return result

    return run


def _observed(runner: Runner, name: str, on_run: Callable[[str, Declined | None], None]) -> Runner:
    def run(*arrays: Any, out: Any = None) -> Any:
        result = runner(*arrays, out=out)
        on_run(name, result if type(result) is Declined else None)
        return result

    return run
