"""An installation without pydata/sparse and numba: sparse and structured operands work all the same."""

from __future__ import annotations

import pytest

from tests.processes import printed, run_code

#: Makes both impossible to find, whether they are installed or not.
WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(("sparse", "numba", "llvmlite")))
import numpy as np, scipy.sparse as sp, einroute as er
rng = np.random.default_rng(0)
"""

SPARSE = """
er.set_config(prepare="now", on_densify="allow")
dense = rng.random((30, 40)) * (rng.random((30, 40)) < 0.2)
left, right = rng.random((6, 30)), rng.random((40, 50))
for name in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok"):
    for made in ("array", "matrix"):
        s = getattr(sp, f"{name}_{made}")(dense)
        np.testing.assert_allclose(er.einsum("ai,ij->aj", left, s), left @ dense)
        np.testing.assert_allclose(er.tensordot(s, right, axes=1), dense @ right)
        np.testing.assert_allclose(er.matmul(s, right.astype(np.float32)), dense @ right, rtol=1e-6)
        np.testing.assert_allclose(er.einsum("ij,kj->ik", s, s).toarray(), dense @ dense.T)
        np.testing.assert_allclose(er.einsum("ij,ai,jb->ab", s, left, right), left @ dense @ right)
        assert er.einsum("ij,j->ij", s, right[:, 0]).format == "csr"
square = sp.csr_array(dense[:, :30] + 9 * np.eye(30))
np.testing.assert_allclose(er.linalg.solve(square, left[0]), np.linalg.solve(square.toarray(), left[0]))
np.testing.assert_allclose(er.lstsq(square, left[0])[0], np.linalg.solve(square.toarray(), left[0]))
"""

STRUCTURED = """
er.set_config(prepare="now")
x, y, m = rng.random((300, 3)), rng.random((200, 3)), np.diag([1.0, 2, 3])
d = er.pairwise_difference(x, y)
full = x[:, None] - y
np.testing.assert_allclose(er.einsum("ijk,kl,ijl->ij", d, m, d), np.einsum("ijk,kl,ijl->ij", full, m, full))
labels = rng.integers(0, 7, 300)
np.testing.assert_allclose(er.einsum("tr,tc->rc", er.one_hot(labels, 7), x), np.eye(7)[labels].T @ x)
np.testing.assert_allclose(
    er.einsum("ijk,jk->ik", er.rolled(x, 5), y[:5]),
    np.einsum("jik,jk->ik", [np.roll(x, -j, 0) for j in range(5)], y[:5]),
)
"""


@pytest.mark.parametrize("program", [SPARSE, STRUCTURED], ids=["sparse", "structured"])
def test_operands_of_scipy_and_ours(program: str) -> None:
    ends = 'print(sorted(x for x in ("sparse", "numba") if sys.modules.get(x)))'
    assert printed(f"{WITHOUT}\n{program}\n{ends}") == "[]"


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("doctor", 0, "not installed"),
        ("explain ij,jk->ik 3x3 3x3", 0, "einsum ij,jk->ik"),
    ],
)
def test_commands(command: str, code: int, says: str) -> None:
    done = run_code(
        f"{WITHOUT}\nimport runpy\nsys.argv[1:] = {command.split()!r}\n"
        "runpy.run_module('einroute', run_name='__main__')"
    )
    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr


def test_naming_a_route_needs_neither() -> None:
    assert (
        printed(f"{WITHOUT}\nwith er.config(forbid='sparse.tiles'): print(er.einsum('i->', np.ones(3)))")
        == "3.0"
    )
