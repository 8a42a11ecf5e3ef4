"""Whether all numbers of an array are finite, of every layout and size."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from einroute._native.finite import finite


@pytest.mark.parametrize("count", [1, 3000, 5000, 40_000])
@pytest.mark.parametrize("char", "efdgFDG")
def test_every_number_counts(char: str, count: int) -> None:
    large = np.finfo(char).max
    x = np.full((2 * count, 2), large, char)[::2]
    bads = (np.nan, -np.inf, complex(0, np.inf))[: 3 if x.dtype.kind == "c" else 2]
    with np.errstate(all="ignore"):
        for array in (x[:, 0], x.T, x[::-1], np.ascontiguousarray(x), x.astype(x.dtype.newbyteorder())):
            assert finite(array)
            for at, bad in product((0, -1), bads):
                wrong = array.copy("K")
                wrong.flat[at] = bad
                assert not finite(wrong)


def test_what_is_read_only_or_unaligned_or_stands_still() -> None:
    raw = np.ones(8 * 20_000 + 1, "u1")[1:].view("f8")
    raw[...] = 1.0
    assert finite(raw)
    still = np.broadcast_to(np.ones((20_000, 1)), (20_000, 3))
    assert finite(still)
    assert finite(np.ones((0, 3)))
    raw[-1] = np.nan
    assert not finite(raw)
