"""GEMM, GEMV, dot products and batches of them: what BLAS does best.

The layout is settled by `layout.Search`; this module runs a recipe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from ..._base.facts import Step, classify
from ..._base.numpy_functions import numpy_matmul, numpy_matvec
from ..._base.routes import Offer, Refused, Route, Runner
from ..._native.fresh import allocator
from .gemm_cost import SMALL, UNCOPIED, crowded
from .layout import Search
from .recipe import Recipe
from .strides import fused_stride, strides_of
from .transpose import permuted_copy

Array = np.ndarray[Any, Any]

#: Whether matmul copies matrices that BLAS cannot take; before NumPy 2.3 it multiplied them without BLAS.
_MATMUL_COPIES = tuple(int(part) for part in np.__version__.split(".")[:2]) >= (2, 3)
#: The dtypes BLAS knows.
BLAS_CHARS = "fdFD"


def verdict(step: Step) -> Offer | Refused:
    """Offer the cheapest recipe for a pair of float or complex operands."""
    if step.dtype.char not in BLAS_CHARS:
        return Refused(f"BLAS has no {step.dtype.name}")
    return gemm_offer(step)


def gemm_offer(step: Step) -> Offer | Refused:
    """The cheapest recipe for a pair, whatever its dtype."""
    if len(step.inputs) != 2:
        return Refused("not a pair of operands")
    labels = classify(step)
    if not labels.contracted:
        return Refused("no contracted label")
    if set("".join(step.inputs)) - set(step.output) - set(labels.contracted):
        return Refused("a label occurs in one operand only and is summed")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    found = Search(step).best()
    if found is None:
        return Refused("an operand that repeats its own memory would have to be copied")
    _, recipe, cost = found
    more = crowded(step, recipe)
    return Offer(cost, recipe.layout, recipe, note(recipe, step), blas=True, flagged=True, crowded=more)


def note(recipe: Recipe, step: Step) -> str:
    """How a recipe runs, in a phrase."""
    m, n, k = (step.extent(x) for x in (recipe.m, recipe.n, recipe.k))
    what = "dot" if m == n == 1 else "GEMV" if 1 in (m, n) else "GEMM"
    parts = [f"{what} {m}x{k} by {k}x{n}"]
    if recipe.loops:
        parts.append(f"{step.extent(recipe.loops)} times, over {recipe.loops}")
    packs = {"left": recipe.pack_a, "right": recipe.pack_b, "result": recipe.pack_out}
    copied = [which for which, pack in packs.items() if pack]
    parts.append("copies " + " and ".join(copied) if copied else "no copies")
    return ", ".join(parts)


def bind(step: Step, offer: Offer) -> Runner:
    """The recipe as a callable."""
    recipe: Recipe = offer.recipe
    if not recipe.loops and step.order != "F" and not recipe.pack_out:
        return _bind_plain(step, recipe)
    return _bind_matmul(step, recipe)


def _bind_plain(step: Step, recipe: Recipe) -> Runner:
    """One call of ``dot``, whose start is a third of matmul's; of matmul where dot would copy an operand."""
    product: Any = numpy_matmul if _dot_copies(step, recipe) else np.ndarray.dot
    x, y = (1, 0) if recipe.swapped else (0, 1)
    rows, columns = (recipe.n, recipe.m) if recipe.swapped else (recipe.m, recipe.n)
    packs = (recipe.pack_a, recipe.pack_b)
    left = _operand_2d(step, x, rows, recipe.k, packs[x], transposed=False)
    right = _operand_2d(step, y, columns, recipe.k, packs[y], transposed=True)
    made = rows + columns
    sizes = tuple(step.sizes[c] for c in made)
    axes = tuple(made.index(c) for c in step.output)
    reshape = None if len(rows) <= 1 and len(columns) <= 1 else sizes
    permute = None if axes == tuple(range(len(axes))) else axes
    to_made = tuple(step.output.index(c) for c in made)
    fused = tuple(step.extent(group) for group in (rows, columns) if group)
    empty = allocator(step.out_bytes, last=step.last)
    small = empty is np.empty
    made_by = product if small else _into_fresh(product, fused, step.dtype, empty)

    if (
        small
        and left is None
        and right is None
        and reshape is None
        and permute is None
        and product is not numpy_matmul
    ):
        if recipe.swapped:
            return lambda a, b, out=None: b.dot(a) if out is None else _dot_into(b, a, out)
        return dot

    if (
        small
        and reshape is None
        and product is not numpy_matmul
        and {left, right} <= {None, matrix_transpose}
    ):
        turn_left, turn_right, turn_result = (
            left is matrix_transpose,
            right is matrix_transpose,
            permute is not None,
        )

        def run_transposed(a: Array, b: Array, out: Array | None = None) -> Any:
            if x:
                a, b = b, a
            if turn_left:
                a = a.T
            if turn_right:
                b = b.T
            if out is not None:
                _dot_into(a, b, out.T if turn_result else out)
                return out
            return a.dot(b).T if turn_result else a.dot(b)

        return run_transposed

    def run(a: Array, b: Array, out: Array | None = None) -> Any:
        if x:
            a, b = b, a
        if left is not None:
            a = left(a)
        if right is not None:
            b = right(b)
        if out is not None:
            try:
                target = out.transpose(to_made).reshape(fused, copy=False)
            except ValueError:
                pass  # its groups do not fuse: through an array of our own
            else:
                numpy_matmul(a, b, out=target) if product is numpy_matmul else _dot_into(a, b, target)
                return out
        c = made_by(a, b)
        if reshape is not None:
            c = c.reshape(reshape)
        if permute is not None:
            c = c.transpose(permute)
        if out is None:
            return c
        permuted_copy(c, out, step.threads) if out.ndim else np.copyto(out, c)
        return out

    return run


