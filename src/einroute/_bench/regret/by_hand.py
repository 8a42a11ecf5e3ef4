"""What a user would write for a call with NumPy and SciPy: general spellings, each where it applies.

Each way is a callable without arguments that does all of the work, from the operands as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from math import prod
from typing import Any

import numpy as np

from ..statement import load
from .draw import Drawn

__all__ = ["Way", "by_hand"]

Array = np.ndarray[Any, Any]
Way = Callable[[], Any]

#: Elements that a structured operand may have to be written out, products that a plain loop may form, and
#: slices of a loop in Python.
_WRITTEN, _LOOPED, _SLICES = 2e7, 3e8, 3000


def by_hand(call: Drawn) -> dict[str, Way]:
    """The ways that apply, by a name that says what is written."""
    return dict(chain(*(ways(call) for ways in (_written, _matmul, _sparse, _labels, _slices, _apart))))


def _written(call: Drawn) -> Iterator[tuple[str, Way]]:
    """NumPy's einsum of arrays, those with a structure written out."""
    if any(prod(x.shape) > _WRITTEN for x in call.operands):
        return
    work = prod(call.sizes.values())
    if work <= _LOOPED:
        yield "np.einsum", lambda: np.einsum(call.subscripts, *map(written, call.operands))
    yield (
        "np.einsum(optimize=True)",
        lambda: np.einsum(call.subscripts, *map(written, call.operands), optimize=True),
    )


def written(x: Any) -> Array:
    """An operand as an array."""
    kind = getattr(x, "kind", "")
    if kind == "one_hot":
        return np.asarray(x.labels[..., None] == np.arange(x.depth), x.dtype)
    if kind == "rolled":
        d, k = x.shape[0], x.shape[1]
        return np.asarray(x.base[(np.arange(d)[:, None] + np.arange(k)) % d])
    if kind == "difference":
        return np.asarray(x.x[:, None] - x.y)
    return np.asarray(x.toarray() if hasattr(x, "toarray") else x)


def _matmul(call: Drawn) -> Iterator[tuple[str, Way]]:
    """A pair as one matmul of reshaped operands; one operand as a sum."""
    if not all(isinstance(x, np.ndarray) for x in call.operands):
        return
    if any(len(set(labels)) < len(labels) for labels in call.inputs):
        return
    if len(call.inputs) == 1:
        yield "x.sum(axes)", lambda: _summed(call.inputs[0], call.output, call.operands[0])
    if len(call.inputs) == 2:
        yield "matmul", lambda: pair(call.inputs[0], call.inputs[1], call.output, *call.operands)
    if len(call.inputs) == 3:
        for first in ((0, 1), (1, 2), (0, 2)):
            (last,) = {0, 1, 2} - set(first)
            left, right = (call.inputs[i] for i in first)
            kept = "".join(c for c in dict.fromkeys(left + right) if c in call.output + call.inputs[last])
            if prod(call.sizes[c] for c in kept) > _WRITTEN:
                continue
            yield f"matmul twice, {first} first", _twice(call, first, last, kept)


def _twice(call: Drawn, first: tuple[int, int], last: int, kept: str) -> Way:
    def run() -> Array:
        i, j = first
        made = pair(call.inputs[i], call.inputs[j], kept, call.operands[i], call.operands[j])
        return pair(kept, call.inputs[last], call.output, made, call.operands[last])

    return run


def _summed(labels: str, output: str, x: Array) -> Array:
    """One operand: a sum, and a transposition of what is left."""
    axes = tuple(i for i, c in enumerate(labels) if c not in output)
    kept = [c for c in labels if c in output]
    made = x.sum(axis=axes, dtype=x.dtype) if axes else x
    return np.asarray(made).transpose([kept.index(c) for c in output])


