"""Random operands: values of every range, in every memory layout NumPy can express.

An array is returned with its root, the array that owns the memory, so that a case can check afterwards that
nothing in it changed, and can put it back after a call which wrote to ``out``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "float32", "float64", "longdouble")
COMPLEX = ("complex64", "complex128", "clongdouble")
DTYPES = ("bool", *INTEGERS, *FLOATS, *COMPLEX)
# The common ones more often, since it is there that most routes work.
WEIGHTS = np.array([2.0, 2, 1, 2, 4, 1, 1, 1, 1, 2, 4, 7, 1, 2, 3, 0.5])
WEIGHTS /= WEIGHTS.sum()

LAYOUTS = (
    "C", "F", "transposed", "steps", "negative", "broadcast", "overlapping", "unaligned", "field", "offset",
)  # fmt: skip
MODES = ("small", "middle", "full", "normal", "wide", "huge", "special")


@dataclass(frozen=True, eq=False)
class Laid:
    """An array in some layout, and the array that owns its memory."""

    array: np.ndarray
    root: np.ndarray


def pick(rng: np.random.Generator, options: Any, p: Any = None) -> Any:
    """One of `options`, without NumPy turning them into an array."""
    return options[int(rng.choice(len(options), p=p))]


def draw_dtype(rng: np.random.Generator) -> np.dtype:
    """A dtype, in 6 of 100 of non-native byte order."""
    dtype = np.dtype(pick(rng, DTYPES, WEIGHTS))
    return dtype.newbyteorder() if rng.random() < 0.06 else dtype


def draw_mode(rng: np.random.Generator) -> str:
    """How large the values of a case are; one mode a case."""
    return str(pick(rng, MODES, [0.35, 0.15, 0.1, 0.24, 0.08, 0.02, 0.06]))


def _real(rng: np.random.Generator, size: int, dtype: np.dtype, mode: str, n_operands: int) -> np.ndarray:
    if mode in ("small", "middle", "full"):
        return rng.integers(-3, 4, size).astype(dtype)
    values = rng.standard_normal(size)
    if mode == "wide":
        # So wide that no order of multiplication can over- or underflow: that is mode "huge".
        decades = float(np.log10(np.finfo(dtype).max)) / (3 * n_operands)
        return (
            values.astype(np.longdouble) * np.longdouble(10) ** rng.uniform(-decades, decades, size)
        ).astype(dtype)
    if mode == "huge":
        top = np.finfo(dtype).max
        choices = np.array([top / 2, -top / 2, 1 / np.sqrt(top), 0, 1, 2], dtype=dtype)
        return choices[rng.integers(0, len(choices), size)]
    if mode == "special" and size:
        where = rng.integers(0, size, max(1, int(size * pick(rng, (0.0, 0.05, 0.3)))))
        values[where] = rng.choice([np.nan, np.inf, -np.inf, 0.0], where.size)
        values[rng.random(size) < 0.1] = 0.0
    return values.astype(dtype)


def draw_values(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype, mode: str, n_operands: int
) -> np.ndarray:
    """A C-ordered array of random values."""
    size = int(np.prod(shape, dtype=np.int64))
    native = dtype.newbyteorder("=")
    if dtype.kind == "O":
        flat: Any = np.array([int(v) for v in rng.integers(-9, 10, size)] + [None], dtype=object)[:-1]
    elif dtype.kind == "b":
        flat = rng.random(size) < pick(rng, (0.05, 0.5, 0.95))
    elif dtype.kind in "iu":
        info = np.iinfo(native)
        low, high = max(info.min, -3), 4
        if mode == "full":
            low, high = info.min, info.max
        elif mode == "middle":
            bits = int(rng.integers(1, info.bits - (info.min < 0) + 1))
            low, high = max(info.min, -(2**bits) + 1), min(info.max, 2**bits - 1)
        flat = rng.integers(low, high, size, dtype=native, endpoint=True)
    elif dtype.kind == "c":
        real = native.type(0).real.dtype
        flat = np.empty(size, native)
        flat.real = _real(rng, size, real, mode, n_operands)
        flat.imag = _real(rng, size, real, mode, n_operands)
    else:
        flat = _real(rng, size, native, mode, n_operands)
    return np.asarray(flat).reshape(shape).astype(dtype, copy=False)


def _strided(values: np.ndarray, order: np.ndarray, steps: list[int], lead: int) -> Laid:
    """`values` in a larger buffer: axes nested in `order`, every `steps`-th element, `lead` before."""
    spans = [max(n, 1) * abs(s) for n, s in zip(values.shape, steps, strict=True)]
    buffer = np.zeros(lead + int(np.prod(spans, dtype=np.int64)) + 1, values.dtype)
    nested = buffer[lead:-1].reshape([spans[axis] for axis in order])
    view = nested.transpose(np.argsort(order))
    view = view[(*(slice(None, None, s) for s in steps), ...)]
    view = view[(*(slice(0, n) for n in values.shape), ...)]
    view[...] = values
    return Laid(view, buffer)


def lay_out(rng: np.random.Generator, values: np.ndarray, layout: str) -> Laid:
    """`values` in `layout`. "broadcast" and "overlapping" cannot hold any values: they keep some of them."""
    n, dtype = values.ndim, values.dtype
    identity = np.arange(n)
    ones = [1] * n
    if layout in ("unaligned", "field") and not dtype.hasobject:
        if layout == "unaligned":
            buffer: np.ndarray = np.zeros(values.nbytes + 1, np.uint8)
            view = np.ndarray(values.shape, dtype, buffer=buffer, offset=1)
        else:
            buffer = np.zeros(values.shape, [("tag", np.int8), ("value", dtype)])
            view = buffer["value"]
        view[...] = values
        return Laid(view, buffer)
    if layout == "F":
        return _strided(values, identity[::-1], ones, 0)
    if layout == "transposed":
        return _strided(values, rng.permutation(n), ones, 0)
    if layout == "steps":
        return _strided(values, rng.permutation(n), [int(s) for s in rng.integers(1, 4, n)], 0)
    if layout == "negative":
        return _strided(values, rng.permutation(n), [int(s) for s in rng.choice([-2, -1, 1], n)], 0)
    if layout == "offset":
        return _strided(values, identity, ones, int(rng.integers(1, 4)))
    if layout == "broadcast" and n and values.size:
        keep = tuple(slice(0, 1) if rng.random() < 0.5 else slice(None) for _ in range(n))
        root = values[keep].copy()
        return Laid(np.broadcast_to(root, values.shape), root)
    if layout == "overlapping" and n and values.size:
        steps = [int(s) for s in rng.integers(0, 4, n)]
        reach = 1 + sum((length - 1) * s for length, s in zip(values.shape, steps, strict=True))
        root = np.resize(values.reshape(-1), reach).astype(dtype)
        strides = tuple(s * dtype.itemsize for s in steps)
        if dtype.hasobject:
            return Laid(np.lib.stride_tricks.as_strided(root, values.shape, strides), root)
        return Laid(np.ndarray(values.shape, dtype, buffer=root, strides=strides), root)
    return _strided(values, identity, ones, 0)


def draw_operand(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    dtype: np.dtype,
    mode: str,
    n_operands: int,
) -> Laid:
    """An operand in a random layout, in 1 of 10 read-only."""
    values = draw_values(rng, shape, dtype, mode, n_operands)
    laid = lay_out(rng, values, "C" if rng.random() < 0.4 else pick(rng, LAYOUTS))
    if rng.random() < 0.1 and laid.array is not laid.root:
        laid.array.flags.writeable = False
    return laid


def draw_out(
    rng: np.random.Generator, like: np.ndarray, dtype: np.dtype, operands: list[Laid]
) -> tuple[Laid, bool]:
    """An array to write a result shaped like `like` into, and whether it lies in an operand's memory."""
    if rng.random() < 0.3:
        fits = [
            o.root for o in operands
            if o.root.dtype == dtype and o.root.size >= like.size and o.root.flags.writeable and like.size
        ]  # fmt: skip
        if fits:
            root = pick(rng, fits)
            start = int(rng.integers(0, root.size - like.size + 1))
            flat = root.reshape(-1)[start : start + like.size]
            return Laid(flat.reshape(like.shape, order=pick(rng, "CF")), root), True
    layout = pick(rng, ("C", "F", "transposed", "steps", "negative", "unaligned", "field", "offset"))
    return lay_out(rng, np.ones(like.shape, dtype), layout), False
