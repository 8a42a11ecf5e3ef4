"""The race: all implementations of a case checked against each other, then timed in turn in short rounds.

The smallest time of each counts, since noise only adds. A case that looks slow is measured again, longer,
before it is called so. Timing happens in one process and in alternation because on a shared machine the speed
of a core changes more from minute to minute than the differences sought here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .cases import AnyCase
from .statement import ALLOWED_SECONDS, Statement

BATCH_SECONDS = 2e-3  # shorter batches are dominated by the clock and by interrupts
SLOWEST = 2.0  # seconds of np.einsum(optimize=False) beyond which it is left out
MOST_SECONDS = 3.0  # for one race, so that a case of slow calls does not hold up the rest
ALLOWED_RATIO = 1.1  # the project's allowance, with a case's own in seconds
OURS = "einroute"
#: Which share of the rounds a spread leaves out, at either end.
TAIL = 0.25


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one case.

    Attributes
    ----------
    label, group : str
        Of the case.
    seconds : dict of str to float
        The smallest time of a call, by implementation.
    spread : dict of str to (float, float)
        By implementation, between what its time over ours lay in half of the rounds.
    notes : tuple of str
        What was left out, and why.
    problem : str
        Set where ours failed or disagreed.
    prepared : tuple of str
        Who did beforehand what others do in the call, and so is no rival.
    allowed : float
        How many seconds ours may be behind.
    best_code : str
        What the best of the others wrote, where ours is slow.
    """

    label: str
    group: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    spread: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    problem: str = ""
    prepared: tuple[str, ...] = ()
    allowed: float = ALLOWED_SECONDS
    best_code: str = ""

    @property
    def best(self) -> str:
        """The fastest of the others, with the number of its form; empty if there is none."""
        peers = [name for name in self.seconds if name != OURS and name not in self.prepared]
        return min(peers, key=self.seconds.__getitem__, default="")

    def fastest(self, peer: str) -> str:
        """The name with its number that stands for `peer`: of several hand-written forms the fastest."""
        names = [name for name in self.seconds if name == peer or name.partition(" ")[0] == peer]
        return min(names, key=self.seconds.__getitem__, default="")

    def faster(self, peer: str) -> float:
        """How many times faster than a peer ours is: its time over ours; nan if not measured."""
        theirs = self.seconds.get(self.fastest(peer), math.nan)
        return theirs / self.seconds.get(OURS, math.nan)

    @property
    def slow(self) -> bool:
        """Whether ours is behind the best by more than the allowance."""
        if OURS not in self.seconds or not self.best:
            return False
        ours, theirs = self.seconds[OURS], self.seconds[self.best]
        return ours > ALLOWED_RATIO * theirs and ours - theirs > self.allowed


class Racer:
    """One implementation of one case in the race."""

    def __init__(self, statement: Statement) -> None:
        self.timer = statement.timer()
        self.rounds: list[float] = []
        self.best = self.timer.timeit(1)
        self.number = 1
        if self.best < BATCH_SECONDS:
            # the first call may have planned or compiled; choose the batch by a call that did not
            once = min(self.timer.timeit(1) for _ in range(3))
            self.number = max(1, math.ceil(BATCH_SECONDS / max(once, 1e-7)))
        self.round()

    def round(self) -> float:
        """Run a batch and return how long it took."""
        total = self.timer.timeit(self.number)
        self.rounds.append(total / self.number)
        self.best = min(self.best, self.rounds[-1])
        return total


