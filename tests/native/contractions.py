"""Random contractions, right and wrong, and operands of them in any layout."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

DTYPES = "?bBhHiIlLqQfdFD"


def strange(rng: random.Random, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """An array of small whole numbers with steps of any sign, also 0, perhaps unaligned."""
    item = np.dtype(dtype).itemsize
    steps = [rng.choice((-3, -2, -1, 0, 1, 1, 1, 2, 5)) for _ in shape]
    strides: dict[int, int] = {}
    reach, start = 1, 0
    for axis in rng.sample(range(len(shape)), len(shape)):
        step, n = steps[axis], shape[axis]
        strides[axis] = step * reach * item
        start += max(0, -(n - 1) * step * reach * item)
        reach *= max(1, (n - 1) * abs(step) + 1)
    shift = rng.choice((0, 0, 1, 4))
    memory = np.zeros(reach * item + shift, "u1")
    signed = np.dtype(dtype).kind in "ifc"
    numbers = np.random.default_rng(rng.randrange(1000)).integers(-4 if signed else 0, 5, reach)
    memory[shift:] = np.frombuffer(numbers.astype(dtype), "u1")
    base = memory[shift + start :][:item].view(dtype)
    return as_strided(base, shape, [strides[axis] for axis in range(len(shape))])


def drawn(rng: random.Random, *, labels: str = "abcdXY", most: int = 5) -> tuple[str, list[np.ndarray]]:
    """Subscripts that einsum may also refuse, and operands; some axes of length 1 are broadcast."""
    sizes = {c: rng.choice((1, 2, 3, 4, 9)) for c in labels}
    inputs = ["".join(rng.choices(labels, k=rng.randint(0, 3))) for _ in range(rng.randint(1, most))]
    subscripts = rng.choice((",", " , ")).join(inputs)
    if rng.random() < 0.8:
        there = sorted(set("".join(inputs)))
        subscripts += "->" + "".join(rng.sample(there, rng.randint(0, len(there))))
    if rng.random() < 0.05:
        at = rng.randrange(len(subscripts) + 1)
        subscripts = subscripts[:at] + rng.choice("a,->.é0 Z") + subscripts[at:]
    dtype = rng.choice(DTYPES)
    arrays = []
    for own in inputs:
        broadcast = {c: rng.random() < 0.1 for c in own}
        shape = [1 if broadcast[c] else sizes[c] for c in own]
        if shape and rng.random() < 0.03:
            shape[rng.randrange(len(shape))] = rng.choice((0, 1, 5))
        arrays.append(strange(rng, tuple(shape), dtype))
    return subscripts, arrays


def same(result: Any, right: Any) -> bool:
    """Whether a result of whole numbers is NumPy's, to its type."""
    return (
        type(result) is type(right)
        and result.dtype == right.dtype
        and result.dtype.char == right.dtype.char
        and result.shape == right.shape
        and np.array_equal(result, right)
    )
