"""Lines that nested loops bring into a cache, and how many of them memory does not foresee.

A line stays for the next loop outwards if all that is touched in between has room. Lines that follow each
other in memory are fetched ahead; those that lie elsewhere are waited for.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..._base.facts import LINE

__all__ = ["Loop", "jumps"]


#: A loop: how many turns it has, and what each array moves by in one, in bytes, never below 0.
Loop = tuple[int, Sequence[int]]
#: Lines of a set of a cache.
_WAYS = 8


def jumps(loops: Sequence[Loop], item: int, held: int) -> float:
    """Lines that are brought into a cache of so many bytes and lie away from the one before.

    Parameters
    ----------
    loops : sequence of Loop
        Outermost first.
    item : int
        Bytes of an element.
    held : int
        Bytes of the cache. Where all stays in it, there are none.
    """
    if not loops:
        return 0.0
    arrays = range(len(loops[0][1]))
    lines = [1.0 for _ in arrays]
    apart, close = [1 for _ in arrays], [float(item) for _ in arrays]  # lines of their own; bytes of others
    steps = [0 for _ in arrays]
    depth = len(loops)
    while depth:
        size, strides = loops[depth - 1]
        for k in arrays:
            if strides[k] >= LINE:
                apart[k] *= size
                steps[k] |= strides[k] if size > 1 else 0
            else:
                close[k] += (size - 1) * strides[k]
        more = [apart[k] * max(1.0, close[k] / LINE) for k in arrays]
        # Lines that lie multiples of a power of two apart share the sets that so many bytes fall into.
        room = [apart[k] * max(LINE, close[k], min(steps[k] & -steps[k], held // _WAYS)) for k in arrays]
        if sum(room) > held:
            break
        lines, depth = more, depth - 1
    if not depth:
        return 0.0
    return sum(lines[k] * _turns(loops[:depth], k) / max(1.0, _run(loops, k, item) / LINE) for k in arrays)


def _turns(around: Sequence[Loop], k: int) -> int:
    """How often loops bring an array's lines anew: not where it stands still just around them."""
    times = 1
    moves = False
    for size, strides in reversed(around):
        moves = moves or strides[k] > 0
        times *= size if moves else 1
    return times


def _run(loops: Sequence[Loop], k: int, item: int) -> int:
    """Bytes of an array that are touched one after the other."""
    run = item
    for size, strides in reversed(loops):
        if strides[k] > run + LINE:
            break
        run += (size - 1) * strides[k]
    return run