def pair(a: str, b: str, output: str, x: Array, y: Array) -> Array:
    """Two arrays by matmul: a stack of (left x contracted) by (contracted x right)."""
    only_a = "".join(c for c in a if c in b or c in output)
    only_b = "".join(c for c in b if c in a or c in output)
    x, y, a, b = _summed(a, only_a, x), _summed(b, only_b, y), only_a, only_b
    batch = [c for c in a if c in b and c in output]
    shared = [c for c in a if c in b and c not in output]
    left, right = [c for c in a if c not in b], [c for c in b if c not in a]
    if not shared and not (left and right):
        return _scaled(a, b, output, x, y)
    n = {**dict(zip(a, x.shape, strict=True)), **dict(zip(b, y.shape, strict=True))}
    stack = [n[c] for c in batch]
    m, k, p = (prod(n[c] for c in labels) for labels in (left, shared, right))
    x = x.transpose([a.index(c) for c in (*batch, *left, *shared)]).reshape(*stack, m, k)
    y = y.transpose([b.index(c) for c in (*batch, *shared, *right)]).reshape(*stack, k, p)
    made = (x @ y).reshape([n[c] for c in (*batch, *left, *right)])
    return made.transpose([(*batch, *left, *right).index(c) for c in output])


def _scaled(a: str, b: str, output: str, x: Array, y: Array) -> Array:
    """Elementwise products, broadcast."""

    def aligned(labels: str, z: Array) -> Array:
        z = z.transpose([labels.index(c) for c in output if c in labels])
        return z[tuple(slice(None) if c in labels else None for c in output)]

    return np.asarray(aligned(a, x) * aligned(b, y))


def _sparse(call: Drawn) -> Iterator[tuple[str, Way]]:
    """scipy.sparse's own operations on matrices."""
    sp = load("scipy.sparse")
    matrices = [i for i, x in enumerate(call.operands) if sp.issparse(x) and x.ndim == 2]
    if not matrices or len(matrices) != sum(sp.issparse(x) for x in call.operands):
        return
    if len(call.operands) == 1:
        yield "A.sum, A.T", lambda: _sparse_alone(call.inputs[0], call.output, call.operands[0])
    elif len(call.operands) == 2 and len(matrices) == 2:
        yield "A @ B, A.multiply(B)", lambda: _sparse_pair(call)
    elif len(call.operands) == 2:
        yield from _sparse_by_dense(call, matrices[0])
    elif len(call.operands) == 3 and call.subscripts == "i,ij,j->":
        i, a, j = call.operands
        yield "x @ (A @ y)", lambda: np.asarray(i @ (a @ j))
    elif call.subscripts == "ij,ik,jk->ij":
        yield "A.multiply at its entries", lambda: _sampled(*call.operands)


def _sparse_alone(labels: str, output: str, a: Any) -> Any:
    if labels[0] == labels[1]:
        return np.asarray(a.trace()) if not output else a.diagonal()
    if len(output) == 2:
        return a.copy().tocsr() if output == labels else a.T.tocsr()  # as einroute's results are
    if not output:
        return np.asarray(a.sum())
    return np.asarray(a.sum(axis=1 - labels.index(output)))


def _sparse_pair(call: Drawn) -> Any:
    (a, b), (x, y), output = call.inputs, call.operands, call.output
    if set(a) == set(b):
        both = x.multiply(y if a == b else y.T)
        return both if len(output) == 2 else _sparse_alone(a, output, both)
    (c,) = set(a) & set(b)
    left = x if a[1] == c else x.T
    right = y if b[0] == c else y.T
    if not output:
        return np.asarray(np.asarray(left.sum(axis=0)).ravel() @ np.asarray(right.sum(axis=1)).ravel())
    made = left @ right
    return made if output[0] in a else made.T


def _sparse_by_dense(call: Drawn, at: int) -> Iterator[tuple[str, Way]]:
    s, d = call.inputs[at], call.inputs[1 - at]
    a, x, output = call.operands[at], call.operands[1 - at], call.output
    shared = [c for c in s if c in d]
    if len(shared) == 1 and shared[0] not in output:
        yield "A @ X, reshaped", lambda: _product(s, d, output, a, x)
        extra = [c for c in d if c != shared[0]]
        if len(extra) == 2 and x.shape[d.index(extra[0])] <= _SLICES and set(extra) <= set(output):
            yield "A @ X[t] in a loop", lambda: _product_by_slices(s, d, output, a, x, extra[0])
    if set(d) <= set(s) and len(shared) == len(d):
        if len(d) == 1 and set(output) == set(s):
            column = d == s[0]
            yield "A.multiply(v)", lambda: a.multiply(x[:, None] if column else x)
        if len(d) == 2 and not output:
            yield "A.multiply(X).sum()", lambda: np.asarray(a.multiply(x if d == s else x.T).sum())


