"""How far estimates of routes are off on this machine: a time that each call takes more, and a scale.

Both are those with the least mean of the logarithm of what is off, over random calls: single calls that are
far off, by noise or for a reason that no factor mends, weigh no more than others.  One fit is made of all
routes, for those of which little is known; that of a route is drawn towards it, and kept only if it also
tells better of calls that it was not made from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .._base.machine import EVERY, RouteFit
from .._bench.estimates.samples import Sample, samples
from .._bench.regret.draw import FAMILIES

__all__ = ["collected", "fits", "wrong"]

#: Which sequence of calls is drawn: no other one is likely to be looked at.
_SEED = 19_760_401
#: Seconds that a call is estimated to take at most: a calibration is to take seconds.
_LONGEST = 20e-3
#: Calls from which a route is fitted, and how many calls a fit that changes nothing counts for.
_LEAST, _PRIOR = 6, 3.0
#: Parts of the calls, each told of by a fit of the others, and by how much that must be better.
_PARTS, _BETTER = 4, 0.95
_OVERHEADS = np.array([0, 0.3, 0.6, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48]) * 1e-6
_SCALES = np.exp(np.linspace(np.log(0.2), np.log(8.0), 75))
_NOTHING = RouteFit()


def collected() -> Iterator[list[Sample]]:
    """Samples of one call after another, the families in turn; without end."""
    number = 0
    while True:
        for family in FAMILIES:
            found = samples(family, _SEED, number, _LONGEST)
            yield [one for one in found if not one.spoilt and one.took < _LONGEST]
        number += 1


def fits(found: Sequence[Sample]) -> Mapping[str, RouteFit]:
    """A fit for each route that enough calls are known of, and one for all others, by the name `EVERY`."""
    every = _kept(found, _NOTHING)
    made = {} if every == _NOTHING else {EVERY: every}
    for route in sorted({one.route for one in found}):
        fit = _kept([one for one in found if one.route == route], every)
        if fit != every:
            made[route] = fit
    return made


def wrong(found: Sequence[Sample], made: Mapping[str, RouteFit]) -> float:
    """By which factor estimates are off under these fits, in the geometric mean; too much or too little."""
    if not found:
        return 1.0
    logs = [_off([one], made.get(one.route, made.get(EVERY, _NOTHING))) for one in found]
    return float(np.exp(np.mean(logs)))


def _kept(found: Sequence[Sample], prior: RouteFit) -> RouteFit:
    """The fit, if it is better for calls that it was not made from; else the one that is known."""
    if len(found) < _LEAST:
        return prior
    parts = [found[n::_PARTS] for n in range(_PARTS)]
    others = [[one for m, part in enumerate(parts) if m != n for one in part] for n in range(_PARTS)]
    unseen = sum(_off(part, _fit(rest, prior)) for part, rest in zip(parts, others, strict=True))
    return _fit(found, prior) if unseen < _BETTER * _off(found, prior) else prior


def _columns(found: Sequence[Sample]) -> tuple[Any, Any, Any]:
    """Of each call, what no scale changes, what one does, and what it took."""
    fixed, work, took = np.array([(one.fixed, one.work, one.took) for one in found]).T
    return fixed, work, took


def _off(found: Sequence[Sample], fit: RouteFit) -> float:
    """The logarithms of the factors by which estimates are off, added up."""
    fixed, work, took = _columns(found)
    return float(np.abs(np.log((fixed + fit.overhead + fit.scale * work) / took)).sum())


def _fit(found: Sequence[Sample], prior: RouteFit) -> RouteFit:
    """The overhead and the scale under which estimates are least off."""
    fixed, work, took = _columns(found)
    estimates = fixed + _OVERHEADS[:, None, None] + _SCALES[:, None] * work
    off = np.abs(np.log(estimates / took)).sum(axis=2) + _PRIOR * np.abs(np.log(_SCALES / prior.scale))
    i, j = np.unravel_index(np.argmin(off), off.shape)
    return RouteFit(float(_OVERHEADS[i]), float(_SCALES[j]))
