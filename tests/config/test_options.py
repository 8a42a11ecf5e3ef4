"""Every option for every kind of operand: its effect, or a refusal, as the table of docs/options.md says."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sparse

import einroute as er
from einroute._config.state import PROCESS_WIDE
from tests.sparse_helpers import written_out

PAGE = Path(__file__).parents[2] / "docs" / "options.md"
RNG = np.random.default_rng(0)
N = 6
BASE = RNG.integers(-3, 4, (N, N)) * (RNG.random((N, N)) < 0.6) * 1.0

#: Operands of shape (N, N) by kind, and the group that the table has them in.
KINDS: dict[str, tuple[str, Any]] = {
    "ndarray": ("dense", BASE),
    "csr_array": ("sparse", sp.csr_array(BASE)),
    "csc_matrix": ("sparse", sp.csc_matrix(BASE)),
    "coo_array": ("sparse", sp.coo_array(BASE)),
    "COO": ("sparse", sparse.COO.from_numpy(BASE)),
    "GCXS": ("sparse", sparse.GCXS.from_numpy(BASE)),
    "one_hot": ("structured", er.one_hot(np.arange(N) * 2 % N, N)),
    "rolled": ("structured", er.rolled(BASE[0], N)),
}
OTHER = RNG.standard_normal((N, N))


def both(function: Callable[..., Any], theirs: Callable[..., Any], x: Any, *head: Any, **options: Any) -> Any:
    """A product of an operand and a dense one, in both orders, beside NumPy's; the last result."""
    result = None
    for a, b in ((x, OTHER), (OTHER, x)):
        expected = theirs(*head, written_out(a), written_out(b), **options)
        result = function(*head, a, b, **options)
        np.testing.assert_allclose(written_out(result), expected)
        assert result.dtype == expected.dtype
    return result


def refused(call: Callable[[], Any]) -> None:
    with pytest.raises((TypeError, ValueError, RuntimeError)) as caught:
        call()
    assert len(str(caught.value)) > 20


def dtype(x: Any) -> None:
    assert both(er.einsum, np.einsum, x, "ij,jk->ik", dtype="c16").dtype == complex
    assert both(er.matmul, np.matmul, x, dtype="c16").dtype == complex
    assert both(er.vecdot, np.vecdot, x, dtype="c16").dtype == complex


def order(x: Any) -> None:
    for letter, flag in (("C", "c_contiguous"), ("F", "f_contiguous")):
        assert getattr(both(er.einsum, np.einsum, x, "ij,jk->ik", order=letter).flags, flag)
        assert getattr(both(er.matmul, np.matmul, x, order=letter).flags, flag)


def casting(x: Any) -> None:
    refused(lambda: er.einsum("ij,jk->ik", x, OTHER, dtype="f4"))
    refused(lambda: er.matmul(x, OTHER, dtype="i8"))
    for function, head in ((er.einsum, ("ij,jk->ik",)), (er.matmul, ())):
        result = function(*head, x, OTHER, dtype="f4", casting="same_kind")
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, written_out(x) @ OTHER, rtol=1e-5, atol=1e-5)


def out(x: Any) -> None:
    for function, theirs, head in (
        (er.einsum, np.einsum, ("ij,jk->ik",)),
        (er.matmul, np.matmul, ()),
        (er.dot, np.dot, ()),
        (er.vecdot, np.vecdot, ()),
    ):
        expected = theirs(*head, written_out(x), OTHER)
        given = np.full(expected.shape, 7.0)
        assert function(*head, x, OTHER, out=given) is given
        np.testing.assert_allclose(given, expected)
        refused(lambda f=function, h=head, e=expected: f(*h, x, OTHER, out=np.empty((*e.shape, 2))))


def out_of_a_sparse_result(x: Any) -> None:
    refused(lambda: er.einsum("ij,ij->ij", x, OTHER, out=np.empty((N, N))))


def axes(x: Any) -> None:
    both(er.matmul, np.matmul, x, axes=[(1, 0), (0, 1), (0, 1)])
    both(er.tensordot, np.tensordot, x, axes=([0], [1]))
    both(er.tensordot, np.tensordot, x, axes=2)


def axis(x: Any) -> None:
    both(er.vecdot, np.vecdot, x, axis=0)


def keepdims(x: Any) -> None:
    assert both(er.vecdot, np.vecdot, x, keepdims=True).shape == (N, 1)


