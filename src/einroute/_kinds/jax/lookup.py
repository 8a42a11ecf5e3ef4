"""Values of one sparse array at the entries of another, looked up by their indices; nothing is written out.

A join by sorting (Knuth, "The Art of Computer Programming", volume 3, section 6.5): the entries of one are
put in order, each of the other is looked for by halving. Places are told by keys of 31 bits, several of them
where they are more; keys are sorted digit by digit (section 5.2.5), a digit and a position in one integer
each time, which XLA sorts several times as fast as two arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import jax.numpy as jnp
from jax import lax

from .cells import Cells, in_places

__all__ = ["sorts_of", "values_at"]

#: Places that one key tells apart, with one more that is none of them.
_PLACES = 2**31 - 1


def values_at(
    cells: Cells, axes: Sequence[int], wanted: Cells, wanted_axes: Sequence[int]
) -> tuple[Any, Any]:
    """For each wanted entry the sum of the cells that have its indices, and whether there is one.

    Parameters
    ----------
    cells : Cells
    axes : sequence of int
        Axes of the cells by which they are found; they are summed along the others.
    wanted : Cells
    wanted_axes : sequence of int
        The same axes of these, which have the same sizes.
    """
    if not cells.count:
        return jnp.zeros(wanted.count, cells.data.dtype), jnp.zeros(wanted.count, bool)
    groups = _groups([cells.shape[i] for i in axes])
    totals = [prod(cells.shape[axes[i]] for i in group) for group in groups]
    keys = [cells.place([axes[i] for i in group]) for group in groups]
    own = [wanted.place([wanted_axes[i] for i in group]) for group in groups]
    order = _order(keys, totals)
    keys = [key[order] for key in keys]
    first = _less([key[:-1] for key in keys], [key[1:] for key in keys])
    number = jnp.pad(jnp.cumsum(first, dtype=jnp.int32), (1, 0))
    sums = in_places(cells.data[order], number, cells.count)
    at = jnp.minimum(_position(keys, own), cells.count - 1)
    found = keys[0][at] < totals[0]  # padding is beyond the last place
    for key, wanted_key in zip(keys, own, strict=True):
        found &= key[at] == wanted_key
    return sums[number[at]], found


def sorts_of(sizes: Sequence[int], count: int) -> int:
    """How often so many entries are sorted by a digit, to be in the order of indices of such sizes."""
    width = 32 - _bits(count)
    totals = [prod(sizes[i] for i in group) for group in _groups(sizes)]
    return sum(-(-total.bit_length() // width) for total in totals)


def _bits(count: int) -> int:
    """Of a position."""
    return max(1, (count - 1).bit_length())


def _groups(sizes: Sequence[int]) -> list[list[int]]:
    """Axes together whose places one key tells apart."""
    groups: list[list[int]] = [[]]
    places = 1
    for i, n in enumerate(sizes):
        if groups[-1] and places * n > _PLACES:
            groups.append([])
            places = 1
        groups[-1].append(i)
        places *= n
    return groups


def _order(keys: Sequence[Any], totals: Sequence[int]) -> Any:
    """What puts keys in order, the first of them counting most; they are sorted where they are not."""
    return lax.cond(
        jnp.any(_less([key[1:] for key in keys], [key[:-1] for key in keys])),
        lambda *given: _by_digits(given, totals),
        lambda first, *_: lax.iota(jnp.int32, first.shape[0]),
        *keys,
    )


def _by_digits(keys: Sequence[Any], totals: Sequence[int]) -> Any:
    """What puts keys in order, found by one digit after the other, the last one first."""
    count = keys[0].shape[0]
    bits = _bits(count)
    width = 32 - bits
    position, order = lax.iota(jnp.uint32, count), lax.iota(jnp.int32, count)
    for key, total in zip(reversed(keys), reversed(totals), strict=True):
        for low in range(0, total.bit_length(), width):
            digit = ((key[order] >> low) & ((1 << width) - 1)).astype(jnp.uint32)
            both = lax.sort((digit << bits) | position)
            order = order[(both & ((1 << bits) - 1)).astype(jnp.int32)]
    return order


def _less(keys: Sequence[Any], others: Sequence[Any]) -> Any:
    """Where keys come before others, the first of them counting most."""
    less, same = keys[0] < others[0], keys[0] == others[0]
    for key, other in zip(keys[1:], others[1:], strict=True):
        less, same = less | (same & (key < other)), same & (key == other)
    return less


def _position(keys: Sequence[Any], wanted: Sequence[Any]) -> Any:
    """The first position whose keys do not come before those that are wanted: looked for by halving."""
    count = keys[0].shape[0]
    bits = count.bit_length()

    def halve(turn: Any, before: Any) -> Any:
        probe = before + lax.shift_right_logical(jnp.int32(1 << (bits - 1)), turn.astype(jnp.int32))
        at = jnp.minimum(probe, count) - 1
        after = (probe <= count) & _less([key[at] for key in keys], wanted)
        return jnp.where(after, probe, before)

    return lax.fori_loop(0, bits, halve, jnp.zeros(wanted[0].shape, jnp.int32))