def _product(s: str, d: str, output: str, a: Any, x: Array) -> Array:
    c = next(c for c in s if c in d)
    kept = s.replace(c, "")
    rest = d.replace(c, "")
    flat = x.transpose([d.index(c), *(d.index(r) for r in rest)]).reshape(x.shape[d.index(c)], -1)
    if kept not in output:  # summed over
        made = np.asarray(a.sum(axis=s.index(kept))).ravel() @ flat
        made = made.reshape([x.shape[d.index(r)] for r in rest])
        return _summed(rest, output, made)
    summed = [r for r in rest if r not in output]
    if summed:
        flat = x.sum(axis=tuple(d.index(r) for r in summed))[:, None]
        rest = "".join(r for r in rest if r not in summed)
    made = (a if s[1] == c else a.T) @ flat
    shape = [x.shape[d.index(r)] for r in rest]
    made = made.reshape(made.shape[0], *shape)
    return np.asarray(made.transpose([(kept + rest).index(label) for label in output]))


def _product_by_slices(s: str, d: str, output: str, a: Any, x: Array, along: str) -> Array:
    c = next(c for c in s if c in d)
    other = d.replace(c, "").replace(along, "")
    slices = x.transpose([d.index(along), d.index(c), d.index(other)])
    matrix = a if s[1] == c else a.T
    made = np.stack([matrix @ part for part in slices])
    kept = s.replace(c, "")
    return np.asarray(made.transpose([(along + kept + other).index(label) for label in output]))


def _sampled(a: Any, x: Array, y: Array) -> Any:
    coo = a.tocoo()
    rows, columns = coo.coords
    return load("scipy.sparse").coo_array(
        (coo.data * (x[rows] * y[columns]).sum(axis=1), coo.coords), shape=a.shape
    )


def _labels(call: Drawn) -> Iterator[tuple[str, Way]]:
    """bincount, take, and a sparse matrix of ones."""
    hots = [i for i, x in enumerate(call.operands) if getattr(x, "kind", "") == "one_hot"]
    if not hots:
        return
    x = call.operands[hots[0]]
    places, c = call.inputs[hots[0]][:-1], call.inputs[hots[0]][-1]
    if x.labels.min(initial=0) < 0 or x.labels.max(initial=0) >= x.depth:
        return
    rest = [i for i in range(len(call.operands)) if i != hots[0]]
    if any(prod(call.operands[i].shape) > _WRITTEN for i in rest):
        return
    if any(c in call.inputs[i] for i in rest) and c not in call.output:
        yield "take", lambda: _taken(call, hots[0], rest)
    elif c not in call.output:
        # What is no class counts as 0: nobody knows that there is none without looking.
        yield (
            "a mask",
            lambda: np.einsum(
                ",".join([places, *(call.inputs[i] for i in rest)]) + "->" + call.output,
                ((x.labels >= 0) & (x.labels < x.depth)).astype(x.dtype),
                *(written(call.operands[i]) for i in rest),
            ),
        )
    elif not any(c in call.inputs[i] for i in rest) and not set(places) & set(call.output):
        yield "bincount, or a sparse matrix", lambda: _added(call, hots[0], rest)


def _taken(call: Drawn, hot: int, rest: list[int]) -> Array:
    x, c, places = call.operands[hot], call.inputs[hot][-1], call.inputs[hot][:-1]
    inputs, arrays = [], []
    for i in rest:
        labels, array = call.inputs[i], written(call.operands[i])
        if c in labels:
            at = labels.index(c)
            if set(places) & set(labels):
                array = array.transpose([labels.index(p) for p in places] + [at])
                array = np.take_along_axis(array, x.labels[..., None], -1)[..., 0]
                labels = places
            else:
                array, labels = np.take(array, x.labels, axis=at), labels[:at] + places + labels[at + 1 :]
        inputs.append(labels)
        arrays.append(array)
    if len(arrays) == 1 and set(inputs[0]) == set(call.output):
        return np.asarray(arrays[0].transpose([inputs[0].index(label) for label in call.output]))
    return np.asarray(np.einsum(",".join(inputs) + "->" + call.output, *arrays, optimize=True))


