"""`calibrate`: measure this machine, keep what was found, and use it from now on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from .._base.calibration_file import save
from .._base.host import blas_name
from .._base.machine import SHIPPED, adapted, using
from .._bench.estimates.samples import Sample
from .._config.config_block import config
from .._config.state import cache_clear, current
from .fits import collected, fits
from .rates import STAGES, rates

__all__ = ["calibrate"]

#: Seconds that the routes are measured for, and the share of the whole that the constants take.
_ROUTES, _CONSTANTS = 9.0, 0.3


def calibrate(progress: Callable[[float], None] | None = None) -> Path | None:
    """Measure what this machine does a second, and let it decide which routes are taken.

    Measured are BLAS by dtype and threads, the bandwidths of memory and caches, first touch of new memory,
    the overhead of calls, and how far the estimates of each route are off. That takes about 15 seconds, and
    wants a machine that does nothing else. The figures are kept in the user's cache folder
    (``EINROUTE_CACHE_DIR``, or the system's place for caches) with what they were measured on: processor,
    cores, BLAS, NumPy and einroute. Every later process there reads them when it makes its first plan, and
    ignores them where any of that has changed, as ``python -m einroute doctor`` then says.

    Parameters
    ----------
    progress : callable, optional
        Told from time to time which share is done, from 0 to 1.

    Returns
    -------
    pathlib.Path or None
        The file; None where it cannot be written. Then the figures hold for this process alone.

    Notes
    -----
    Until it ends, nothing is changed: interrupted, it leaves the old figures. Under
    ``config(reproducible=True)`` they are not used. Bound plans are dropped (`cache_clear`).
    """
    tell = progress or (lambda _: None)
    tell(0.0)
    found = adapted(SHIPPED, blas_name())
    for number, better in enumerate(rates(found, current().config.threads), 1):
        found = better
        tell(_CONSTANTS * number / STAGES)
    known: list[Sample] = []
    start = perf_counter()
    with using(found), config(reproducible=False, allow=None, forbid=(), strict=False, memory_limit=None):
        for some in collected():
            known += some
            done = (perf_counter() - start) / _ROUTES
            if done >= 1:
                break
            tell(_CONSTANTS + (1 - _CONSTANTS) * done)
    path = save(replace(found, routes=fits(known)))
    cache_clear()
    tell(1.0)
    return path
