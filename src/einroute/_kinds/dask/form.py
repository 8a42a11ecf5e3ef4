"""The form of dask arrays: lazy, in chunks, and contracted by tasks; all other operands join it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import dask.array as da
import numpy as np
from dask import config as dask_config
from dask.array.utils import meta_from_array
from dask.base import tokenize
from dask.utils import parse_bytes

from ..._base.c_einsum import ascii_subscripts
from ..._base.cost import CALL, Cost, moving
from ..._base.facts import Contraction, DType, Operand, Prepared, Step
from ..._base.kinds import Bring, Form, Kind, Term
from ..._base.routes import Offer, Refused, Route, Runner
from .chunked import Chunked
from .cutting import Part
from .graph import held_array, multiplied
from .sources import Source, array_facts
from .structured import LazyOperand, source_of
from .tasks import MASKED, Recipe, multiplied_metas, narrowed
from .tiles import Cuts, cuts_for

__all__ = ["FORM", "NAME", "Held", "joined"]

NAME = "dask"


@dataclass(frozen=True, slots=True)
class Held:
    """An operand that this process holds, of whatever kind; cut as the plan wants it."""

    value: Any

    def array(self, chunks: tuple[tuple[int, ...], ...]) -> da.Array:
        """As a dask array in these chunks."""
        return held_array(self.value, chunks, meta_from_array(self.value, ndim=len(chunks)))


@lru_cache(maxsize=64)
def joined(kind: Kind, _: Hashable) -> Kind:
    """The kind as which operands of another one take part beside dask arrays."""

    def facts(x: Any) -> Operand:
        own = kind.facts(x)
        shape = tuple(int(n) for n in own.shape)
        return Operand(
            shape,
            own.dtype,
            (),
            NAME,
            structure=Chunked(tuple((n,) for n in shape), (False,) * len(shape), _all(len(shape)), True),
        )

    return Kind(
        kind.name, FORM, kind.recognises, facts, kind.signature, precedence=-1, adopt=Held, unfit=_masked
    )


def _masked(x: Any) -> str:
    return f"is masked, and {MASKED}" if isinstance(x, np.ma.MaskedArray) else ""


def _all(ndim: int) -> tuple[tuple[int, ...], ...]:
    """The axes of an array."""
    return (tuple(range(ndim)),)


def holds(inputs: Sequence[str], own: Sequence[bool], output: str) -> bool:
    """Whatever a dask array takes part in is a dask array."""
    return any(own)


def prepare(
    labels: str, operand: Operand, contraction: Contraction, dtype: DType, *, repeated: str, cast: bool
) -> Prepared:
    """Diagonals and broadcast axes of one operand; tasks cast what they read."""
    chunked: Chunked = operand.structure
    unique = "".join(dict.fromkeys(labels))
    axes = [labels.index(c) for c in unique]
    squeeze = tuple(i for i, axis in enumerate(axes) if operand.shape[axis] != contraction.sizes[unique[i]])
    kept = [axis for i, axis in enumerate(axes) if i not in squeeze]
    facts = Operand(
        tuple(operand.shape[axis] for axis in kept),
        operand.dtype,
        (),
        NAME,
        structure=Chunked(
            tuple(chunked.chunks[axis] for axis in kept),
            tuple(chunked.unknown[axis] for axis in kept),
            chunked.behind if len(kept) == len(labels) else _all(len(kept)),
            chunked.held,
        ),
    )
    diagonal = f"{labels}->{unique}" if unique != labels else None
    return Prepared(diagonal, squeeze, None, "".join(labels[axis] for axis in kept), facts)


def bring(p: Prepared, dtype: DType) -> Bring | None:
    """What does that to an operand."""
    if p.diagonal is None and not p.squeeze:
        return None
    source, _, target = (p.diagonal or "").partition("->")
    ndim = len(p.labels) + len(p.squeeze)
    index = tuple(0 if i in p.squeeze else slice(None) for i in range(ndim))

    def canonical(x: Any) -> Any:
        if isinstance(x, Held):
            if type(x.value) is np.ndarray and p.diagonal is None:
                return Held(x.value[index])
            x = x.array(tuple((n,) for n in x.value.shape))
        elif isinstance(x, LazyOperand):
            x = x.written()
        if p.diagonal is not None:
            x = _diagonal(x, source, target)
        return x[index] if p.squeeze else x

    return canonical


def _diagonal(x: da.Array, labels: str, output: str) -> da.Array:
    """The diagonal of an array whatever its chunks are."""
    part = Part(labels, array_facts(x), x.dtype.itemsize)
    cuts = cuts_for((part,), output, x.dtype.itemsize, *_limits((part,), {}), None)
    recipe = _recipe((labels,), output, (x.dtype,), x.dtype, {})
    return multiplied(
        [Source.of(labels, x)],
        output,
        x.dtype,
        cuts,
        recipe,
        multiplied_metas(recipe, [meta_from_array(x)]),
        "diagonal",
    )


def result(
    terms: Sequence[Term], output: str, layout: str, sizes: Mapping[str, int], dtype: DType
) -> Operand:
    """Facts of an intermediate not decided yet: in the chunks of the first term that has each label."""
    chunks, unknown = [], []
    for label in output:
        term = next(t for t in terms if label in t.labels)
        axis = term.labels.index(label)
        own = term.facts.structure
        chunks.append((int(sizes[label]),) if own is None else own.chunks[axis])
        unknown.append(own is not None and own.unknown[axis])
    shape = tuple(sizes[c] for c in output)
    return Operand(shape, dtype, (), NAME, structure=Chunked(tuple(chunks), tuple(unknown), _all(len(shape))))


def _limits(parts: Sequence[Part], told: Mapping[str, Any]) -> tuple[int, int]:
    """Bytes that a task, and that a chunk of a result, may take.

    Where the caller sets no limit, those of dask's own ``array.chunk-size`` and of the operands' chunks.
    """
    usual = parse_bytes(dask_config.get("array.chunk-size"))
    limit = told.get("memory_limit")
    if limit is not None:
        return limit, min(usual, max(1, limit // 2))
    chunks = [
        part.itemsize * prod(max(part.facts.chunks[axis], default=0) for axis in axes)
        for part in parts
        if not part.facts.held
        for axes in part.facts.behind
    ]
    largest = max([usual, *chunks])
    return max(2 * usual, 2 * sum(chunks)), largest


def _split_every(told: Mapping[str, Any]) -> int | None:
    """How many partial results are added up at once, as the caller gave it.

    Raises
    ------
    ValueError
        No int from 2 on.
    """
    given = told.get("split_every")
    if given is None or (isinstance(given, (int, np.integer)) and not isinstance(given, bool) and given > 1):
        return None if given is None else int(given)
    raise ValueError(
        f"split_every is {given!r}, expected an int, at least 2: how many partial results one task adds up"
    )


def _verdict(step: Step) -> Offer | Refused:
    told = dict(step.told)
    parts = tuple(
        Part(labels, op.structure, op.dtype.itemsize)
        for labels, op in zip(step.inputs, step.operands, strict=True)
    )
    cuts = cuts_for(parts, step.output, step.dtype.itemsize, *_limits(parts, told), _split_every(told))
    costs = cuts.costs
    calls = max(1.0, (costs.seconds - moving(costs.moved)) / CALL)
    lengths = dict(cuts.lengths)
    unknown = {
        c for part in parts for c, hidden in zip(part.labels, part.facts.unknown, strict=True) if hidden
    }
    made = Operand(
        tuple(step.sizes[c] for c in step.output),
        step.dtype,
        (),
        NAME,
        structure=Chunked(
            tuple(lengths[c] for c in step.output),
            tuple(c in unknown for c in step.output),
            _all(len(step.output)),
        ),
    )
    cost = Cost(costs.flops, costs.moved, calls, float("inf"))
    return Offer(cost, step.output, cuts, _note(step, cuts), facts=made)


def _note(step: Step, cuts: Cuts) -> str:
    """The plan of a step, for people."""
    lengths, costs = dict(cuts.lengths), cuts.costs
    tiles = prod(len(lengths[c]) for c in step.output)
    groups = prod(len(lengths[c]) for c in lengths if c not in step.output)
    shape = "x".join(str(max(lengths[c], default=0)) for c in step.output)
    text = f"{costs.tasks} task{'s' * (costs.tasks != 1)}: {tiles} tile{'s' * (tiles != 1)}"
    text += f" of {shape}" if shape else ""
    if groups > 1:
        text += f", each the sum of {groups} partial products, {cuts.split_every} at a time"
    again = [str(i) for i, flag in enumerate(cuts.rechunked) if flag]
    if again:
        text += f"; operand {', '.join(again)} rechunked"
    return f"{text}; moves {_size(costs.moved)}, at most {_size(costs.peak)} a task"


def _size(nbytes: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if nbytes < 1000 or unit == "GiB":
            return f"{nbytes:.3g} {unit}"
        nbytes /= 1024
    return ""


def _recipe(
    inputs: Sequence[str], output: str, dtypes: Sequence[DType], dtype: DType, told: Mapping[str, Any]
) -> Recipe:
    options = tuple(
        (name, value) for name, value in told.items() if name not in {"memory_limit", "split_every"}
    )
    same = all(own == dtype for own in dtypes)
    return Recipe(
        ascii_subscripts(tuple(inputs), output),
        None if same else dtype,
        (*options, ("threads", 1)),
        tuple(dtypes),
    )


def _bind(step: Step, offer: Offer) -> Runner:
    cuts: Cuts = offer.recipe
    lengths = dict(cuts.lengths)
    recipe = _recipe(
        step.inputs, step.output, [op.dtype for op in step.operands], step.dtype, dict(step.told)
    )

    def run(*values: Any, out: Any = None) -> Any:  # `out` is refused before
        sources = [_source(x, labels, lengths) for labels, x in zip(step.inputs, values, strict=True)]
        meta = multiplied_metas(recipe, [s.meta() for s in sources])
        return multiplied(sources, step.output, step.dtype, cuts, recipe, meta)

    return run


def _source(x: Any, labels: str, lengths: Mapping[str, tuple[int, ...]]) -> Source:
    if isinstance(x, LazyOperand):
        return x.source(labels)
    if isinstance(x, Held):
        structured = source_of(x.value, labels)
        if structured is not None:
            return structured
        x = x.array(tuple(lengths[c] for c in labels))
    return Source.of(labels, x)


def narrow(value: da.Array, dtype: DType) -> da.Array:
    """A result in the caller's dtype."""
    meta = meta_from_array(value).astype(dtype)
    return da.map_blocks(
        narrowed, value, dtype, dtype=dtype, meta=meta, name=f"astype-{tokenize(value.name, dtype.str)}"
    )


def identity(facts: Operand) -> da.Array:
    """Identity matrices, in the chunks of an operand as far as these are square."""
    chunked: Chunked = facts.structure
    one = da.eye(facts.shape[-1], chunks=max(*chunked.chunks[-1], 1), dtype=facts.dtype)
    return da.broadcast_to(one, facts.shape, chunks=(*chunked.chunks[:-2], *one.chunks))


#: What dask arrays and those that join them meet in.
FORM = Form(
    NAME,
    rank=1000,
    routes=(Route("dask.tasks", _verdict, _bind, tasks=True),),
    holds=holds,
    prepare=prepare,
    bring=bring,
    result=result,
    sliceable=False,
    casts=True,
    narrow=narrow,
    identity=identity,
    called="a dask array",
    tasks=True,
    keywords=frozenset({"split_every"}),
)
