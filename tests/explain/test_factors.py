"""What `explain` says of lstsq, solve, inv and pinv, and that it is what happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.sparse

import einroute as er
import einroute.scipy.linalg as scipys

A = np.random.default_rng(0).standard_normal((50, 50))
B = np.ones(50)
CALLS = [
    (er.lstsq, (A, B), "factors.svd", "numpy.linalg.lstsq"),
    (er.linalg.pinv, (A,), "factors.svd", "numpy.linalg.pinv"),
    (er.linalg.solve, (A, B), "factors.lu", "numpy.linalg.solve"),
    (er.linalg.inv, (A,), "factors.inverse", "numpy.linalg.inv"),
    (scipys.lstsq, (A, B), "factors.svd", "scipy.linalg.lstsq"),
    (scipys.pinv, (A,), "factors.svd", "scipy.linalg.pinv"),
    (scipys.solve, (A.astype("f4"), B.astype("f4")), "factors.lu", "scipy.linalg.solve"),
    (scipys.inv, (A,), "factors.inverse", "scipy.linalg.inv"),
]


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    er.cache_clear()
    yield
    er.set_config(prepare="auto")
    er.cache_clear()


@pytest.mark.parametrize(("function", "args", "kept", "mirrored"), CALLS)
def test_each_sight(function: Any, args: tuple[Any, ...], kept: str, mirrored: str) -> None:
    said = []
    for _ in range(5):
        explained = er.explain(function, *args)
        hits, made = er.cache_info()["hits"], er.cache_info()["made"]
        function(*args)
        now = er.cache_info()
        said.append((explained.cache, explained.routes[0], now["made"] - made, now["hits"] - hits))
    first, due = said[0], [one for one in said if one[2]]
    assert first[:2] == ("miss, never seen", mirrored)
    assert [one[1] for one in due] == [kept]  # it is made once, and explain had said so
    assert said[-1] == ("hit", kept, 0, 1)


def test_asking_does_not_make_a_matrix_seen() -> None:
    for _ in range(5):
        assert er.explain(er.lstsq, A, B).cache == "miss, never seen"
    assert er.cache_info()["seen"] == er.cache_info()["misses"] == 0


@pytest.mark.parametrize(
    ("function", "args", "options", "reason"),
    [
        (er.lstsq, (A, B), {"rcond": [0.1]}, "NumPy's to judge"),
        (er.linalg.pinv, (A,), {"hermitian": True}, "NumPy's own to answer"),
        (er.linalg.inv, (np.eye(3),), {}, "too small"),
        (er.linalg.solve, (np.eye(3), np.ones(3)), {}, "too small"),
        (scipys.solve, (A, B), {"assume_a": "pos"}, "SciPy's to judge"),
        (scipys.lstsq, (np.ma.array(A), B), {}, "SciPy's to judge"),
    ],
)
def test_why_the_cache_is_not_asked(
    function: Any, args: tuple[Any, ...], options: dict[str, Any], reason: str
) -> None:
    explained = er.explain(function, *args, **options)
    assert explained.cache == "not asked"
    assert reason in explained.method
    assert "linalg" in explained.routes[0]


def test_scipys_cutoffs() -> None:
    a = np.diag([1.0, 1e-2, 1e-6])
    er.set_config(prepare="now")
    scipys.pinv(a)
    for options, rank in (({}, 3), ({"rtol": 1e-4}, 2), ({"atol": 1e-4}, 2), ({"atol": 0.1, "rtol": 0.1}, 1)):
        assert scipys.pinv(a, return_rank=True, **options)[1] == rank
        assert f"rank {rank}" in str(er.explain(scipys.pinv, a, **options))
    assert "rank 2" in str(er.explain(scipys.lstsq, a, B[:3], 1e-4))


def test_settings_are_named() -> None:
    er.set_config(prepare="never")
    assert "set_config" in er.explain(er.lstsq, A, B).method


def test_a_singular_value_near_the_cutoff() -> None:
    er.set_config(prepare="now")
    a = np.diag([1.0, 1e-3, 1e-5])
    er.lstsq(a, B[:3])
    assert er.explain(er.lstsq, a, B[:3]).routes == ("factors.svd",)
    near = er.explain(er.lstsq, a, B[:3], rcond=1.1e-5)
    assert near.cache == "hit"
    assert near.routes == ("numpy.linalg.lstsq",)
    assert "near the cutoff" in str(near)


def test_stand_ins_and_explicit_factors() -> None:
    class Facts:
        shape = (100, 20)
        dtype = np.dtype(float)

    assert er.explain(er.lstsq, Facts(), np.ones(100)).cache == "unknown"
    explicit = er.explain(er.lstsq, er.factorize(A), B)
    assert explicit.routes == ("factors.svd",)
    assert explicit.seconds > 0


def test_sparse_matrices() -> None:
    a = scipy.sparse.csc_array(np.diag(np.arange(1.0, 60.0)))
    for function, route in ((er.lstsq, "factors.sparse_lstsq"), (er.linalg.solve, "factors.sparse_lu")):
        assert er.explain(function, a, np.ones(59)).cache == "miss"
        function(a, np.ones(59))
        explained = er.explain(function, a, np.ones(59))
        assert explained.cache == "hit"
        assert explained.routes == (route,)
        assert "59 non-zeros" in str(explained)
