"""A plan of routes -> a callable that takes the operands as they came.

Operands are adopted by their kinds and brought to their canonical form; the node runs; what overflowed or
multiplied absent zeros is repeated in NumPy's order, or in one that multiplies none; and the result is handed
over as the mirrored function does, by the kind whose it is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import field
from itertools import repeat
from typing import Any

import numpy as np

from .._base.errstate import quiet
from .._base.facts import DENSE, DType, Options, Prepared
from .._base.kinds import Bring, Form, Kind, as_it_is, handed_on
from .._base.log import debug
from .._base.records import dataclass
from .._base.routes import Alone, Runner
from .._entries.validate import BROKEN, unusable
from .._kinds.registry import form_of
from .._plan.planner import largest_dense
from .._plan.plans import Chain, Plan, Sliced
from .fused import fused_around
from .nodes import OnRun, bind_node
from .overflow import as_einsum, as_product, pair_as_einsum
from .unsound import blaming_operand

__all__ = ["Handling", "announced", "bind_plan", "maker", "numpys_own"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Handling:
    """How a call's operands come and its result goes.

    Attributes
    ----------
    kinds : tuple of Kind
        Of the operands.
    dtype : dtype
        Of the result; the plan's own may be wider.
    options : Options
    keywords : mapping
        The call's own for NumPy's einsum, should it have to repeat the call.
    strict : callable or None
        Gives the node that is to repeat the work, on canonical operands, where the result is not finite and
        absent elements may have been multiplied.
    on_run : callable or None
        Told of every route that ends, or declines.
    shapes : tuple of shapes or None
        Of the operands as they come, where these are arrays of the plan's dtype.
    """

    kinds: tuple[Kind, ...]
    dtype: DType
    options: Options
    keywords: Mapping[str, Any] = field(default_factory=dict)
    strict: Callable[[], Chain | Sliced] | None = None
    on_run: OnRun | None = None
    shapes: tuple[tuple[int, ...], ...] | None = None


def bind_plan(plan: Plan, how: Handling) -> Runner:
    """A callable ``run(*operands, out=None)`` for a plan.

    ``out`` must be given if and only if ``how.options.out`` says so; it has the result's shape, and may
    overlap an operand.
    """
    assert isinstance(plan.node, Chain | Sliced)
    options, on_run = how.options, how.on_run
    whole = _whole(plan, how)
    if whole is not None:
        return whole
    forms = tuple(form_of(p.facts.form) for p in plan.prepared)
    compiled = max(forms, key=lambda form: form.rank).compiled
    if compiled is not None:
        return announced(_program(plan, how, forms, compiled), plan, on_run)
    dense = all(form.rank == 0 for form in forms)
    run = bind_node(plan.node, on_run)
    if plan.fused is not None:
        run = fused_around(run, plan.fused, plan.order)
    bare = run
    eager = all(form.eager for form in forms)
    if how.strict is not None and eager and plan.dtype.kind in "fc":
        run = _repeated(run, forms, how.strict, on_run, whatever=largest_dense(plan.node) > 0)
    if options.out and not dense:
        run = _into(run, plan.dtype, _overlap(forms))
    brings = tuple(
        _bring(i, p, kind, form, plan.dtype)
        for i, (p, kind, form) in enumerate(zip(plan.prepared, how.kinds, forms, strict=True))
    )
    run = _brought(run, brings)
    if dense:
        short = _short(run, bare, plan, how, forms)
        if short is not None:
            return announced(short, plan, on_run)
        run = _as_mirrored(run, plan, how)
        if options.out:
            run = _into(run, plan.dtype, _any_shared)
    run = _handed_over(run, plan, how)
    if any(form.sparse for form in forms):
        run = blaming_operand(run, how.kinds)
    if options.quiet and eager and not dense:
        run = quiet(run)
    return announced(_of_one_step(run, plan, how), plan, on_run)


def _of_one_step(run: Runner, plan: Plan, how: Handling) -> Runner:
    """A shorter way by the route of a plan of one step, on the operands as they came, where it has one."""
    node = plan.node
    if (
        how.on_run is not None
        or how.options.out
        or not how.options.scalar
        or how.dtype != plan.dtype
        or not (isinstance(node, Chain) and len(node.steps) == 1)
        or any(p.squeeze or p.cast is not None for p in plan.prepared)
    ):
        return run
    (only,) = node.steps
    short = only.decision.route.short
    if short is None or only.positions != tuple(range(len(plan.prepared))):
        return run
    return short(Alone(only.step, plan.contraction.inputs, how.kinds, plan.form), run) or run


def _whole(plan: Plan, how: Handling) -> Runner | None:
    """The call as one runner of a route's with einsum's manners, where there is one."""
    options, node = how.options, plan.node
    if how.shapes is None or not options.quiet or options.out:
        return None
    if not isinstance(node, Chain) or len(node.steps) != 1 or how.dtype != plan.dtype:
        return None
    decision = node.steps[0].decision
    make = decision.offer.whole
    run = None if make is None else make(plan.contraction, how.shapes, options.scalar)
    if run is None or how.on_run is None:
        return run
    return announced(_told(run, [decision.route.name], how.on_run), plan, how.on_run)


def _program(
    plan: Plan,
    how: Handling,
    forms: Sequence[Form],
    compiled: Callable[[Runner, Hashable, bool], Runner],
) -> Runner:
    """The plan as one program of the library whose form it is; operands are adopted before it.

    Who watches is told of the steps when it has run: inside they are met once, when it is made.
    """
    assert isinstance(plan.node, Chain)
    steps = tuple(
        (s.positions, s.at, s.decision.route.name, s.step.output, s.decision.offer.note)
        for s in plan.node.steps
    )
    contraction, maker_of = plan.contraction, maker(how.kinds, plan.form).name
    sizes = tuple(contraction.sizes.items())
    key = (
        contraction.inputs,
        contraction.output,
        sizes,
        plan.dtype,
        plan.prepared,
        plan.form,
        maker_of,
        steps,
        how.options.typed,
    )
    brings = tuple(_brings_of(form)(p, plan.dtype) for p, form in zip(plan.prepared, forms, strict=True))
    inner = _handed_over(_brought(bind_node(plan.node, None), brings), plan, how)
    run = compiled(inner, key, how.options.typed)
    adopts = tuple(kind.adopt for kind in how.kinds)
    if any(adopt is not as_it_is for adopt in adopts):
        run = _brought(run, adopts)
    return run if how.on_run is None else _told(run, [s[2] for s in steps], how.on_run)


def _brings_of(form: Form) -> Callable[[Prepared, DType], Bring | None]:
    assert form.bring is not None
    return form.bring


def _told(run: Runner, routes: Sequence[str], on_run: OnRun) -> Runner:
    """The same, telling of the routes that it went."""

    def told(*operands: Any, out: Any = None) -> Any:
        result = run(*operands) if out is None else run(*operands, out=out)
        for name in routes:
            on_run(name, None)
        return result

    return told


def announced(run: Runner, plan: Plan, on_run: OnRun | None) -> Runner:
    """The same, telling which plan it is of, where who watches asks for that."""
    announce = getattr(on_run, "announce", None)
    return run if announce is None else announce(run, plan)


def numpys_own(plan: Plan) -> bool:
    """Whether a plan is one call of NumPy's einsum on the operands as they came."""
    return (
        isinstance(plan.node, Chain)
        and len(plan.node.steps) == 1
        and plan.node.steps[0].decision.offer.numpys
        and all(p.cast is None for p in plan.prepared)
    )


