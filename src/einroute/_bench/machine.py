"""The machine in general terms, and the versions of what the times depend on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import threadpoolctl

import einroute

LIBRARIES = {
    "numpy": "NumPy",
    "scipy": "SciPy",
    "opt_einsum": "opt_einsum",
    "sparse": "sparse",
    "torch": "torch",
    "jax": "jax",
    "dask": "dask",
    "distributed": "distributed",
}
BLAS = {"openblas": "OpenBLAS", "mkl": "MKL", "blis": "BLIS", "flexiblas": "FlexiBLAS"}
#: The load average from which figures with several BLAS threads are not to be trusted.
BUSY = 0.7


def describe(libraries: tuple[str, ...] = ("numpy", "opt_einsum")) -> dict[str, str]:
    """What a table of times must be read with, by what it is.

    Parameters
    ----------
    libraries : tuple of str
        Those whose versions are named, where they are installed.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = {
        "cores": f"{cores} {'core' if cores == 1 else 'cores'}, {platform.machine().replace('_', '-')}",
        "threads": f"{blas()}, {einroute.get_config()['threads']} of einroute's",
        "Python": platform.python_version(),
        "einroute": einroute.__version__,
    }
    for name in libraries:
        try:
            found[LIBRARIES[name]] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _pool() -> dict[str, Any] | None:
    """NumPy's BLAS as threadpoolctl sees it; None for Accelerate, which it does not."""
    pools = [pool for pool in threadpoolctl.threadpool_info() if pool.get("user_api") == "blas"]
    # SciPy's wheels bring another one, which may come first.
    return min(pools, key=lambda pool: "numpy" not in str(pool.get("filepath")), default=None)


def blas() -> str:
    """The BLAS that NumPy runs on, and how many threads it has."""
    pool = _pool()
    if pool is None:
        return "an unknown BLAS"
    name = str(pool.get("internal_api"))
    release = ".".join(str(pool.get("version") or "").split(".")[:3])
    count = pool["num_threads"]
    threads = f"{count} {'thread' if count == 1 else 'threads'}"
    return f"{threads} of {BLAS.get(name, name)} {release}".rstrip()


def sentence(facts: dict[str, str]) -> str:
    """The facts in a line."""
    first = ("cores", "threads")
    versions = (f"{name} {value}" for name, value in facts.items() if name not in first)
    return ", ".join([*(facts[name] for name in first), *versions])


def warning() -> str:
    """What to say where the machine is too busy for the figures to be trusted; empty where it is not."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load <= BUSY:
        return ""
    busy = f"WARNING: the load average is {load:.1f}"
    pool = _pool()
    if pool is not None and pool["num_threads"] == 1:
        return f"{busy}: other programs use the cores, so that times are longer and less even; better wait"
    return (
        f"{busy}. BLAS threads that wait for a core inflate calls of microseconds to milliseconds; set "
        "OPENBLAS_NUM_THREADS=1 or wait"
    )
