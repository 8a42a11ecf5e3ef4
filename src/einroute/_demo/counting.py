"""Founding problem 5: the chance of m successes, m = 0..7, from a million binomial draws (55, 0.05)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import einroute as er

from .problem import Array, Problem, Size, Way

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTCOMES = 8


@dataclass(frozen=True)
class Draws:
    """`draws` (T), of one trial a time, or (T, 8), a fresh draw for each outcome that is counted."""

    draws: Array


def build(dims: Mapping[str, int], rng: np.random.Generator) -> Draws:
    """One draw a trial."""
    return Draws(rng.binomial(55, 0.05, dims["T"]))


def build_fresh(dims: Mapping[str, int], rng: np.random.Generator) -> Draws:
    """A fresh draw for each outcome."""
    return Draws(rng.binomial(55, 0.05, (dims["T"], OUTCOMES)))


def loop(data: Draws) -> Array:
    """Over the outcomes."""
    return np.array([(data.draws == r).sum() for r in range(OUTCOMES)])


def loop_fresh(data: Draws) -> Array:
    """Over the outcomes, each with its own draws."""
    return np.array([(data.draws[:, r] == r).sum() for r in range(OUTCOMES)])


COUNTING: Problem[Draws] = Problem(
    name="counting",
    title="outcomes of binomial draws, counted by comparison: the histogram that it is",
    sizes=(Size({"T": 1_000_000}),),
    build=build,
    usual=(
        Way(
            "(draws[:, None] == arange(8)).sum(0)", lambda d: (d.draws[:, None] == np.arange(OUTCOMES)).sum(0)
        ),
        Way("np.bincount(draws)[:8]", lambda d: np.bincount(d.draws, minlength=OUTCOMES)[:OUTCOMES]),
    ),
    loop=Way("loop of (draws == r).sum()", loop),
    ours=lambda data: er.einsum("tr->r", er.one_hot(data.draws, OUTCOMES, dtype=np.intp)),
    explain=lambda data: er.explain("tr->r", er.one_hot(data.draws, OUTCOMES, dtype=np.intp)),
    tolerance=lambda _: 0.0,
)

FRESH_DRAWS: Problem[Draws] = Problem(
    name="fresh-draws",
    title="the same with a fresh draw for each outcome: a comparison, summed",
    sizes=(Size({"T": 1_000_000}),),
    build=build_fresh,
    usual=(Way("(draws == arange(8)).sum(0)", lambda d: (d.draws == np.arange(OUTCOMES)).sum(0)),),
    loop=Way("loop of (draws[:, r] == r).sum()", loop_fresh),
    ours=lambda data: er.einsum("tr->r", data.draws == np.arange(OUTCOMES), dtype=np.intp),
    explain=lambda data: er.explain("tr->r", data.draws == np.arange(OUTCOMES), dtype=np.intp),
    tolerance=lambda _: 0.0,
)