def _into_fresh(
    product: Any, shape: tuple[int, ...], dtype: np.dtype[Any], empty: Callable[..., Array]
) -> Callable[[Array, Array], Array]:
    """The product into an array that ``empty`` makes."""
    return lambda a, b: product(a, b, empty(shape, dtype))


def _dot_copies(step: Step, recipe: Recipe) -> bool:
    """Whether ``dot`` would copy a large operand: one whose rows do not follow each other in memory."""
    packs = (recipe.pack_a, recipe.pack_b)
    most = SMALL if recipe.m and recipe.n else UNCOPIED
    return any(
        op.nbytes > most and op.span != op.nbytes and not pack
        for op, pack in zip(step.operands, packs, strict=True)
    )


def dot(a: Array, b: Array, out: Array | None = None) -> Any:
    """``a.dot(b)``, into any ``out``."""
    return a.dot(b) if out is None else _dot_into(a, b, out)


def _dot_into(a: Array, b: Array, out: Array) -> Array:
    if out.flags.carray and out.ndim:  # also aligned: dot refuses what is not
        return a.dot(b, out)
    if out.ndim == 2 and out.flags.aligned and out.nbytes > SMALL:
        return numpy_matmul(a, b, out=out)  # a part of a larger array: without a temporary
    np.copyto(out, a.dot(b))
    return out


def _operand_2d(
    step: Step, position: int, free: str, k: str, pack: bool, *, transposed: bool
) -> Callable[[Array], Array] | None:
    """From an operand to its matrix for ``dot``: (free, k), or (k, free) on the right.

    A vector stays one, and None stands for an operand that is a matrix already.
    """
    labels = step.inputs[position]
    depth = step.extent(k)
    threads = step.threads
    if pack and step.operands[position].nbytes > SMALL:  # below that dot's own copy costs less than ours
        turned = _lies_along(free, step, position)
        order = k + free if turned else free + k
        axes = tuple(labels.index(c) for c in order)
        shape = tuple(step.sizes[c] for c in order)
        flat = tuple(step.extent(g) for g in ((k, free) if turned else (free, k)) if g or g == k)
        empty = allocator(step.operands[position].nbytes, last=False)

        def packed(x: Array) -> Array:
            buffer = empty(shape, x.dtype)
            permuted_copy(x.transpose(axes), buffer, threads)
            matrix = buffer.reshape(flat)
            return matrix.T if transposed != turned else matrix

        return packed
    groups = (k, free) if transposed else (free, k)
    order = "".join(groups)
    axes = tuple(labels.index(c) for c in order)
    same = axes == tuple(range(len(axes)))
    shape = tuple(step.extent(g) for g in groups if g or g == k)
    if not free:
        shape = (depth,)
    plain = shape == tuple(step.sizes[c] for c in order)
    if same:
        return None if plain else lambda x: x.reshape(shape)
    if plain:
        return matrix_transpose if len(axes) == 2 else lambda x: x.transpose(axes)
    return lambda x: x.transpose(axes).reshape(shape)


def as_it_lies(step: Step, recipe: Recipe) -> Recipe:
    """The recipe for loops that take any strides: what BLAS would have copied stays, if it is a matrix."""
    packs = []
    for position, (pack, free) in enumerate(((recipe.pack_a, recipe.m), (recipe.pack_b, recipe.n))):
        own = strides_of(step.inputs[position], step.operands[position].strides)
        groups = (fused_stride(labels, step.sizes, own) for labels in (free, recipe.k))
        packs.append(pack and any(stride is None for stride in groups))
    return replace(recipe, pack_a=packs[0], pack_b=packs[1])


def _lies_along(free: str, step: Step, position: int) -> bool:
    """Whether an operand lies along a free label: it is copied as it lies, and turned for BLAS."""
    strides = strides_of(step.inputs[position], step.operands[position].strides)
    near = min((c for c in strides if step.sizes[c] > 1), key=lambda c: abs(strides[c]), default="")
    return near in free and near != ""


def matrix_transpose(x: Array) -> Array:
    """A matrix transposed; recognised by `_bind_plain`, which does without the call."""
    return x.T


