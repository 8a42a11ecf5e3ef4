"""A decided plan -> a callable that takes arrays.

Everything that can be settled beforehand is: a call of one step becomes little more than the NumPy call
it was decided to be.
"""

from __future__ import annotations

import threading
from cmath import isfinite
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ._kinds.dense.numpy_einsum import ascii_subscripts, c_einsum
from ._kinds.dense.transpose import permuted_copy
from ._parallel import run_blocks, single_threaded_blas
from ._plan import Chain, Node, Plan, Prepared, Sliced
from ._problem import Options
from ._route import Declined, Runner, bind


class _Alarm(threading.local):
    """Whether NumPy's floating-point flags told of an overflow or an invalid operation, in this thread."""

    raised = False

    def sound(self, *_: Any) -> None:
        self.raised = True


_alarm = _Alarm()

_extobj_contextvar: Any
_make_extobj: Any
try:  # np.errstate(all="ignore") takes 0.85 us; setting the context variable behind it, 0.23 us
    from numpy._core import umath

    _extobj_contextvar, _make_extobj = umath._extobj_contextvar, umath._make_extobj

    _IGNORE = _make_extobj(all="ignore")
    _WATCH = _make_extobj(all="ignore", over="call", invalid="call", call=_alarm.sound)
except (ImportError, AttributeError):  # pragma: no cover  # a NumPy that moved it
    _extobj_contextvar = None

Array = np.ndarray[Any, Any]
OnRun = Callable[[str, Declined | None], None]
Piece = Callable[[Array, slice], Array]
Repeat = Callable[[Any, tuple[Any, ...], Any], Any]

#: Products that the repetition in NumPy's order may form, at most, when a planned order overflowed.
_REPEAT_LIMIT = 10**9
#: Multiply-adds for each entry of the output below which looking at the output is a good part of the work.
_THIN = 64
#: Multiply-adds up to which BLAS surely stays in the calling thread.
_UNTHREADED = 1 << 15
#: The same where an operand itself is not finite: then only the class of a nan or inf can differ.
_REPEAT_NONFINITE = 1 << 21


def bind_plan(
    plan: Plan, options: Options, on_run: OnRun | None = None, keywords: Mapping[str, Any] | None = None
) -> Runner:
    """A callable ``run(*arrays, out=None)`` for a plan.

    ``out`` must be given if and only if ``options.out`` says so; it has the result's shape, and may overlap
    an operand.  ``keywords`` are the call's own for NumPy's einsum, should it have to repeat the call.
    """
    run = _bind_node(plan.node, on_run)
    views = tuple(_view(p) for p in plan.prepared)
    if any(view is not None for view in views):
        run = _prepared(run, views)
    if options.quiet and plan.dtype.kind in "fc" and not numpys_own(plan):
        if _is_product(plan):
            run = _quiet(run)
        elif _flags_tell(plan):
            run = _watched(run, _repetition(plan, keywords or {}))
        else:
            run = _quiet(_checked(run, _repetition(plan, keywords or {})))
    if options.out:
        run = _into(run, plan.dtype)
    if not plan.contraction.output:
        run = _scalar(run) if options.scalar else _zero_d(run)
    return run


def _into(run: Runner, dtype: np.dtype[Any]) -> Runner:
    """Straight into ``out`` where that is sound, else through an array of our own."""
    copy = _quiet(np.copyto)  # a cast may overflow, and the front end has checked the casting rule

    def into(*arrays: Any, out: Any = None) -> Any:
        if out.dtype == dtype and not any(np.may_share_memory(out, x) for x in arrays):
            run(*arrays, out=out)
        else:
            copy(out, run(*arrays), casting="unsafe")
        return out

    return into


def numpys_own(plan: Plan) -> bool:
    """Whether a plan is one call of NumPy's einsum on the operands as they came."""
    return (
        isinstance(plan.node, Chain)
        and len(plan.node.steps) == 1
        and plan.node.steps[0].decision.route.name == "numpy.einsum"
        and all(p.cast is None for p in plan.prepared)
    )


