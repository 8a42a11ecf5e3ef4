"""Sparse matrices compressed the other way: remembered by contents, never stale, made when it pays."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sparse

import einroute as er
from einroute._entries import csr_source
from einroute._entries.entries import Entries
from einroute._factors.cache import FACTORS
from einroute._factors.csr_cache import lookup_csr
from einroute._kinds.sparse.scipy import adopt
from tests.processes import printed

ROWS, COLUMNS = (0,), (1,)
#: Vectors from which a matrix that is compressed along the other axis is not taken as it is.
WIDE = 80


@pytest.fixture(autouse=True)
def anew(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(csr_source, "FEW", 0)
    usual = {name: er.get_config()[name] for name in ("prepare", "cache_bytes")}
    er.cache_clear()
    yield
    er.set_config(**usual)
    er.cache_clear()


def _csc(seed: int = 0, shape: tuple[int, int] = (40, 30)) -> Any:
    return sp.random_array(shape, density=0.2, format="csc", rng=np.random.default_rng(seed))


def _made() -> tuple[int, int]:
    info = er.cache_info()
    return info["made"], info["hits"]


@pytest.mark.parametrize("form", ["csc", "coo"])
def test_a_matrix_seen_twice_is_compressed_once(form: str) -> None:
    # Fewer coordinates are compressed by the core in each call.
    a, x = _csc(shape=(400, 300)).asformat(form), np.ones((300, WIDE))
    for number in range(4):
        np.testing.assert_allclose(er.dot(a.copy(), x), a.toarray() @ x)
        assert _made() == (min(number, 1), max(0, number - 1))


def test_it_is_there_in_every_process() -> None:
    code = (
        "import numpy as np, scipy.sparse as sp, einroute as er\n"
        "a = sp.random_array((2000, 300), density=0.05, format='csc', rng=np.random.default_rng(0))\n"
        "for _ in range(4): er.dot(a, np.ones((300, 80)))\n"
        "info = er.cache_info(); print(info['made'], info['hits'])\n"
    )
    made, hits = printed(code).split()
    assert int(made) == 1
    assert int(hits) >= 1


def test_changed_in_place_it_is_another_matrix() -> None:
    a, x = _csc(), np.arange(30.0 * WIDE).reshape(30, WIDE)
    for _ in range(3):
        er.dot(a, x)
    for change in (
        lambda: a.data.__setitem__(0, 99.0),
        lambda: a.indices.__setitem__(slice(None), a.indices[::-1].copy() % 40),
        lambda: a.indptr.__setitem__(slice(1, -1), a.nnz),
    ):
        change()
        for _ in range(3):
            np.testing.assert_allclose(er.dot(a, x), a.toarray() @ x)


def test_indices_are_checked_though_the_matrix_is_known() -> None:
    a, x = _csc(), np.ones((30, WIDE))
    for _ in range(3):
        er.dot(a, x)
    a.indices[0] = 40
    with pytest.raises(ValueError, match=r"operand 0 .* index 40, out of range"):
        er.dot(a, x)


def test_what_is_kept_is_nobody_elses_and_read_only() -> None:
    er.set_config(prepare="now")
    a = adopt(_csc())
    kept = lookup_csr(a, ROWS, COLUMNS)
    assert kept is not None
    assert lookup_csr(a, ROWS, COLUMNS) is kept
    for part in kept:
        assert not part.flags.writeable
        assert a.compressed is not None
        assert not any(
            np.may_share_memory(part, x) for x in (a.data, *(a.compressed.indptr, a.compressed.indices))
        )
    for part, right in zip(kept, a.csr(ROWS, COLUMNS), strict=True):
        np.testing.assert_array_equal(part, right)


@pytest.mark.parametrize("options", [{"prepare": "never"}, {"cache_bytes": 0}, {"cache_bytes": 100}])
def test_nothing_is_kept_where_that_is_not_wanted(options: dict[str, Any]) -> None:
    er.set_config(**options)
    a, x = _csc(), np.ones((30, WIDE))
    for _ in range(3):
        np.testing.assert_allclose(er.dot(a, x), a.toarray() @ x)
    assert FACTORS.info()["factorizations"] == 0
    assert lookup_csr(adopt(a), ROWS, COLUMNS) is None


def test_axes_and_formats_are_told_apart() -> None:
    er.set_config(prepare="now")
    cube = np.where(np.random.default_rng(0).random((4, 5, 6)) < 0.4, 2.0, 0.0)
    for new in (sparse.COO.from_numpy, sparse.GCXS.from_numpy, sp.coo_array):
        a = new(cube)
        for subscripts in ("ijk,kl->ijl", "ijk,jl->ikl", "ijk,il->jkl", "ijk,jl->kil"):
            x = np.random.default_rng(1).random(
                ({"i": 4, "j": 5, "k": 6}[subscripts.partition(",")[2][0]], 3)
            )
            for _ in range(2):
                np.testing.assert_allclose(er.einsum(subscripts, a, x), np.einsum(subscripts, cube, x))


def test_another_thread_that_changes_the_matrix_spoils_no_later_call() -> None:
    a, x = _csc(shape=(300, 300)), np.ones((300, WIDE))
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            a.data[:] = number = number + 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(50):
            er.dot(a, x)
    finally:
        stop.set()
        thread.join()
    for value in range(1, 30):  # every state that may have been kept
        a.data[:] = value
        np.testing.assert_allclose(er.dot(a, x), a.toarray() @ x)


def test_intermediates_are_not_remembered() -> None:
    a = adopt(_csc(shape=(30, 30)))
    fresh = Entries(a.shape, a.data, None, a.compressed, fresh=True)
    for _ in range(3):
        csr_source.compressed(fresh, ROWS, COLUMNS)
    assert FACTORS.info()["seen"] == FACTORS.info()["factorizations"] == 0