def _added(call: Drawn, hot: int, rest: list[int]) -> Any:
    x, c, places = call.operands[hot], call.inputs[hot][-1], call.inputs[hot][:-1]
    flat = x.labels.reshape(-1)
    if not rest:
        return np.bincount(flat, minlength=x.depth).astype(x.dtype)
    others = "".join(k for k in call.output if k != c)
    subscripts = ",".join(call.inputs[i] for i in rest) + "->" + places + others
    rows = [written(call.operands[i]) for i in rest]
    made = rows[0] if subscripts == f"{places}->{places}" else np.einsum(subscripts, *rows, optimize=True)
    shape = made.shape[len(places) :]
    if not others and made.dtype.kind == "f":
        return np.bincount(flat, weights=made.reshape(-1), minlength=x.depth).astype(made.dtype)
    sp = load("scipy.sparse")
    ones = np.ones(len(flat), made.dtype)
    matrix = sp.csr_array((ones, flat, np.arange(len(flat) + 1)), shape=(len(flat), x.depth))
    found = (matrix.T @ made.reshape(len(flat), -1)).reshape(x.depth, *shape)
    return found.transpose([(c + others).index(label) for label in call.output])


def _slices(call: Drawn) -> Iterator[tuple[str, Way]]:
    """A loop in Python over a label of a structured operand: the shifts, or the points."""
    kinds = {getattr(x, "kind", "") for x in call.operands}
    along = "j" if "rolled" in kinds else "i" if "difference" in kinds else ""
    if not along or call.sizes[along] > _SLICES:
        return
    if "rolled" in kinds and call.subscripts == "ij,j->i" and call.operands[0].dtype.kind == "f":
        yield "np.correlate", lambda: _correlated(*call.operands)

    def run() -> Any:
        inputs = [labels.replace(along, "") for labels in call.inputs]
        output = call.output.replace(along, "")
        subscripts = ",".join(inputs) + "->" + output
        slices = [_slicer(x, labels, along) for x, labels in zip(call.operands, call.inputs, strict=True)]
        parts = (
            np.einsum(subscripts, *(at(j) for at in slices), optimize=True) for j in range(call.sizes[along])
        )
        if along in call.output:
            return np.stack(list(parts), axis=call.output.index(along))
        found: Any = 0
        for part in parts:
            found = found + part
        return found

    yield f"a loop over {along}", run


def _slicer(x: Any, labels: str, along: str) -> Callable[[int], Array]:
    kind = getattr(x, "kind", "")
    if kind == "rolled":
        base = np.concatenate([x.base, x.base[: x.shape[1]]])
        return lambda j: base[j : j + x.shape[0]]
    if kind == "difference":
        return lambda i: np.asarray(x.x[i] - x.y)
    if along not in labels:
        return lambda _: np.asarray(x)
    front = np.moveaxis(x, labels.index(along), 0)
    return lambda j: np.asarray(front[j])


def _correlated(x: Any, kernel: Array) -> Array:
    base = np.concatenate([x.base, x.base[: x.shape[1] - 1]])
    return np.correlate(base, kernel, "valid")


def _apart(call: Drawn) -> Iterator[tuple[str, Way]]:
    """Differences multiplied out, x and y centred before; and SciPy's distances."""
    at = [i for i, x in enumerate(call.operands) if getattr(x, "kind", "") == "difference"]
    if not at or call.operands[at[0]].dtype.kind not in "fc":
        return
    x = call.operands[at[0]]
    distance = load("scipy.spatial.distance")
    if call.subscripts == "ijk,ijk->ij" and x.dtype == np.float64:
        yield "cdist", lambda: distance.cdist(x.x, x.y, "sqeuclidean")
    if call.subscripts == "ijk,k,ijk->ij" and x.dtype == np.float64:
        w = call.operands[1]
        yield "cdist(w=)", lambda: distance.cdist(x.x, x.y, "sqeuclidean", w=w)

    def run() -> Any:
        middle = x.x.mean(axis=0)
        parts = (x.x - middle, middle - x.y)
        found: Any = 0
        for sides in np.ndindex(*(2,) * len(at)):
            inputs, arrays = list(call.inputs), list(call.operands)
            for i, side in zip(at, sides, strict=True):
                inputs[i] = call.inputs[i][side] + call.inputs[i][2]
                arrays[i] = parts[side]
            # A label that no factor has is counted.
            lacking = set("".join(call.inputs)) - set("".join(inputs))
            for c in lacking:
                inputs.append(c)
                arrays.append(np.ones(call.sizes[c], x.dtype))
            found = found + np.einsum(",".join(inputs) + "->" + call.output, *arrays, optimize=True)
        return found

    yield "multiplied out, centred", run
