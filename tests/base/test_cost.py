"""What moving bytes is estimated to take."""

from __future__ import annotations

import pytest

from einroute._base.cost import moving
from einroute._base.machine import SHIPPED, using


def test_memory_takes_over_from_the_last_level_cache_by_degrees():
    with using(SHIPPED):
        full = SHIPPED.shared_bytes
        assert moving(1.02 * full) < 1.1 * moving(full)
        assert moving(200 * full) == pytest.approx(200 * full / SHIPPED.memory, rel=0.01)
        each = [moving(n * full) / n for n in (0.1, 0.5, 1, 1.5, 2, 4, 8, 16)]
        assert each == sorted(each)