class Race:
    """The implementations of one case, and the rounds they have run so far."""

    def __init__(self, statements: Mapping[str, Statement]) -> None:
        self.racers = {name: Racer(statement) for name, statement in statements.items()}
        self.faster: dict[str, list[float]] = {name: [] for name in statements if name != OURS}

    def run(self, min_time: float, least_rounds: int = 3) -> None:
        """Time all in turn until each has had `min_time` seconds and `least_rounds` rounds.

        One that is beyond four times the best, and slow in itself, drops out: that much is known well enough.
        """
        spent = dict.fromkeys(self.racers, 0.0)
        rounds = 0
        while True:
            active = self._active()
            enough = rounds >= least_rounds and all(spent[name] >= min_time for name in active)
            if enough or (rounds >= 3 and sum(spent.values()) > MOST_SECONDS):
                return
            shift = rounds % len(active)  # nobody always follows the same neighbour
            for name in active[shift:] + active[:shift]:
                spent[name] += self.racers[name].round()
            for name in active:
                if name != OURS:
                    self.faster[name].append(self.racers[name].rounds[-1] / self.racers[OURS].rounds[-1])
            rounds += 1

    def _active(self) -> list[str]:
        best = min(racer.best for racer in self.racers.values())
        return [n for n, r in self.racers.items() if n == OURS or r.best < 4 * best or r.best < 0.05]

    @property
    def seconds(self) -> dict[str, float]:
        """The smallest time of a call of each."""
        return {name: racer.best for name, racer in self.racers.items()}

    @property
    def spread(self) -> dict[str, tuple[float, float]]:
        """Between what each of the others' times over ours lay in half of the rounds."""
        return {name: middle(rounds) for name, rounds in self.faster.items() if rounds}


def middle(values: Sequence[float]) -> tuple[float, float]:
    """Between what the middle half of some values lies."""
    ordered = sorted(values)
    cut = int(TAIL * len(ordered))
    return ordered[cut], ordered[-1 - cut]


@dataclass(slots=True)
class Entry:
    """Who takes part in the race of one case, and why others do not."""

    statements: dict[str, Statement]
    notes: list[str] = field(default_factory=list)
    problem: str = ""

    def leave_out(self, name: str, reason: str) -> None:
        """Strike one out; ours is the problem itself."""
        self.statements.pop(name, None)
        if name == OURS:
            self.problem = reason
        else:
            self.notes.append(f"{name} left out: {reason}")


def entry(case: AnyCase, operands: Any, peers: Iterable[str]) -> Entry:
    """The statements of a case, ours first, without those that are not there or would take too long."""
    found = Entry({OURS: case.statement(OURS, operands)})
    for peer in peers:
        if case.too_slow(peer, operands, SLOWEST):
            found.leave_out(peer, "too slow")
            continue
        for variant in range(99):
            name = f"{peer} {variant + 1}" if variant else peer
            try:
                found.statements[name] = case.statement(peer, operands, variant)
            except NotImplementedError:
                break
    return found


def check(case: AnyCase, operands: Any, found: Entry) -> None:
    """Run each once and leave out who fails or disagrees with the others, of whom the first is the judge."""
    answers: dict[str, Any] = {}
    for name in list(found.statements):
        try:
            answers[name] = found.statements[name].run()
        except Exception as error:
            found.leave_out(name, f"{type(error).__name__}: {error}".partition("\n")[0])
    judge = next((name for name in answers if name != OURS), "")
    # with every peer left out there is still something to be right against
    expected = answers[judge] if judge else _usual(case, operands).run()
    for name, answer in answers.items():
        wrong = case.disagreement(answer, expected)
        if wrong:
            found.leave_out(name, f"{wrong} ({judge or 'numpy'})")


def _usual(case: AnyCase, operands: Any) -> Statement:
    usual = next(name for name in ("numpy_optimize", "numpy", "scipy") if name in case.implementations)
    return case.statement(usual, operands)


def run_case(case: AnyCase, peers: Sequence[str], min_time: float) -> Outcome:
    """Check that all agree, then time them; with no `min_time` only check."""
    operands = case.build()
    found = entry(case, operands, peers)
    check(case, operands, found)
    if found.problem or not min_time:
        return Outcome(case.label, case.group, notes=tuple(found.notes), problem=found.problem)
    race = Race(found.statements)
    race.run(min_time)
    outcome = _outcome(case, found, race)
    if outcome.slow:
        race.run(3 * min_time, 10)
        outcome = _outcome(case, found, race)
    return outcome


def _outcome(case: AnyCase, found: Entry, race: Race) -> Outcome:
    outcome = Outcome(
        case.label,
        case.group,
        race.seconds,
        race.spread,
        tuple(found.notes),
        prepared=case.prepared,
        allowed=case.allowed,
    )
    return replace(outcome, best_code=found.statements[outcome.best].code) if outcome.slow else outcome


def geometric_mean(values: Iterable[float]) -> float:
    """The geometric mean of the positive finite values; nan if there is none."""
    logs = [math.log(v) for v in values if v > 0 and math.isfinite(v)]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan
