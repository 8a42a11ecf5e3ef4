"""The form of dask arrays: lazy, in chunks, and contracted by tasks; all other operands join it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import dask.array as da
import numpy as np
from dask import config as dask_config
from dask.array.utils import meta_from_array
from dask.utils import parse_bytes

from ..._base.c_einsum import ascii_subscripts
from ..._base.cost import CALL, Cost, moving
from ..._base.facts import Contraction, DType, Operand, Prepared, Step
from ..._base.kinds import Bring, Form, Kind, Term
from ..._base.routes import Offer, Refused, Route, Runner
from .chunked import Chunked, lengths_of, size_of
from .graph import Source, held_array, multiplied
from .tasks import Recipe, multiplied_metas
from .tiles import Cuts, Part, cuts_for

__all__ = ["FORM", "NAME", "Held"]

NAME = "dask"


@dataclass(frozen=True, slots=True)
class Held:
    """An operand that this process holds, of whatever kind; cut as the plan wants it."""

    value: Any

    def array(self, chunks: tuple[tuple[int, ...], ...]) -> da.Array:
        """As a dask array in these chunks."""
        return held_array(self.value, chunks, meta_from_array(self.value, ndim=len(chunks)))


@lru_cache(maxsize=64)
def guest(kind: Kind) -> Kind:
    """The kind that stands for one of another form beside dask arrays."""

    def facts(x: Any) -> Operand:
        own = kind.facts(x)
        shape = tuple(int(n) for n in own.shape)
        return Operand(
            shape,
            own.dtype,
            (),
            NAME,
            structure=Chunked(tuple((n,) for n in shape), (False,) * len(shape), True),
        )

    return Kind(kind.name, FORM, kind.recognises, facts, kind.signature, precedence=-1, adopt=Held)


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
            chunked.held,
            tuple(i for i, axis in enumerate(kept) if axis in chunked.thin),
            chunked.meta,
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
        elif not isinstance(x, da.Array):
            x = x.written()
        if p.diagonal is not None:
            x = _diagonal(x, source, target)
        return x[index] if p.squeeze else x

    return canonical


def _diagonal(x: da.Array, labels: str, output: str) -> da.Array:
    """The diagonal of an array whatever its chunks are."""
    part = Part(labels, chunked_facts(x), x.dtype.itemsize)
    cuts = cuts_for((part,), output, x.dtype.itemsize, *_limits({}), None)
    recipe = _recipe((labels,), output, (x.dtype,), x.dtype, {})
    return multiplied([Source(labels, x)], output, x.dtype, cuts, recipe, _meta(recipe, [x]), "diagonal")


def chunked_facts(x: da.Array) -> Chunked:
    """What planning knows of a dask array's chunks."""
    sizes = [size_of(lengths) for lengths in x.chunks]
    unknown = tuple(type(n) is not int for n in sizes)
    return Chunked(tuple(lengths_of(own) for own in x.chunks), unknown, meta=type(x._meta))


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
    return Operand(shape, dtype, (), NAME, structure=Chunked(tuple(chunks), tuple(unknown)))


def _told(step: Step) -> dict[str, Any]:
    return dict(step.told)


def _limits(told: Mapping[str, Any]) -> tuple[int, int]:
    """Bytes that a task, and that a chunk of a result, may take."""
    largest = parse_bytes(dask_config.get("array.chunk-size"))
    limit = told.get("memory_limit")
    budget = 2 * largest if limit is None else limit
    return budget, min(largest, max(1, budget // 2))


def _verdict(step: Step) -> Offer | Refused:
    told = _told(step)
    parts = tuple(
        Part(labels, op.structure, op.dtype.itemsize)
        for labels, op in zip(step.inputs, step.operands, strict=True)
    )
    cuts = cuts_for(parts, step.output, step.dtype.itemsize, *_limits(told), told.get("split_every"))
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
        structure=Chunked(tuple(lengths[c] for c in step.output), tuple(c in unknown for c in step.output)),
    )
    cost = Cost(costs.flops, costs.moved, calls, float("inf"))
    return Offer(cost, step.output, cuts, _note(step, cuts), facts=made)


def _note(step: Step, cuts: Cuts) -> str:
    """The plan of a step, for people."""
    lengths, costs = dict(cuts.lengths), cuts.costs
    tiles = prod(len(lengths[c]) for c in step.output)
    groups = prod(len(lengths[c]) for c in lengths if c not in step.output)
    shape = "x".join(str(max(lengths[c], default=0)) for c in step.output)
    text = f"{costs.tasks} tasks: {tiles} tile{'s' * (tiles != 1)}"
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


def _meta(recipe: Recipe, arrays: Sequence[da.Array]) -> Any:
    return multiplied_metas(recipe, [x._meta for x in arrays])


def _bind(step: Step, offer: Offer) -> Runner:
    cuts: Cuts = offer.recipe
    lengths = dict(cuts.lengths)
    recipe = _recipe(step.inputs, step.output, [op.dtype for op in step.operands], step.dtype, _told(step))

    def run(*values: Any, out: Any = None) -> Any:  # `out` is refused before
        arrays = [
            x.array(tuple(lengths[c] for c in labels)) if isinstance(x, Held) else x
            for labels, x in zip(step.inputs, values, strict=True)
        ]
        sources = [Source(labels, x) for labels, x in zip(step.inputs, arrays, strict=True)]
        return multiplied(sources, step.output, step.dtype, cuts, recipe, _meta(recipe, arrays))

    return run


def narrow(value: da.Array, dtype: DType) -> da.Array:
    """A result in the caller's dtype."""
    return value.astype(dtype)


#: What dask arrays and those that join them meet in.
FORM = Form(
    NAME,
    rank=1000,
    routes=(Route("dask.tasks", _verdict, _bind),),
    holds=holds,
    prepare=prepare,
    bring=bring,
    result=result,
    sliceable=False,
    casts=True,
    narrow=narrow,
    called="a dask array",
    guest=guest,
    tasks=True,
    keywords=frozenset({"split_every"}),
)
