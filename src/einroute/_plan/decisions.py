"""Decisions for the steps of networks, kept by the steps' facts.

A network of two thousand operands has some hundred distinct steps, if the labels are left out of it. So each
step is decided under labels of its own, which are in the same order as the step's, and the decision is used
again for every step that is alike.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Mapping
from dataclasses import replace

from .._base.facts import Step
from .._base.kinds import Form
from .._base.routes import Decision, NoRoute, Policy, decide

__all__ = ["DECISIONS", "NETWORK", "Decisions", "decide_alike"]

#: Operands from which a contraction is a network, whose steps are alike.
NETWORK = 8
#: Labels of steps that are decided for every step alike: a private range, which no label of a caller is in.
_FIRST = 0xE000


class Decisions:
    """Decisions by facts; the older half goes when it is full."""

    def __init__(self, limit: int = 4096) -> None:
        self.limit = limit
        self.kept: dict[Hashable, Decision] = {}
        self._lock = threading.Lock()

    def put(self, key: Hashable, decision: Decision) -> None:
        """Keep a decision."""
        with self._lock:
            if len(self.kept) >= self.limit:
                for old in list(self.kept)[: self.limit // 2]:
                    del self.kept[old]
            self.kept[key] = decision

    def clear(self) -> None:
        """Forget every decision."""
        with self._lock:
            self.kept.clear()

    def after_fork(self) -> None:
        """In a child: whoever held the lock in the parent is not here to let go of it."""
        self._lock = threading.Lock()


DECISIONS = Decisions()


def decide_alike(step: Step, policy: Policy, form: Form) -> tuple[Decision, Mapping[int, str]]:
    """The decision for a step under labels of its own, and the step's label for each of those.

    Raises
    ------
    NoRoute
        Every allowed route refused.
    """
    labels = sorted(set("".join(step.inputs) + step.output))
    own = {ord(c): chr(_FIRST + i) for i, c in enumerate(labels)}
    back = {_FIRST + i: c for i, c in enumerate(labels)}
    inputs = tuple(x.translate(own) for x in step.inputs)
    output = step.output.translate(own)
    sizes = tuple(step.sizes[c] for c in labels)
    key = (inputs, output, sizes, step.operands, step.dtype, step.order, step.threads, step.last, step.form)
    found = (key, policy, form.name)
    decision = DECISIONS.kept.get(found)
    if decision is None:
        alike = replace(
            step, inputs=inputs, output=output, sizes={chr(_FIRST + i): n for i, n in enumerate(sizes)}
        )
        try:
            decision = decide(alike, policy, form.routes)
        except NoRoute as error:
            raise NoRoute(str(error).translate(back)) from None
        DECISIONS.put(found, decision)
    return decision, back