def _short(run: Runner, bare: Runner, plan: Plan, how: Handling, forms: Sequence[Form]) -> Runner | None:
    """A shorter way for pairs under einsum's manners, where there is one."""
    options = how.options
    if (
        len(plan.prepared) != 2
        or not options.quiet
        or options.out
        or plan.dtype.kind not in "fc"
        or numpys_own(plan)
        or not (plan.contraction.output or options.scalar)
    ):
        return None
    if run is bare:
        run = forms[0].bare.get(run, run)
    return pair_as_einsum(run, plan, how.keywords)


def _as_mirrored(run: Runner, plan: Plan, how: Handling) -> Runner:
    """With einsum's manners where that is mirrored: silent, and repeated where it overflowed."""
    if not how.options.quiet:
        return as_product(run, plan)
    if plan.dtype.kind in "fc" and not numpys_own(plan):
        return as_einsum(run, plan, how.keywords)
    return quiet(run) if any(p.cast is not None for p in plan.prepared) else run


def _bring(position: int, p: Prepared, kind: Kind, form: Form, dtype: DType) -> Bring | None:
    """From an operand as it came to its canonical form; None where it already has it."""
    assert form.bring is not None
    bring = form.bring(p, dtype)
    adopt = kind.adopt
    if form.rank == 0 or adopt is as_it_is:
        return bring

    def adopted(x: Any) -> Any:
        try:
            value = adopt(x)
        except BROKEN as error:
            raise unusable(f"operand {position}", x, kind, error) from error
        return value if bring is None else bring(value)

    return adopted


