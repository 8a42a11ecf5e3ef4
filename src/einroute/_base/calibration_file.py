"""The calibration that is kept for this user: written whole, believed only where nothing has changed.

It is read when a plan first needs costs.  What is damaged is warned of once and ignored; what was measured
on something else is ignored, and ``doctor`` says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from .host import blas_name, differences, fingerprint
from .machine import HERE, SHIPPED, Machine, RouteFit, adapted
from .user_files import cache_file, read_json, write_json

__all__ = ["calibrated", "path_of_calibration", "save", "told"]

_VERSION = 1
#: How far from the shipped constants a measured one may be, and from 1 the scale of a route.
_APART, _SCALES = 1e3, (0.02, 50.0)
#: Seconds that a route may leave out.
_OVERHEAD = 1e-2
#: What is read from the machine each time and not measured.
_NOT_MEASURED = ("routes", "blas_threads", "own_bytes", "shared_bytes", "fresh_bytes")


def path_of_calibration() -> str | None:
    """The file; None where the user has no folder for it."""
    return cache_file("calibration.json")


def save(found: Machine) -> str | None:
    """Keep what was measured, and use it from now on; None where it cannot be kept."""
    constants = asdict(found)
    routes = {name: asdict(fit) for name, fit in found.routes.items()}
    content = {
        "format": "einroute calibration",
        "version": _VERSION,
        "measured_on": fingerprint(),
        "constants": {name: value for name, value in constants.items() if name not in _NOT_MEASURED},
        "routes": routes,
    }
    path = path_of_calibration()
    HERE.put(found)
    try:
        if path is not None:
            write_json(path, content)
    except OSError:
        return None
    return path


def calibrated() -> tuple[Machine | None, str, bool]:
    """What was measured here, if anything; else why it is not used; and whether the file is damaged."""
    path = path_of_calibration()
    if path is None:
        return None, "this user has no folder for it", False
    try:
        content = read_json(path)
    except OSError as error:
        return None, f"{path} cannot be read: {error.strerror}", False
    except ValueError as error:
        return None, f"{path}: {error}", True
    if content is None:
        return None, "python -m einroute calibrate measures this machine", False
    try:
        found, measured_on = _parsed(content)
    except KeyError as error:
        return None, f"{path}: it lacks {error}", True
    except (TypeError, ValueError, OverflowError) as error:
        return None, f"{path}: {error}", True
    changed = differences(measured_on)
    if changed:
        return None, f"{path} is of another machine or version: {changed}; calibrate again", False
    return found, str(path), False


def _parsed(content: Any) -> tuple[Machine, Mapping[str, Any]]:
    """The constants and what they were measured on.

    Raises
    ------
    TypeError, ValueError, KeyError, OverflowError
        It is not what `save` writes.
    """
    if not isinstance(content, dict) or content.get("format") != "einroute calibration":
        raise ValueError("it is no calibration of einroute's")
    if content.get("version") != _VERSION:
        return SHIPPED, {"einroute": f"format {content.get('version')!r}"}
    constants, routes, measured_on = (content[name] for name in ("constants", "routes", "measured_on"))
    if not all(isinstance(part, dict) for part in (constants, routes, measured_on)):
        raise TypeError("constants, routes and measured_on must be objects")
    given: dict[str, Any] = {}
    for one in fields(Machine):
        if one.name in _NOT_MEASURED:
            continue
        shipped = getattr(SHIPPED, one.name)
        given[one.name] = _number(one.name, constants[one.name], shipped / _APART, shipped * _APART)
    fits = {}
    for name, fit in routes.items():
        if not isinstance(fit, dict):
            raise TypeError(f"{name[:80]!r} must be an object")
        overhead = _number(f"{name[:80]}, overhead", fit["overhead"], 0.0, _OVERHEAD)
        fits[name] = RouteFit(overhead, _number(f"{name[:80]}, scale", fit["scale"], *_SCALES))
    return Machine(**given, routes=fits), measured_on


def _number(name: str, value: Any, least: float, most: float) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    number = float(value)
    if not math.isfinite(number) or not least <= number <= most:
        raise ValueError(f"{name} is {number:g}, expected from {least:g} to {most:g}")
    return number


def _read() -> tuple[Machine, str]:
    """The constants for here: measured ones, else shipped ones with what can be read cheaply; a warning."""
    found, why, damaged = calibrated()
    told = f"the calibration is ignored: {why}; python -m einroute calibrate makes it anew" if damaged else ""
    return adapted(SHIPPED if found is None else found, blas_name()), told


HERE.read = _read


def told() -> str:
    """What ``doctor`` says of the calibration."""
    found, why, _ = calibrated()
    return f"not used, {why}" if found is None else f"{why}, {len(found.routes)} routes"
