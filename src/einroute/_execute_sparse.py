"""A decided plan with sparse operands -> a callable that takes the operands as they came.

Each sparse operand is adopted (its index arrays are checked on every call: a loop must not leave them), and
the result becomes an array or goes back to the operands' library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._execute import OnRun, _bind_chain, _view, announced
from ._kernels.sound import BROKEN, unusable
from ._plan_sparse import multiplies_zeros
from ._planned import Chain, Plan, Prepared
from ._problem import DType, Options
from ._quiet import quiet
from ._route import Runner

Array = np.ndarray[Any, Any]
Adopt = Callable[[Any], Any]


def bind_sparse_plan(
    plan: Plan,
    kinds: tuple[Any, ...],
    dtype: DType,
    options: Options,
    strict: Callable[[], Runner] | None,
    on_run: OnRun | None = None,
) -> Runner:
    """A callable ``run(*operands, out=None)`` for a plan.

    Parameters
    ----------
    kinds : tuple
        The adapter of each operand's library; None for a dense one.
    dtype : dtype
        Of the result; the plan's own may be wider.
    strict : callable or None
        Gives the runner (on operands as this one has them inside) that is to repeat the work where the result
        is not finite.
    """
    # It puts itself in, so that conversions are remembered; and needs scipy.sparse, which dense calls do not.
    from ._factors import sparse_turned  # noqa: F401, PLC0415

    assert isinstance(plan.node, Chain)
    steps = _bind_chain(plan.node, on_run)
    adopters = tuple(
        _view(p) if kind is None else _adopter(i, p, kind, plan.dtype)
        for i, (p, kind) in enumerate(zip(plan.prepared, kinds, strict=True))
    )
    if strict is not None and plan.dtype.kind in "fc":
        steps = _repeated(steps, strict, whatever=multiplies_zeros(plan))
    finish = _to_library(kinds, dtype) if plan.sparse else _to_array(plan, dtype, options)

    def run(*operands: Any, out: Array | None = None) -> Any:
        ready = [x if adopt is None else adopt(x) for x, adopt in zip(operands, adopters, strict=True)]
        if out is None:
            return finish(steps(*ready), operands)
        if out.dtype == plan.dtype and not any(_overlaps(out, x) for x in ready):
            steps(*ready, out=out)
        else:
            np.copyto(out, steps(*ready), casting="unsafe")
        return out

    return announced(quiet(run) if options.quiet else run, plan, on_run)


def bind_steps(plan: Plan, on_run: OnRun | None) -> Runner:
    """The steps alone, on operands that are prepared already."""
    assert isinstance(plan.node, Chain)
    return _bind_chain(plan.node, on_run)


def _adopter(position: int, p: Prepared, kind: Any, dtype: DType) -> Adopt:
    labels = p.diagonal.partition("->")[0] if p.diagonal is not None else ""
    kept = [i for i in range(len(p.labels) + len(p.squeeze)) if i not in p.squeeze] if p.squeeze else []
    some_dropped = bool(p.squeeze)

    def adopt(x: Any) -> Any:
        try:
            entries = kind.adopt(x)
        except BROKEN as error:
            raise unusable(f"operand {position}", x, kind, error) from error
        if _sums_differ(entries.dtype, dtype):
            entries = entries.distinct()
        data = entries.data
        if data.dtype != dtype or not data.flags.c_contiguous or not data.flags.aligned:
            entries = entries.with_data(np.ascontiguousarray(data.astype(dtype)))
        if labels:
            entries = entries.diagonal(labels)
        return entries.take(kept) if some_dropped else entries

    return adopt


def _sums_differ(own: DType, wide: DType) -> bool:
    """Whether entries of one place must be added in the operand's dtype: bools are or, integers wrap."""
    return own != wide and own.kind in "biu"


def _repeated(steps: Runner, strict: Callable[[], Runner], *, whatever: bool) -> Runner:
    """Again, in the stricter order, where the result is not finite.

    Of operands that are not finite it is not expected to be, and it is done again only if they may have met
    zeros for absent elements (``whatever``).
    """

    def run(*operands: Any, out: Array | None = None) -> Any:
        result = steps(*operands) if out is None else steps(*operands, out=out)
        if np.isfinite(_values(result)).all():
            return result
        if not (whatever or all(np.isfinite(_values(x)).all() for x in operands)):
            return result
        again = strict()
        return again(*operands) if out is None else again(*operands, out=out)

    return run


def _values(x: Any) -> Array:
    return np.asarray(x if isinstance(x, np.ndarray | np.generic) else x.data)


def _overlaps(out: Array, x: Any) -> bool:
    if isinstance(x, np.ndarray):
        return np.may_share_memory(out, x)
    arrays = [x.data]
    if x.compressed is not None:
        arrays += [x.compressed.indptr, x.compressed.indices]
    else:
        arrays += x.coords
    return any(np.may_share_memory(out, own) for own in arrays)


def _to_array(plan: Plan, dtype: DType, options: Options) -> Callable[[Any, tuple[Any, ...]], Any]:
    narrower = dtype != plan.dtype
    zero_d = not plan.contraction.output

    def finish(result: Any, _: tuple[Any, ...]) -> Any:
        if narrower:
            result = result.astype(dtype)
        if zero_d:
            result = np.asarray(result)
            return result[()] if options.scalar else result
        return result

    return finish


def _to_library(kinds: tuple[Any, ...], dtype: DType) -> Callable[[Any, tuple[Any, ...]], Any]:
    there = {kind.NAME: kind for kind in kinds if kind is not None}
    kind = there.get("pydata_sparse") or there["scipy_sparse"]

    def finish(result: Any, operands: tuple[Any, ...]) -> Any:
        if result.dtype != dtype:
            result = result.summed()  # before rounding
            result = result.with_data(result.data.astype(dtype))
        return kind.make(result, operands)

    return finish
