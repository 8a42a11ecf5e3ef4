"""Strides by label, and labels in the order of memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..._base.facts import Step


def strides_of(labels: str, strides: tuple[int, ...]) -> dict[str, int]:
    return dict(zip(labels, strides, strict=True))


def layout_strides(layout: str, sizes: Mapping[str, int], itemsize: int) -> dict[str, int]:
    """Strides of a contiguous array whose labels lie in memory as ``layout`` says."""
    strides: dict[str, int] = {}
    step = itemsize
    for c in reversed(layout):
        strides[c] = step
        step *= max(sizes[c], 1)
    return strides


def fused_stride(labels: str, sizes: Mapping[str, int], strides: Mapping[str, int]) -> int | None:
    """Stride of the labels taken as one axis, or None if they do not fuse; 0 for an axis of length 1."""
    last = None
    step = 0
    for c in reversed(labels):
        if sizes[c] == 1:
            continue
        if last is None:
            last = step = strides[c]
        elif strides[c] != step:
            return None
        step *= sizes[c]
    return 0 if last is None else last


def by_stride(labels: str, strides: Mapping[str, int]) -> str:
    """Labels in the order of memory, outermost first."""
    return "".join(sorted(labels, key=lambda c: -abs(strides[c])))


def numpys_loops(step: Step) -> list[str]:
    """The labels from the innermost loop of NumPy's einsum to its outermost.

    Its iterator sorts the axes by their strides, by insertion: where operands disagree about two, they stay
    in the order in which they were given (``npyiter_find_best_axis_ordering``), which is that of the output
    and then of the alphabet. Where an order is asked for, they stay in that one.
    """
    summed = sorted(set("".join(step.inputs)) - set(step.output))
    given = [c for c in (*reversed(summed), *reversed(step.output)) if step.sizes[c] > 1]
    if step.order != "K" and len(step.output) > 1:
        return given if step.order == "C" else given[::-1]
    terms = [strides_of(labels, op.strides) for labels, op in zip(step.inputs, step.operands, strict=True)]
    ordered: list[str] = []
    for c in given:
        place = len(ordered)
        for at in range(len(ordered) - 1, -1, -1):
            both = [
                abs(term[ordered[at]]) <= abs(term[c])
                for term in terms
                if term.get(c, 0) and term.get(ordered[at], 0)
            ]
            if any(both):
                break
            if both:
                place = at
        ordered.insert(place, c)
    return ordered


def numpys_layout(step: Step, loops: Sequence[str]) -> str:
    """The result's labels in the order of memory: for order "K" that of NumPy's loops."""
    if step.order != "K":
        return step.output if step.order == "C" else step.output[::-1]
    looped = "".join(c for c in reversed(loops) if c in step.output)
    return "".join(c for c in step.output if c not in looped) + looped
