"""``python -m einroute prepare``: compile the kernels now, so that no process has to earn them."""

from __future__ import annotations

import argparse
import sys
from itertools import product
from time import perf_counter

from einroute._kernels.earned import KERNELS, Signature, without_numba

NAMES = ("dense_by_csc", "dense_by_csr", "csr_by_dense")
DTYPES = {
    "float32": "f4",
    "float64": "f8",
    "complex64": "c8",
    "complex128": "c16",
    "int32": "i4",
    "int64": "i8",
}
INDICES = {"int32": "i4", "int64": "i8"}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser(
        "prepare",
        help="compile the kernels for sparse operands and keep them on disk",
        description="Compiles the kernels for products with sparse operands and keeps them in numba's "
        "cache: the package's own __pycache__, NUMBA_CACHE_DIR where it is set, or the user's cache folder. "
        "Otherwise a process compiles a kernel once it has done enough work without it.",
    )
    command.add_argument(
        "--dtype",
        default="float64,float32",
        help=f"dtypes of the numbers, with commas, or all: {', '.join(DTYPES)} (default: %(default)s)",
    )
    command.add_argument(
        "--index",
        default="int32,int64",
        help="dtypes of the index arrays: int32, int64 (default: %(default)s)",
    )
    command.set_defaults(run=run)


def chosen(text: str, known: dict[str, str], option: str) -> list[str]:
    """The short names of the dtypes written as ``float64,float32``.

    Raises
    ------
    ValueError
        For one that there is no kernel for.
    """
    if text == "all":
        return list(known.values())
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise ValueError(f"{option}: no kernels for {name!r}; there are {', '.join(known)}, and all")
    return [known[name] for name in dict.fromkeys(names)]


def run(arguments: argparse.Namespace) -> int:
    """Compile and say how long it took.

    Returns
    -------
    int
        0; 1 where a kernel could not be compiled; 2 for an unknown dtype.
    """
    try:
        dtypes = chosen(arguments.dtype, DTYPES, "--dtype")
        indices = chosen(arguments.index, INDICES, "--index")
    except ValueError as error:
        print(f"python -m einroute prepare: {error}", file=sys.stderr)
        return 2
    if missing := without_numba():
        print(
            f"python -m einroute prepare: {missing}: there is nothing to compile with; pip install numba",
            file=sys.stderr,
        )
        return 1
    begun = perf_counter()
    for dtype, index, name in product(dtypes, indices, NAMES):
        start = perf_counter()
        try:
            KERNELS.compile(Signature(name, dtype, index))
        except Exception as error:  # noqa: BLE001 - whatever numba or LLVM raises, the report names it
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            print(f"python -m einroute prepare: {name} {dtype} {index}: {reason}", file=sys.stderr)
            return 1
        print(f"{name:<13}{dtype:<4} indices {index}  {perf_counter() - start:5.2f} s", flush=True)
    print(f"ready after {perf_counter() - begun:.1f} s")
    return 0