def _scalar(run: Runner) -> Runner:
    def scalar(*arrays: Any, out: Any = None) -> Any:
        if out is not None:
            return run(*arrays, out=out)
        result = run(*arrays)
        return result[()] if type(result) is np.ndarray else result

    return scalar


def _zero_d(run: Runner) -> Runner:
    return lambda *arrays, out=None: np.asarray(run(*arrays) if out is None else run(*arrays, out=out))


def _quiet(run: Runner) -> Runner:
    """Without floating-point warnings and deaf to ``np.errstate``, as NumPy's einsum is."""
    if _extobj_contextvar is None:  # pragma: no cover
        return np.errstate(all="ignore")(run)
    enter, leave = _extobj_contextvar.set, _extobj_contextvar.reset

    def quiet(*arrays: Any, **keywords: Any) -> Any:
        token = enter(_IGNORE)
        try:
            return run(*arrays, **keywords)
        finally:
            leave(token)

    return quiet


def _view(p: Prepared) -> Callable[[Array], Array] | None:
    """From a raw operand to its canonical form; None where it already has it."""
    if p.diagonal is None and not p.squeeze and p.cast is None:
        return None
    diagonal = None
    if p.diagonal is not None:
        source, _, target = p.diagonal.partition("->")
        diagonal = ascii_subscripts((source,), target)
    ndim = len(p.labels) + len(p.squeeze)
    index = tuple(0 if i in p.squeeze else slice(None) for i in range(ndim))
    squeeze, cast = bool(p.squeeze), p.cast

    def view(x: Array) -> Array:
        if diagonal is not None:
            x = c_einsum(diagonal, x)
        if squeeze:
            x = x[(*index, ...)]
        if cast is not None:
            x = x.astype(cast, order="C")
        return x

    return view


def _prepared(run: Runner, views: tuple[Callable[[Array], Array] | None, ...]) -> Runner:
    def prepared(*arrays: Any, out: Any = None) -> Any:
        ready = [x if view is None else view(x) for x, view in zip(arrays, views, strict=True)]
        return run(*ready, out=out)

    return prepared


def _bind_node(node: Node, on_run: OnRun | None) -> Runner:
    if isinstance(node, Sliced):
        return _bind_sliced(node, on_run)
    return _bind_chain(node, on_run)


def _bind_chain(chain: Chain, on_run: OnRun | None) -> Runner:
    if len(chain.steps) == 1 and chain.steps[0].positions == tuple(range(len(chain.inputs))):
        return bind(chain.steps[0].decision, on_run)
    steps = _with_slots(chain, on_run)
    body, (last_slots, _, last) = steps[:-1], steps[-1]

    def run(*arrays: Any, out: Any = None) -> Any:
        slots = list(arrays)
        for sources, target, step in body:
            result = step(*[slots[i] for i in sources])
            for i in sources:
                slots[i] = None  # an intermediate goes when it has been used
            slots[target] = result
        if out is None:
            return last(*[slots[i] for i in last_slots])
        return last(*[slots[i] for i in last_slots], out=out)

    return run


def _with_slots(chain: Chain, on_run: OnRun | None) -> list[tuple[tuple[int, ...], int, Runner]]:
    """Each step with the slots it reads and the one it writes: its first operand's, which is free by then."""
    there = list(range(len(chain.inputs)))
    steps = []
    for s in chain.steps:
        sources = tuple(there[i] for i in s.positions)
        for i in sorted(s.positions, reverse=True):
            del there[i]
        there.insert(len(there) if s.at is None else s.at, sources[0])
        steps.append((sources, sources[0], bind(s.decision, on_run)))
    return steps