def optimize_true(x: Any) -> None:
    """A full contraction is of the type that NumPy's is, and out= is cast to."""
    right = written_out(x)
    for subscripts, operands, full in (
        ("ij,ij->", (x, OTHER), (right, OTHER)),
        ("ij,jk->ik", (x, OTHER), (right, OTHER)),
    ):
        expected = np.einsum(subscripts, *full, optimize=True)
        result = er.einsum(subscripts, *operands, optimize=True)
        np.testing.assert_allclose(written_out(result), expected)
    given = np.empty((N, N), np.float32)
    try:
        np.einsum("ij,jk->ik", right, OTHER, out=given, optimize=True)
    except TypeError:  # before NumPy 2.4, whose loops cast nothing into out
        return
    assert er.einsum("ij,jk->ik", x, OTHER, out=given, optimize=True) is given
    np.testing.assert_allclose(given, right @ OTHER, rtol=1e-5, atol=1e-5)


def optimize_named(x: Any) -> None:
    expected = written_out(x) @ OTHER @ OTHER
    for way in ("greedy", "optimal"):
        np.testing.assert_allclose(er.einsum("ij,jk,kl->il", x, OTHER, OTHER, optimize=way), expected)
    refused(lambda: er.einsum("ij,jk,kl->il", x, OTHER, OTHER, optimize=7))


def optimize_path(x: Any) -> None:
    """The steps are those of the path, also where another order costs a thousandth of it."""
    wide, thin = np.ones((N, 2)), np.ones((2, N))
    expected = written_out(x) @ wide @ thin
    for path in ([(0, 1), (0, 1)], [(1, 2), (0, 1)], [(0, 1, 2)]):
        given = ["einsum_path", *path]
        np.testing.assert_allclose(er.einsum("ij,jk,kl->il", x, wide, thin, optimize=given), expected)
    text = str(er.explain("ij,jk,kl->il", x, wide, thin, optimize=["einsum_path", (1, 2), (0, 1)]))
    assert re.search(r"\bjk,kl->", text)
    text = str(er.explain("ij,jk,kl->il", x, wide, thin, optimize=["einsum_path", (0, 1), (0, 1)]))
    assert re.search(r"\bij,jk->", text)
    refused(lambda: er.einsum("ij,jk,kl->il", x, wide, thin, optimize=["einsum_path", (0, 1)]))


def network(x: Any) -> tuple[tuple[Any, ...], np.ndarray]:
    """A contraction whose cheapest order has an intermediate of 64 KiB, and its right value."""
    a, b = RNG.standard_normal((N, 64, 128)), RNG.standard_normal((64, 128, 3))
    return ("ij,jbc,bcd->id", x, a, b), np.einsum("ij,jbc,bcd->id", written_out(x), a, b, optimize=True)


def optimize_limit(x: Any) -> None:
    call, expected = network(x)
    for n in (0, 100, 10**9):
        np.testing.assert_allclose(er.einsum(*call, optimize=("greedy", n)), expected)


