"""What is remembered of matrices that were seen: by their bytes, the latest ones, and those that are kept."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import einroute as er
from einroute._factors import cache
from einroute._factors.cache import KEPT, NEW, REFUSED, FactorCache
from tests.linalg_helpers import SIGHTS

RNG = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    er.cache_clear()
    yield
    er.cache_clear()


class Kept:
    """Factors, to the cache."""

    nbytes = 100


def digest(i: int) -> bytes:
    return b"%016d" % i


def key(i: int, shape: tuple[int, int] = (4, 3)) -> tuple[bytes, str, tuple[int, int]]:
    return digest(i), "svd", shape


class TestCache:
    def test_first_later_and_kept(self) -> None:
        own = FactorCache(1 << 20, "auto")
        assert own.peek(key(1)) is NEW
        assert own.is_new(digest(1), 5)
        assert not own.is_new(digest(1), 5)
        assert own.peek(key(1)) == (1, 5)
        assert own.meet(key(1), 2) == (1, 5)
        assert own.meet(key(1), 2) == (2, 7)
        factors = Kept()
        assert own.obtain(key(1), lambda: (key(1), factors)) is factors
        assert not own.is_new(digest(1), 5)
        assert own.meet(key(1), 2) is own.peek(key(1)) is own.find(key(1)) is factors
        assert own.info() | {"bytes": 0} == {
            "factorizations": 1, "bytes": 0, "max_bytes": 1 << 20, "seen": 0, "hits": 2, "misses": 3,
            "made": 1, "evicted": 0,
        }  # fmt: skip

    def test_what_has_no_factors_is_not_new_again(self) -> None:
        own = FactorCache(1 << 20, "auto")
        assert own.is_new(digest(1), 5)
        assert own.obtain(key(1), lambda: (key(1), None)) is None
        assert not own.is_new(digest(1), 5)
        assert own.meet(key(1), 1) is own.meet(key(1), 1) is REFUSED

    def test_the_same_bytes_in_another_shape_are_no_hit(self) -> None:
        own = FactorCache(1 << 20, "auto")
        factors = Kept()
        own.obtain(key(1), lambda: (key(1), factors))
        other = key(1, (6, 2))
        assert not own.is_new(digest(1), 5)
        assert own.peek(other) is NEW
        assert own.find(other) is None
        assert own.meet(other, 5) is NEW
        assert own.meet(other, 5) == (1, 5)
        assert own.meet(key(1), 5) is factors

    def test_what_is_evicted_is_new_again(self) -> None:
        own = FactorCache(2 * (100 + cache.OVERHEAD), "auto")
        for i in range(3):
            assert own.is_new(digest(i), 1)
            own.obtain(key(i), lambda i=i: (key(i), Kept()))
        assert own.info()["evicted"] == 1
        assert own.is_new(digest(0), 1)
        assert not own.is_new(digest(1), 1)
        own.resize(0)
        assert own.is_new(digest(1), 1)

    @pytest.mark.parametrize("kept", [0, 5, 60])
    def test_the_latest_are_remembered_and_all_that_are_kept(
        self, monkeypatch: pytest.MonkeyPatch, kept: int
    ) -> None:
        """Also where more are kept than are remembered otherwise."""
        monkeypatch.setattr(cache, "SEEN", 10)
        own = FactorCache(1 << 20, "auto")
        for i in range(kept):
            own.obtain(key(i), lambda i=i: (key(i), Kept()))
        for i in range(kept, 500):
            assert own.is_new(digest(i), 1)
            assert all(not own.is_new(digest(n), 1) for n in range(max(kept, i - 9), i + 1))
            assert all(not own.is_new(digest(n), 1) for n in range(kept))
            assert own.info()["seen"] <= 21
        assert sum(sight is KEPT for sight in own._seen.values()) == kept

    def test_many_that_are_seen_twice(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cache, "SEEN", 10)
        own = FactorCache(1 << 20, "now")
        for i in range(500):
            assert own.meet(key(i), 1) is NEW
            assert own.meet(key(i), 1) == (1, 1)
        assert own.info()["seen"] <= 21


def test_each_way_counts_its_own() -> None:
    a, b = RNG.random((8, 8)), RNG.random(8)
    for _ in range(SIGHTS):
        er.lstsq(a, b)
    before = er.cache_info()["factorizations"]
    er.linalg.solve(a, b)
    assert er.cache_info()["factorizations"] == before == 1


def test_orders_and_dtypes_of_the_same_bytes() -> None:
    a = RNG.random((6, 6))
    for _ in range(4):
        for one in (a, a.T, np.asfortranarray(a), a.reshape(9, 4), a.reshape(12, 3), a.view("i8")):
            b = RNG.random(len(one))
            for ours, theirs in zip(er.lstsq(one, b), np.linalg.lstsq(one, b), strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)
