"""numba compiles programs that call NumPy's functions, einroute in their place or not.

numba comes with pydata/sparse. Each test has an interpreter of its own, since what numba finds where depends
on what stood in NumPy when it was loaded.
"""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from tests.processes import printed

pytest.importorskip("numba")

#: numba is asked for the type of every function that it has; the cheapest one is compiled.
PROGRAM = """
import numpy, einroute as er
a = numpy.array([1.0, 2.0])
FLAT, LINALG = ("dot", "outer", "vdot"), ("solve", "lstsq", "inv", "pinv")
def all_known(np):
    from numba.core.registry import cpu_target
    cpu_target.typing_context.refresh()
    for names, place in ((FLAT, np), (LINALG, np.linalg)):
        for name in names:
            cpu_target.typing_context.resolve_value_type(getattr(place, name))  # raises where it knows none
def compiled(np):
    import numba
    taken = np.dot
    def dots(a): return np.vdot(a, a) + taken(a, a)
    assert numba.njit(dots)(a) == dots(a) == 10.0
    all_known(np)
    return taken
"""
NAMED = "'einsum', 'dot', 'outer', 'vdot', 'matmul', 'vecdot', 'solve', 'lstsq', 'inv', 'pinv'"


def test_loaded_before_an_override() -> None:
    code = (
        "import numba\n"
        "with er.override(): taken = compiled(numpy)\n"
        "compiled(numpy)\n"
        "assert numba.njit(lambda a: taken(a, a))(a) == 5.0\n"  # kept from inside
        "print('done')"
    )
    assert printed(PROGRAM + code) == "done"


def test_loaded_inside_an_override() -> None:
    code = (
        "import sys\n"
        "assert 'numba' not in sys.modules\n"
        f"with er.override({NAMED}): compiled(numpy)\n"
        "compiled(numpy)\n"
        "with er.override(): compiled(numpy)\n"
        "print('done')"
    )
    assert printed(PROGRAM + code) == "done"


def test_through_the_import() -> None:
    assert printed(PROGRAM + "import einroute.numpy\ncompiled(einroute.numpy)\nprint('done')") == "done"


def test_our_own_functions_by_the_entry_point() -> None:
    code = (
        "import numba\n"
        "from importlib.metadata import entry_points\n"
        "if not any('einroute' in e.value for e in entry_points(group='numba_extensions')):\n"
        "    from einroute._api.numba_extension import init\n"  # as in a checkout that is not installed
        "    init()\n"
        "compiled(er)\n"
        "print('done')"
    )
    assert printed(PROGRAM + code) == "done"


def test_a_numba_that_keeps_things_elsewhere_is_no_warning() -> None:
    code = (
        "import sys, types, numba\n"
        "sys.modules['numba.core.registry'] = types.ModuleType('numba.core.registry')\n"
        "from einroute._api.numba_extension import init\n"
        "init()\n"
        "print('done')"
    )
    assert printed(code) == "done"


def test_the_entry_point_is_there() -> None:
    root = Path(__file__).parents[2] / "pyproject.toml"
    declared = tomllib.loads(root.read_text(encoding="utf-8"))["project"]["entry-points"]["numba_extensions"]
    module, _, name = declared["init"].partition(":")
    assert callable(getattr(import_module(module), name))
    assert list(declared) == ["init"]


def test_numba_is_not_loaded_by_us() -> None:
    code = (
        "import sys, einroute._api.numba_extension, einroute.numpy as np, einroute as er\n"
        "with er.override(): np.einsum('i->', np.ones(3))\n"
        "print('numba' in sys.modules)"
    )
    assert printed(code) == "False"