def memory_limit(x: Any) -> None:
    """A path through a large intermediate is cut, or done without it."""
    a, b = RNG.standard_normal((200, N)), RNG.standard_normal((N, 300))
    path = ["einsum_path", (0, 1), (0, 1)]
    call = ("ai,ij,jb->ab", a, x, b)
    expected = a @ written_out(x) @ b
    np.testing.assert_allclose(er.einsum(*call, optimize=path), expected)
    free = er.explain(*call, optimize=path)
    with er.config(memory_limit=2000):
        np.testing.assert_allclose(er.einsum(*call, optimize=path), expected)
        bounded = er.explain(*call, optimize=path)
    assert str(free) != str(bounded) or peak(free) <= 2000
    assert peak(bounded) <= max(2000, peak(free) // 2)


def peak(explained: Any) -> int:
    outline = explained.outline
    inner = [part.peak or 0 for step in outline.steps for part in step.inner]
    return max([outline.peak or 0, *inner])


def reproducible(x: Any) -> None:
    """One BLAS thread at work, whatever the operands are."""
    big = RNG.standard_normal((N, 400))
    with er.config(reproducible=True):
        first = er.einsum("ij,jk->ik", x, big)
        np.testing.assert_array_equal(written_out(er.einsum("ij,jk->ik", x, big)), written_out(first))
        text = str(er.explain("ij,jk->ik", x, big))
    assert "by sparse.tiles" not in text
    assert "by difference.compiled" not in text
    np.testing.assert_allclose(written_out(first), written_out(x) @ big)


def strict(x: Any) -> None:
    with er.config(strict=True):
        np.testing.assert_allclose(written_out(er.einsum("ij,jk->ik", x, OTHER)), written_out(x) @ OTHER)
        np.testing.assert_allclose(written_out(er.matmul(x, OTHER)), written_out(x) @ OTHER)
        refused(lambda: er.einsum("ij,jk->ik", x, OTHER.astype(object)))


def on_densify(x: Any) -> None:
    """Of large operands: rows of a million, of which a product with one column makes 8 MB and more."""
    large: Any = x
    if isinstance(x, sparse.SparseArray) or sp.issparse(x):
        n = 30_000
        entries = (np.ones(2), (np.array([0, n - 1]), np.array([0, n - 1])))
        large = sp.csr_array(entries, shape=(n, n))
        call: Callable[[], Any] = lambda: er.einsum("ij,j->i", large, np.ones(n))
        call()
        with er.config(on_densify="raise"), pytest.raises(ValueError, match="dense"):
            er.einsum("ij,k->ijk", large[:3000], np.ones(1000), out=None)
        return
    hot = er.one_hot(np.zeros(20_000, int), 1000)
    with er.config(on_densify="raise"), pytest.raises(ValueError, match="written out"):
        np.exp(hot)
    with er.config(on_densify="warn"), warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(er.DensifyWarning):
            np.exp(hot)


def _taken(x: Any) -> str:
    return er.explain("ij,jk->ik", x, OTHER).outline.steps[0].route


def allow(x: Any) -> None:
    with er.config(allow="dense.copy"):
        refused(lambda: er.einsum("ij,jk->ik", x, OTHER))
    with er.config(forbid=()):
        np.testing.assert_allclose(written_out(er.einsum("ij,jk->ik", x, OTHER)), written_out(x) @ OTHER)


def forbid(x: Any) -> None:
    first = _taken(x)
    with er.config(forbid=first):
        assert _taken(x) != first
        np.testing.assert_allclose(written_out(er.einsum("ij,jk->ik", x, OTHER)), written_out(x) @ OTHER)


def threads(x: Any) -> None:
    big = RNG.standard_normal((N, 5000))
    expected = written_out(x) @ big
    for count in (1, 2, 3):
        with er.config(threads=count):
            np.testing.assert_allclose(written_out(er.einsum("ij,jk->ik", x, big)), expected)
            assert er.get_config()["threads"] == count
    refused(lambda: er.set_config(threads=0))


def tune(x: Any) -> None:
    big = RNG.standard_normal((N, 3000))  # smaller ones are answered without a plan
    call = ("ij,jk->ik", x, big)
    expected = written_out(x) @ big
    try:
        for way in ("never", "same", "free", "now"):
            with er.config(tune=way):
                np.testing.assert_allclose(written_out(er.einsum(*call)), expected)
                assert ("by trials" in str(er.explain(*call))) == (way == "now")
        with er.config(tune="never"):
            assert "by trials" not in str(er.explain(*call))
    finally:
        er.wisdom.forget()
    refused(lambda: er.set_config(tune="always"))


CHECKS: dict[str, Callable[[Any], None]] = {
    "`dtype=`": dtype,
    "`order=`": order,
    "`casting=`": casting,
    "`out=`": out,
    "`out=` for a sparse result": out_of_a_sparse_result,
    "`axes=`": axes,
    "`axis=`": axis,
    "`keepdims=True`": keepdims,
    "`optimize=True`": optimize_true,
    '`optimize="greedy"`, `"optimal"`': optimize_named,
    '`optimize=["einsum_path", ...]`': optimize_path,
    '`optimize=("greedy", n)`': optimize_limit,
    "`memory_limit`": memory_limit,
    "`reproducible`": reproducible,
    "`strict`": strict,
    "`on_densify`": on_densify,
    "`allow`": allow,
    "`forbid`": forbid,
    "`threads`": threads,
    "`tune`": tune,
}


def table(first: str = "option") -> dict[str, dict[str, str]]:
    """The cells of the page's tables by option and group; of those whose first column is called so."""
    found: dict[str, dict[str, str]] = {}
    heads: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells or set(cells[0]) <= {"-"}:
            continue
        if cells[0] in {"option", "option, of other libraries"}:
            heads = cells if cells[0] == first else []
            continue
        if not heads:
            continue
        found[cells[0]] = dict(zip(heads[-3:], cells[-3:], strict=True))
    return found


TABLE = table()


def test_the_table_is_whole() -> None:
    assert TABLE.keys() == CHECKS.keys()
    assert {cell for cells in TABLE.values() for cell in cells.values()} <= {"yes", "refused", "-"}
    assert all(cells.keys() == {"dense", "sparse", "structured"} for cells in TABLE.values())
    options = set(er.get_config()) - set(PROCESS_WIDE)  # which are of what is kept, not of operands
    assert {f"`{option}`" for option in options} <= TABLE.keys()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("option", CHECKS)
def test_an_option_has_its_effect_or_is_refused(option: str, kind: str) -> None:
    group, operand = KINDS[kind]
    cell = TABLE[option][group]
    check = CHECKS[option]
    if cell == "yes":
        check(operand)
    elif cell == "refused":
        if check is out_of_a_sparse_result:
            check(operand)
        else:
            with pytest.raises((TypeError, ValueError), match=r"keepdims"):
                check(operand)
