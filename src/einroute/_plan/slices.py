"""Where to cut a contraction into slices: to stay within memory, or to keep blocks in cache and threads busy.

Only the choice of the label and the length is made here; the planner plans the slices.
"""

from __future__ import annotations

from math import prod

from .._base.formatting import in_bytes
from .._base.records import dataclass
from .plans import Chain, Planned, Problem

#: Estimated seconds from which cutting into blocks for the threads pays.
PARALLEL_WORTH = 200e-6
#: Bytes of a block's operands, intermediates and result together: they stay in the last-level cache.
BLOCK_BYTES = 1 << 21
#: Multiply-adds from which a GEMM among many is better spread over BLAS's threads than given to one of ours.
BLAS_THREADS = 1 << 18
#: Bytes that a slice should take in one piece, in the mean of what it cuts.
PIECE = 4096
#: Estimated seconds that a block should last at least.
BLOCK_SECONDS = 150e-6


@dataclass(frozen=True, slots=True)
class Cut:
    """Slices of length ``block`` along ``label``, up to ``threads`` at once; ``memory``: that is why."""

    label: str
    block: int
    threads: int
    reason: str
    memory: bool = False


def memory_cut(problem: Problem, chain: Chain, limit: int, threads: int) -> Cut | None:
    """The label that shrinks the largest intermediates most, cut so that they fit, or at least in half."""
    sizes = problem.sizes
    weights: dict[str, int] = {}
    for planned in chain.steps[:-1]:
        step = planned.step
        for c in step.output:
            if sizes[c] > 1 and c not in problem.uncut and (c in problem.output or _may_add_up(problem)):
                weights[c] = weights.get(c, 0) + step.out_bytes
    if not weights:
        return None
    # Among equals an output label: its slices are put side by side, not added up.
    label = max(weights, key=lambda c: (weights[c], c in problem.output, sizes[c]))
    block = max(1, min(sizes[label] // 2, int(sizes[label] * limit / max(chain.peak, 1))))
    reason = f"intermediates of {in_bytes(chain.peak)} exceed the limit of {in_bytes(limit)}"
    return Cut(label, block, threads, reason, memory=True)


def speed_cut(problem: Problem, chain: Chain, threads: int) -> Cut | None:
    """Blocks that fit in cache, over the threads, where memory and not BLAS sets the time."""
    if len(problem.inputs) == 1 and len(problem.inputs[0]) == len(problem.output):
        return None  # a copy, which cuts itself
    own = sum(p.decision.offer.cost.seconds for p in chain.steps if not _blas_bound(p))
    if own < PARALLEL_WORTH or own < 0.5 * chain.seconds or 0 in problem.sizes.values():
        return None
    label = _streamed_label(problem)
    if label is None:
        return None
    size = problem.sizes[label]
    moved = sum(p.decision.step.in_bytes + p.decision.step.out_bytes for p in chain.steps)
    arithmetic = sum(p.decision.offer.cost.flops for p in chain.steps if p.decision.offer.blas)
    count = 8 if arithmetic > moved else max(moved // BLOCK_BYTES, 4)
    count = max(1, min(count, int(chain.seconds / BLOCK_SECONDS), size))
    block = -(-size // count)
    if block >= size:
        return None
    return Cut(label, block, threads, f"{moved >> 20} MiB move through memory")


def joined_by_copy(chain: Chain, label: str) -> bool:
    """Whether BLAS can't write a slice of the last step where it lies in the result.

    The labels of either side are one axis to it, which a slice keeps only along the outermost of them.
    """
    recipe = chain.steps[-1].decision.offer.recipe
    groups = (getattr(recipe, side, "") for side in ("m", "n"))
    return any(label in group[1:] for group in groups if isinstance(group, str))


def _may_add_up(problem: Problem) -> bool:
    """Whether slices may be added up: not in float16, where each would be rounded before."""
    return problem.dtype.char != "e"


def _blas_bound(planned: Planned) -> bool:
    """Whether a step spends its time in BLAS's own threads, on more arithmetic than memory traffic."""
    offer = planned.decision.offer
    step = planned.decision.step
    loops = getattr(offer.recipe, "loops", "")
    if offer.blas and not step.output:
        return True  # a dot product, which BLAS shares by itself
    if loops and offer.cost.flops < BLAS_THREADS * step.extent(loops):
        return False
    return offer.blas and offer.cost.flops > 2.0 * (step.in_bytes + step.out_bytes)


def _streamed_label(problem: Problem) -> str | None:
    """The label along which to cut: in the output if it can be, in most of the bytes, outermost in memory."""
    sizes, output = problem.sizes, problem.output
    out_bytes = prod(sizes[c] for c in output) * problem.dtype.itemsize
    total = out_bytes + sum(op.nbytes for op in problem.facts)

    def covered(label: str) -> int:
        bytes_in = sum(op.nbytes for c, op in zip(problem.inputs, problem.facts, strict=True) if label in c)
        return bytes_in + (out_bytes if label in output else 0)

    def pieces(label: str) -> float:
        """How many runs of memory one slice has, in the operands that it cuts and in a result in C order."""
        count = 0.0
        for labels, op in zip(problem.inputs, problem.facts, strict=True):
            for c, stride in zip(labels, op.strides, strict=True):
                if c == label and stride:
                    count += max(1.0, op.nbytes / abs(stride * sizes[c]))
        if label in output:
            count += prod(sizes[c] for c in output[: output.index(label)])
        return count

    # A slice along the innermost label takes a narrow column of every row: pieces of an eighth must be long.
    kept = [c for c in output if sizes[c] >= 4 and covered(c) >= 0.6 * total]
    kept = [c for c in kept if total >= 8 * PIECE * pieces(c)]
    if kept:
        return min(kept, key=lambda c: (pieces(c), output.index(c)))
    if out_bytes > 1 << 16 or not _may_add_up(problem):
        return None
    summed = [c for c in dict.fromkeys("".join(problem.inputs)) if c not in output and sizes[c] >= 4]
    summed = [c for c in summed if covered(c) >= 0.6 * total]
    return min(summed, key=pieces, default=None)
