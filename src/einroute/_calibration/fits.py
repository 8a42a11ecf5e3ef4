"""How far estimates of routes are off on this machine: a time that each call takes more, and a scale.

Both are those with the least mean of the logarithm of what is off, over random calls: single calls that are
far off, by noise or for a reason that no factor mends, weigh no more than others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from .._base.machine import RouteFit
from .._bench.estimates.samples import Sample, samples
from .._bench.regret.draw import FAMILIES

__all__ = ["collected", "fits"]

#: Which sequence of calls is drawn: no other one is likely to be looked at.
_SEED = 19_760_401
#: Multiply-adds of calls that are measured: a calibration is to take seconds.
_LARGEST = 2e7
#: Calls from which a route is fitted, and how many calls a fit that changes nothing counts for.
_LEAST, _PRIOR = 4, 2.0
_OVERHEADS = np.array([0, 0.3, 0.6, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48]) * 1e-6
_SCALES = np.exp(np.linspace(np.log(0.2), np.log(8.0), 75))


def collected() -> Iterator[list[Sample]]:
    """Samples of one call after another, the families in turn; without end."""
    number = 0
    while True:
        for family in FAMILIES:
            yield [one for one in samples(family, _SEED, number) if one.took < _LARGEST * 1e-9]
        number += 1


def fits(found: Sequence[Sample]) -> Mapping[str, RouteFit]:
    """A fit for each route that enough calls are known of."""
    made = {}
    for route in sorted({one.route for one in found}):
        own = [one for one in found if one.route == route]
        if len(own) >= _LEAST:
            made[route] = _fit(own)
    return made


def _fit(found: Sequence[Sample]) -> RouteFit:
    """The overhead and the scale under which estimates are least off."""
    fixed, work, took = np.array([(one.fixed, one.work, one.took) for one in found]).T
    estimates = fixed + _OVERHEADS[:, None, None] + _SCALES[:, None] * work
    wrong = np.abs(np.log(estimates / took)).sum(axis=2) + _PRIOR * np.abs(np.log(_SCALES))
    i, j = np.unravel_index(np.argmin(wrong), wrong.shape)
    return RouteFit(float(_OVERHEADS[i]), float(_SCALES[j]))