def _bind_sliced(plan: Sliced, on_run: OnRun | None) -> Runner:
    inner = _bind_node(plan.inner, on_run)
    tail = inner if plan.tail is None else _bind_node(plan.tail, on_run)
    cuts = [slice(i, i + plan.block) for i in range(0, plan.size, plan.block)]
    pieces = [_slicer(labels, plan.label) for labels in plan.inputs]
    last = len(cuts) - 1
    if plan.summed:
        return _bind_summed(plan, inner, tail, cuts, pieces)
    axis = plan.output.index(plan.label)
    head = (slice(None),) * axis
    sizes = _sizes(plan)
    shape = tuple(sizes[c] for c in plan.layout)
    axes = tuple(plan.layout.index(c) for c in plan.output)
    dtype = _dtype(plan)
    threads = plan.threads
    guard = threads > 1 and _uses_blas(plan.inner) and plan.seconds > 1e-3

    def run(*arrays: Any, out: Any = None) -> Any:
        result = np.empty(shape, dtype).transpose(axes) if out is None else out

        def work(index: int) -> None:
            cut = cuts[index]
            slices = [piece(x, cut) for piece, x in zip(pieces, arrays, strict=True)]
            (tail if index == last else inner)(*slices, out=result[(*head, cut)])

        if guard:
            with single_threaded_blas():
                run_blocks(len(cuts), work, threads)
        else:
            run_blocks(len(cuts), work, threads)
        return result

    return run


def _bind_summed(
    plan: Sliced,
    inner: Runner,
    tail: Runner,
    cuts: list[slice],
    pieces: list[Callable[[Array, slice], Array]],
) -> Runner:
    """Slices along a contracted label: their results are added in order, whichever was ready first."""
    sizes = _sizes(plan)
    shape = tuple(sizes[c] for c in plan.output)
    dtype = _dtype(plan)
    add = np.logical_or if dtype.kind == "b" else np.add
    last = len(cuts) - 1
    threads = plan.threads

    def part(arrays: tuple[Any, ...], index: int, out: Array | None) -> Any:
        slices = [piece(x, cuts[index]) for piece, x in zip(pieces, arrays, strict=True)]
        return (tail if index == last else inner)(*slices, out=out)

    def together(arrays: tuple[Any, ...]) -> Any:
        partial = np.empty((len(cuts), *shape), dtype)
        run_blocks(len(cuts), lambda i: part(arrays, i, partial[i, ...]), threads)
        return add.reduce(partial, axis=0, dtype=dtype)

    def in_turn(arrays: tuple[Any, ...]) -> Any:
        total = np.asarray(part(arrays, 0, None))
        if not total.flags.writeable or total.base is not None:
            total = total.copy()
        for index in range(1, len(cuts)):
            add(total, part(arrays, index, None), out=total)
        return total

    def run(*arrays: Any, out: Any = None) -> Any:
        total = together(arrays) if threads > 1 else in_turn(arrays)
        if out is None:
            return _laid_out(np.asarray(total), plan)
        np.copyto(out, total)
        return out

    return run


def _laid_out(total: Array, plan: Sliced) -> Array:
    """The sum in the layout that was asked for."""
    axes = tuple(plan.layout.index(c) for c in plan.output)
    result = np.empty(tuple(total.shape[plan.output.index(c)] for c in plan.layout), total.dtype).transpose(
        axes
    )
    if result.strides == total.strides:
        return total
    permuted_copy(total, result, 1)
    return result


def _slicer(labels: str, label: str) -> Piece:
    """What a slice along ``label`` takes of an operand: all of one that lacks the label."""
    if label not in labels:
        return lambda x, _: x
    head = (slice(None),) * labels.index(label)
    return lambda x, cut: x[(*head, cut)]


def _first_chain(node: Node) -> Chain:
    while isinstance(node, Sliced):
        node = node.inner
    return node


def _sizes(plan: Sliced) -> dict[str, int]:
    """Whole sizes of the labels of a sliced plan."""
    sizes = dict(_first_chain(plan).steps[-1].decision.step.sizes)
    node: Node = plan
    while isinstance(node, Sliced):
        sizes[node.label] = max(sizes[node.label], node.size)
        node = node.inner
    return sizes