def _brought(run: Runner, brings: tuple[Bring | None, ...]) -> Runner:
    if all(bring is None for bring in brings):
        return run
    if len(brings) == 1:
        only = brings[0]
        assert only is not None
        return lambda x, out=None: run(only(x), out=out)
    if len(brings) == 2:
        return _pair_brought(run, *brings)

    def brought(*operands: Any, out: Any = None) -> Any:
        ready = [x if bring is None else bring(x) for x, bring in zip(operands, brings, strict=True)]
        return run(*ready, out=out)

    return brought


def _pair_brought(run: Runner, first: Bring | None, second: Bring | None) -> Runner:
    """The same of two operands, of which at least one is to be brought."""
    if first is None:
        assert second is not None
        return lambda x, y, out=None: run(x, second(y), out=out)
    if second is None:
        return lambda x, y, out=None: run(first(x), y, out=out)
    return lambda x, y, out=None: run(first(x), second(y), out=out)


def _any_shared(out: Array, arrays: tuple[Any, ...]) -> bool:
    return any(map(np.may_share_memory, repeat(out), arrays))


def _overlap(forms: Sequence[Form]) -> Callable[[Array, tuple[Any, ...]], bool]:
    """Whether an array may share memory with one of several values."""

    def overlap(out: Array, values: tuple[Any, ...]) -> bool:
        return any(
            form.overlaps is None or form.overlaps(out, x) for form, x in zip(forms, values, strict=True)
        )

    return overlap


def _into(run: Runner, dtype: DType, overlap: Callable[[Array, tuple[Any, ...]], bool]) -> Runner:
    """Straight into ``out`` where that is sound, else through an array of our own."""
    copy = quiet(np.copyto)  # a cast may overflow, and the front end has checked the casting rule

    def into(*operands: Any, out: Any = None) -> Any:
        if out.dtype == dtype and not overlap(out, operands):
            run(*operands, out=out)
        else:
            result = run(*operands)
            if np.may_share_memory(result, out):
                result = result.copy()
            copy(out, result, casting="unsafe")
        return out

    return into


def _repeated(
    run: Runner,
    forms: Sequence[Form],
    strict: Callable[[], Chain | Sliced],
    on_run: OnRun | None,
    *,
    whatever: bool,
) -> Runner:
    """Again, in an order that multiplies no absent element, where the result is not finite.

    Of operands that are not finite it is not expected to be, and it is done again only if they may have met
    zeros for absent elements (``whatever``).
    """
    highest = max(forms, key=lambda form: form.rank)
    assert highest.values is not None
    values = highest.values

    def repeated(*operands: Any, out: Array | None = None) -> Any:
        result = run(*operands) if out is None else run(*operands, out=out)
        if np.isfinite(values(result)).all():
            return result
        if not (whatever or all(np.isfinite(values(x)).all() for x in operands)):
            return result
        debug("a result that is not finite is made again by an order that multiplies no absent element")
        again = bind_node(strict(), on_run)
        return again(*operands) if out is None else again(*operands, out=out)

    return repeated


def _handed_over(run: Runner, plan: Plan, how: Handling) -> Runner:
    """The result in the caller's dtype and type."""
    if plan.form != DENSE:
        kind = maker(how.kinds, plan.form)
        as_routes_give = kind.make is handed_on and kind.form.narrow is None
        return run if as_routes_give else _made(run, kind, how.dtype)
    if how.dtype != plan.dtype and not how.options.out:
        run = _narrowed(run, how.dtype)
    if plan.contraction.output:
        return run
    if how.options.scalar:
        return _scalar(run)
    return run if hasattr(run, "attempt") else _zero_d(run)


def _narrowed(run: Runner, dtype: DType) -> Runner:
    return lambda *operands: run(*operands).astype(dtype)


def _scalar(run: Runner) -> Runner:
    def scalar(*operands: Any, out: Any = None) -> Any:
        if out is not None:
            return run(*operands, out=out)
        result = run(*operands)
        return result[()] if type(result) is np.ndarray else result

    return scalar


def _zero_d(run: Runner) -> Runner:
    return lambda *operands, out=None: np.asarray(run(*operands) if out is None else run(*operands, out=out))


def maker(kinds: Sequence[Kind], form: str) -> Kind:
    """The kind that makes a result in a form: that of highest precedence among the operands'."""
    able = [kind for kind in kinds if form in (kind.form.name, kind.form.results) and kind.make is not None]
    return max(able, key=lambda kind: kind.precedence)


def _made(run: Runner, kind: Kind, dtype: DType) -> Runner:
    make, narrow = kind.make, kind.form.narrow
    assert make is not None

    def made(*operands: Any) -> Any:
        value = run(*operands)
        if narrow is not None and value.dtype != dtype:
            value = narrow(value, dtype)
        return make(value, operands)

    return made