def _bind_matmul(step: Step, recipe: Recipe) -> Runner:
    """``np.matmul`` over the loops, straight into the result's memory."""
    loops, m, n, k = recipe.loops, recipe.m, recipe.n, recipe.k
    # Small matrices that BLAS cannot take as they lie are copied by matmul itself, for less: one after the
    # other, each while it is in cache.
    pack_a, pack_b = (
        pack and (step.extent(matrix) * step.dtype.itemsize if _MATMUL_COPIES else op.nbytes) > SMALL
        for pack, op, matrix in zip(
            (recipe.pack_a, recipe.pack_b), step.operands, (m + k, k + n), strict=True
        )
    )
    as_a = _operand_3d(step, 0, loops, m, k, pack_a)
    as_b = _operand_3d(step, 1, loops, k, n, pack_b)
    groups = (*loops, m, n)
    inner = loops + (n + m if recipe.swapped else m + n)
    layout = inner if recipe.pack_out else recipe.layout
    sizes = tuple(step.sizes[c] for c in layout)
    to_result = tuple(layout.index(c) for c in step.output)
    to_groups = tuple(step.output.index(c) for c in "".join(groups))
    shape3 = tuple(step.extent(g) for g in groups)
    dtype, empty = step.dtype, allocator(step.out_bytes, last=step.last)
    pack_out = recipe.pack_out
    plain = recipe.layout == step.output == loops + m + n and not (pack_a or pack_b)
    if plain and empty is np.empty and _in_place(step, recipe):
        return numpy_matmul if n else numpy_matvec  # the operands as they come, batch axes and all

    target = recipe.layout
    target_sizes = tuple(step.sizes[c] for c in target)
    target_axes = tuple(target.index(c) for c in step.output)

    # A stack of vectors goes to matvec, which has no axis of length 1 to mind.
    if not recipe.swapped and not n and m and not pack_out and step.dtype.kind == "f":
        vectors = _operand_3d(step, 1, loops, "", k, pack_b)
        shape2, to_rows = shape3[:-1], to_groups

        def run_vectors(a: Array, b: Array, out: Array | None = None) -> Any:
            made = empty(sizes, dtype).transpose(to_result) if out is None else out
            rows = made.transpose(to_rows)
            if rows.shape == shape2:
                numpy_matvec(as_a(a), vectors(b)[..., 0, :], out=rows)
            else:
                rows[...] = numpy_matvec(as_a(a), vectors(b)[..., 0, :]).reshape(rows.shape)
            return made

        return run_vectors

    def run(a: Array, b: Array, out: Array | None = None) -> Any:
        if out is not None and not pack_out:
            try:
                matrix = out.transpose(to_groups).reshape(shape3, copy=False)
            except ValueError:
                pass  # its groups do not fuse: through an array of our own
            else:
                numpy_matmul(as_a(a), as_b(b), out=matrix)
                return out
        made = empty(sizes, dtype).transpose(to_result)
        matrix = made.transpose(to_groups).reshape(shape3, copy=False)
        numpy_matmul(as_a(a), as_b(b), out=matrix)
        if out is not None:
            permuted_copy(made, out, step.threads)
            return out
        if pack_out:
            result = empty(target_sizes, dtype).transpose(target_axes)
            permuted_copy(made, result, step.threads)
            return result
        return made

    return run


def _in_place(step: Step, recipe: Recipe) -> bool:
    """Whether matmul takes both operands as they lie and makes the result as it is wanted."""
    if len(recipe.m) != 1 or len(recipe.n) > 1 or len(recipe.k) != 1:
        return False
    if recipe.pack_out or recipe.swapped or (not recipe.n and step.dtype.kind != "f"):
        return False
    a, b = step.inputs
    left, right = recipe.m + recipe.k, recipe.k + recipe.n
    if a not in (left, recipe.loops + left) or b not in (right, recipe.loops + right):
        return False
    # The result's loops lie in C order if those of an operand do, and else as the operands' loops lie.
    loops = [c for c in recipe.loops if step.sizes[c] > 1]
    return len(loops) < 2 or any(
        _lies_in_order([abs(own.get(c, 0)) for c in loops])
        for own in (strides_of(x, op.strides) for x, op in zip(step.inputs, step.operands, strict=True))
    )


def _lies_in_order(strides: list[int]) -> bool:
    """Whether axes lie one within the other, the first outermost, and none stands still."""
    return strides[-1] > 0 and all(x > y for x, y in pairwise(strides))


def _operand_3d(
    step: Step, position: int, loops: str, rows: str, columns: str, pack: bool
) -> Callable[[Array], Array]:
    """From an operand to its stack of matrices (loops..., rows, columns); loops it lacks have length 1."""
    labels = step.inputs[position]
    present = "".join(c for c in loops if c in labels)
    order = present + rows + columns
    axes = tuple(labels.index(c) for c in order)
    looped = (step.sizes[c] if c in labels else 1 for c in loops)
    shape = (*looped, step.extent(rows), step.extent(columns))
    packed_shape = tuple(step.sizes[c] for c in order)
    empty = allocator(step.operands[position].nbytes, last=False)
    threads = step.threads

    def view(x: Array) -> Array:
        x = x.transpose(axes)
        if pack:
            buffer = empty(packed_shape, x.dtype)
            permuted_copy(x, buffer, threads)
            x = buffer
        return x.reshape(shape)

    return view


ROUTE = Route("dense.matmul", verdict, bind)
