"""What `import einroute` may bring in: NumPy, and nothing that takes long to load."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import einroute
from tests.processes import printed

# numba alone takes half a second; an operand of one of these kinds has its library loaded already.
HEAVY = ("numba", "llvmlite", "sparse", "scipy", "dask", "jax", "torch", "cupy", "rich", "pandas")


def _modules_after(statement: str) -> set[str]:
    code = f"import sys, json\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    return set(json.loads(printed(code)))


@pytest.mark.parametrize("statement", ["import einroute", "import einroute.numpy", "import einroute.linalg"])
def test_import_brings_no_heavy_library(statement: str) -> None:
    # What NumPy itself imports is not ours to answer for.
    modules = _modules_after(statement) - _modules_after("import numpy, numpy.linalg")
    assert "einroute" in modules
    assert not {name for name in modules if name.partition(".")[0] in HEAVY}


@pytest.mark.parametrize(
    "call",
    [
        "er.einsum('ij,jk->ik', a, a)",
        "er.einsum('ij,jk,kl->il', a, a, a, optimize=True)",
        "er.tensordot(a, a, axes=1)",
        "er.matmul(a, a)",
        "er.linalg.multi_dot([a, a, a])",
        "[er.lstsq(a, a[0]) for _ in range(3)]",  # the third sight decomposes a
        "[er.lstsq(a + 1j, a) for _ in range(5)]",
        "[er.lstsq(np.ones((2, 3, 2)), a[0]) for _ in range(3)]",
        "[er.linalg.pinv(a) for _ in range(5)]",
        "[er.linalg.solve(a + np.eye(3), a) for _ in range(5)]",  # too small to be remembered
        "[er.linalg.inv(np.eye(40)) for _ in range(5)]",
        "er.linalg.solve(np.eye(40), np.ones(40))",  # LU factors come from SciPy: at a later sight
        "er.cache_info(), er.cache_clear(), er.set_config(prepare='now', cache_bytes=5)",
    ],
)
def test_dense_calls_bring_no_heavy_library(call: str) -> None:
    setup = "import numpy as np, einroute as er; a = np.ones((3, 3));"
    modules = _modules_after(setup + call) - _modules_after("import numpy, numpy.linalg")
    assert not {name for name in modules if name.partition(".")[0] in HEAVY}


@pytest.mark.parametrize("options", ["allow=['dense.matmul']", "forbid='dense.matmul'"])
def test_naming_routes_brings_no_optional_library(options: str) -> None:
    modules = _modules_after(f"import einroute as er\nwith er.config({options}): pass")
    optional = {"dask", "distributed", "torch", "cupy", "sparse"}
    assert not {name for name in modules if name.partition(".")[0] in optional}


def test_lstsq_is_what_was_factored() -> None:
    """That the calls above reach the factorization at all."""
    code = (
        "import numpy as np, einroute as er; a = np.diag([1.0, 2, 3]);"
        "[er.lstsq(a, a[0]) for _ in range(3)]; print(er.cache_info()['made'])"
    )
    assert printed(code) == "1"


def test_the_scipy_mirror_is_imported_by_nobody_else() -> None:
    modules = _modules_after("import einroute, einroute.numpy, einroute.linalg, einroute.scipy")
    assert "einroute.scipy.linalg" not in modules


def test_nothing_of_ours_imports_numba() -> None:
    """But what serves users' numba code, which numba itself loads."""
    source = Path(einroute.__file__).parent
    importing = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.split()[:1] in (["import"], ["from"])
        and line.split()[1].partition(".")[0] in {"numba", "llvmlite"}
    }
    assert importing <= {"_api/numba_extension.py"}