def _dtype(plan: Sliced) -> np.dtype[Any]:
    return _first_chain(plan).steps[-1].decision.step.dtype


def _uses_blas(node: Node) -> bool:
    return any(s.decision.offer.blas for s in _first_chain(node).steps)


def _only(plan: Plan, route: str) -> bool:
    return isinstance(plan.node, Chain) and [s.decision.route.name for s in plan.node.steps] == [route]


def _is_product(plan: Plan) -> bool:
    """Whether every entry is one product of two numbers, which overflows in any order or in none."""
    return _only(plan, "dense.multiply")


def _flags_tell(plan: Plan) -> bool:
    """Whether NumPy's floating-point flags are looked at instead of the output.

    They tell of every overflow where BLAS stays in the calling thread.  Where it may not, they are trusted
    only if looking at the output would cost a good part of the product itself.
    """
    if isinstance(plan.node, Sliced):
        return False
    steps = [s.decision for s in plan.node.steps]
    if any(d.route.name not in ("dense.matmul", "dense.multiply") for d in steps):
        return False
    flops = sum(d.offer.cost.flops for d in steps)
    return flops <= _UNTHREADED or flops < _THIN * steps[-1].step.extent(plan.contraction.output)


def _repetition(plan: Plan, keywords: Mapping[str, Any]) -> Repeat:
    """A function that repeats a call in NumPy's order if its result is not finite.

    Sums taken out of products, and BLAS's order of adding, can overflow where NumPy's order does not:
    ``i,j->`` on [1e308, 1e308] and [1e-300, 0].  The output is looked at, the operands only if that is not
    finite.
    """
    contraction = plan.contraction
    # On the operands as they came: how NumPy's loops group the products depends on dtypes and strides.
    subscripts = ascii_subscripts(contraction.inputs, contraction.output)

    def repeat(result: Any, arrays: tuple[Any, ...], out: Any) -> Any:
        if _finite(result) or contraction.iterations > _REPEAT_LIMIT:
            return result
        if not _may_repeat(arrays, contraction.iterations):
            return result
        into = {} if out is None else {"out": out}
        return c_einsum(subscripts, *arrays, **into, **keywords)

    return repeat


def _checked(run: Runner, repeat: Repeat) -> Runner:
    def checked(*arrays: Any, out: Any = None) -> Any:
        return repeat(run(*arrays) if out is None else run(*arrays, out=out), arrays, out)

    return checked


def _watched(run: Runner, repeat: Repeat) -> Runner:
    """Quiet, looking at the output only if NumPy's own floating-point flags tell of an overflow or nan."""
    if _extobj_contextvar is None:  # pragma: no cover
        return _quiet(_checked(run, repeat))
    enter, leave = _extobj_contextvar.set, _extobj_contextvar.reset

    def watched(*arrays: Any, out: Any = None) -> Any:
        token = enter(_WATCH)
        try:
            result = run(*arrays) if out is None else run(*arrays, out=out)
        finally:
            leave(token)
        if _alarm.raised:
            _alarm.raised = False
            return _quiet(_checked(run, repeat))(*arrays, out=out)
        return result

    return watched


def _finite(result: Any) -> bool:
    """Whether all entries are finite, without a temporary where they are."""
    if not isinstance(result, np.ndarray):
        return isfinite(result)
    flat = result.ravel(order="K")
    # A sum of squares is finite only if all terms are; it can overflow when none is infinite.
    if result.dtype.char in "fdFD" and isfinite(flat.dot(flat)):
        return True
    return bool(np.isfinite(flat).all())


def _may_repeat(arrays: tuple[Any, ...], iterations: int) -> bool:
    return iterations <= _REPEAT_NONFINITE or all(bool(np.isfinite(x).all()) for x in arrays)
