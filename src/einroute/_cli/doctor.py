"""``python -m einroute doctor``: what einroute runs on here."""

from __future__ import annotations

import os
import platform
from importlib import metadata, util
from textwrap import wrap
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import threadpoolctl

import einroute as er
from einroute._base.calibration_file import told as told_of_calibration
from einroute._base.environment import first_count
from einroute._base.formatting import in_bytes, plural
from einroute._explain.text import width_of
from einroute._kinds.registry import MODULES
from einroute._native import told
from einroute._native.memory import told as told_of_memory
from einroute._override.caches import CLIENTS

if TYPE_CHECKING:
    import argparse

LIBRARIES = ("numpy", "scipy", "opt_einsum", "sparse", "numba", "threadpoolctl")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
#: What the modules of operands begin with that is no library, or a part of one.
NO_LIBRARIES = ("builtins", "einroute", "cupyx", "jaxlib")
FAST_BLAS = ("openblas", "mkl", "blis", "flexiblas", "accelerate", "armpl", "nvpl", "essl")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser(
        "doctor",
        help="versions, the compiled core, BLAS and its threads, and which libraries' arrays are taken",
        description="Shows what einroute runs on here: versions, the compiled core, BLAS and its threads, "
        "the libraries whose arrays are taken, and the caches.",
    )
    command.set_defaults(run=run)


def version(name: str) -> str:
    """The installed version of a distribution, found without importing it."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def installed(module: str) -> bool:
    """Whether `module` could be imported, found without importing it."""
    try:
        return util.find_spec(module) is not None
    except (ImportError, ValueError):  # a parent that is not there, or a module put together by hand
        return False


def blas() -> tuple[list[str], bool]:
    """The BLAS that NumPy runs on, a line each, and whether it is a fast one.

    NumPy built without a BLAS has plain loops in its place, and then no route is much faster than another.
    """
    lines = []
    fast = False
    for pool in threadpoolctl.threadpool_info():
        if pool.get("user_api") != "blas":
            continue
        name = str(pool.get("internal_api"))
        details = (f"{key} {pool[key]}" for key in ("threading_layer", "architecture") if pool.get(key))
        count = plural(pool.get("num_threads", 0), "thread")
        lines.append(", ".join((f"{name} {pool.get('version') or ''}".strip(), count, *details)))
        fast = fast or name in FAST_BLAS
    if not lines:  # Accelerate is invisible to threadpoolctl
        build: Any = np.show_config(mode="dicts")
        name = str(build.get("Build Dependencies", {}).get("blas", {}).get("name", "none"))
        return [f"{name}, as NumPy was built"], any(known in name.lower() for known in FAST_BLAS)
    return lines, fast


def gemm_rate(n: int = 512) -> float:
    """What BLAS gives here, in floating-point operations a second of a float64 matrix product."""
    a = np.ones((n, n))
    best = float("inf")
    for _ in range(4):  # the first wakes BLAS's threads
        start = perf_counter()
        a @ a
        best = min(best, perf_counter() - start)
    return 2.0 * n**3 / best


def cores() -> int:
    """The cores this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def threads() -> list[str]:
    """How many threads einroute uses and which variables say so, then those that speak to BLAS."""
    own = ("EINROUTE_NUM_THREADS", "OMP_NUM_THREADS")  # in the order in which einroute asks
    values = {name: os.environ.get(name, "") for name in (*own, *THREAD_VARIABLES)}
    decided = next((name for name in own if first_count(values[name])), "")
    count = er.get_config()["threads"]
    why = f"set by {decided}" if decided else f"one for each core; set one of {', '.join(own)} to change it"
    lines = [f"{count}, {why}"]
    lines += [
        f"{name}={value}" + ("" if first_count(value) else " (no count: ignored)")
        for name, value in values.items()
        if value and name != decided
    ]
    return lines


def operands() -> list[str]:
    """The libraries whose operands einroute knows, and the version of each that is installed."""
    houses = dict.fromkeys(module.partition(".")[0] for module in MODULES)
    distributions = metadata.packages_distributions()  # CuPy's is named after CUDA's version
    lines = []
    for name in houses:
        if name not in NO_LIBRARIES:
            found = distributions.get(name, [name])[0]
            lines.append(f"{name} {version(found)}" if installed(name) else f"{name} not installed")
    return lines


def kept() -> list[str]:
    """What an override does about libraries that keep NumPy's functions, those that are installed."""
    lines = [
        f"{client.name} {version(client.name)}: {client.reached}"
        for client in CLIENTS
        if installed(client.name)
    ]
    return lines or ["no library that keeps NumPy's functions is installed"]


def _told(name: str, value: int) -> str:
    """A number of the caches', bytes in the unit that suits them."""
    return in_bytes(value) if name.endswith("bytes") else str(value)


def _option(name: str, value: Any) -> str:
    """The value of an option, bytes in the unit that suits them."""
    return in_bytes(value) if name.endswith("_bytes") else repr(value)


def run(_arguments: argparse.Namespace) -> int:
    """Print the report.

    Returns
    -------
    int
        0 always: what it shows is for the reader to judge.
    """
    lines, fast = blas()
    system = f"{platform.system()} {platform.machine()}, {plural(cores(), 'core')} for this process"
    rate = f"a float64 matrix product runs at {gemm_rate() / 1e9:.0f} GFLOP/s"
    verdict = f"yes; {rate}" if fast else f"no; {rate}; NumPy with OpenBLAS, MKL or Accelerate is faster"
    cache = ", ".join(f"{name}={_told(name, value)}" for name, value in er.cache_info().items())
    report: list[tuple[str, list[str]]] = [
        ("einroute", [er.__version__]),
        ("python", [f"{platform.python_version()} ({platform.python_implementation()})"]),
        ("system", [system]),
        *((name, [version(name)]) for name in LIBRARIES),
        ("core", told()),
        ("memory", [told_of_memory()]),
        ("BLAS", lines),
        ("fast BLAS", [verdict]),
        ("threads", threads()),
        ("calibration", [told_of_calibration()]),
        ("operands", operands()),
        ("overrides", kept()),
        ("cache", [cache]),
        ("config", [", ".join(f"{name}={_option(name, value)}" for name, value in er.get_config().items())]),
    ]
    width = width_of()
    for name, texts in report:
        for at, text in enumerate(texts):
            head = f"{name if at == 0 else '':<14}"
            for line in wrap(
                text,
                width,
                initial_indent=head,
                subsequent_indent=" " * 14,
                break_long_words=False,
                break_on_hyphens=False,
            ):
                print(line)
    return 0
