"""What figures measured here depend on: processor, cores, BLAS, NumPy, einroute, all read cheaply."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._version import __version__
from .system_files import first_of

__all__ = ["blas_name", "differences", "fingerprint"]


def blas_name() -> str:
    """The BLAS that NumPy was built with, "none" if with none; empty where that is not known."""
    found = _blas()
    return str(found.get("name", "")).lower() if found.get("found", True) else "none"


def _blas() -> Mapping[str, Any]:
    try:
        config: Any = np.show_config(mode="dicts")
        found = config["Build Dependencies"]["blas"]
    except (AttributeError, KeyError, TypeError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _processor() -> str:
    """The processor's name, as far as it is told in a file."""
    try:
        lines = first_of("/proc/cpuinfo").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    return " ".join(filter(None, (platform.machine(), next(named, ""))))


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def fingerprint() -> dict[str, str]:
    """What figures that are measured here depend on."""
    found = _blas()
    return {
        "processor": _processor(),
        "cores": str(_cores()),
        "blas": " ".join(str(found[key]) for key in ("name", "version") if key in found),
        "numpy": np.__version__,
        "einroute": __version__,
    }


def differences(measured_on: Mapping[str, Any]) -> str:
    """In what another fingerprint differs from this machine's; empty where it does not."""
    here = fingerprint()
    found = [
        f"{name} was {str(measured_on.get(name, 'not told'))[:80]!r} and is {value!r}"
        for name, value in here.items()
        if measured_on.get(name) != value
    ]
    return "; ".join(found)
