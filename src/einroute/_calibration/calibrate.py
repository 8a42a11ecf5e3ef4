"""`calibrate`: measure this machine, keep what was found, and use it from now on."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from .._base.calibration_file import save
from .._base.host import blas_name
from .._base.machine import SHIPPED, Machine, adapted, using
from .._bench.estimates.samples import Sample
from .._config.config_block import config
from .._config.state import cache_clear, current
from .fits import collected, fits, wrong
from .rates import STAGES, rates

__all__ = ["calibrate"]

#: Seconds that the routes are measured for, and the share of the whole that the constants take.
_ROUTES, _CONSTANTS = 10.0, 0.35


def calibrate(progress: Callable[[float], None] | None = None) -> Path | None:
    """Measure how fast this machine is, and let that decide which routes are taken.

    Measured are BLAS by shape, dtype and threads, the bandwidths of memory and caches, first touch of new
    memory, the overhead of calls, and how far the estimates of each route are off. That takes about 15
    seconds. The figures are kept in the user's cache folder (``EINROUTE_CACHE_DIR``, or the system's place
    for caches) with what they were measured on: processor, cores, BLAS, NumPy and einroute. Every later
    process there reads them when it makes its first plan, and ignores them where any of that has changed, as
    ``python -m einroute doctor`` then says.

    Parameters
    ----------
    progress : callable, optional
        Told from time to time which share is done, from 0 to 1.

    Returns
    -------
    pathlib.Path or None
        The file; None where it cannot be written. Then the figures hold for this process alone.

    Warns
    -----
    UserWarning
        Other programs had the cores: figures that differ from one measurement to the next stay as shipped,
        and so do all, if estimates are not better by what was measured.

    Notes
    -----
    Until it ends, nothing is changed: interrupted, it leaves the old figures. Under
    ``config(reproducible=True)`` they are not used. Bound plans are dropped (`cache_clear`).
    """
    tell = progress or (lambda _: None)
    tell(0.0)
    shipped = adapted(SHIPPED, blas_name())
    found, unsteady = shipped, []
    for number, stage in enumerate(rates(shipped, current().config.threads), 1):
        found = stage.machine
        if not stage.steady:
            unsteady.append(stage.name)
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
    path = save(_better(shipped, found, known, unsteady))
    cache_clear()
    tell(1.0)
    return None if path is None else Path(path)


def _better(shipped: Machine, found: Machine, known: list[Sample], unsteady: list[str]) -> Machine:
    """What was measured, with fits for routes, if estimates of the calls are better by that."""
    routes = fits(known)
    told = [replace(one, fixed=one.shipped, work=0.0) for one in known if one.shipped]
    if wrong(known, routes) > wrong(told, {}):
        found, routes, unsteady = shipped, {}, ["all figures"]
    if unsteady:
        warnings.warn(
            f"{', '.join(unsteady)} as shipped: other programs had the cores; calibrate again while this "
            "machine does nothing else",
            stacklevel=3,
        )
    return replace(found, routes=routes)
