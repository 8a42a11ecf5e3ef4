"""Calls with structured operands, mixed with dense and sparse ones.

Every structured operand is drawn together with what it stands for, made here by plain NumPy. Elements that a
one-hot rules out may be nan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import einroute
from einroute._kinds.registry import own_forms

from .case import Case, meant
from .meaning import Drawn, Meaning, dense, of_entries
from .source import Source
from .sparse import written as written_sparse

LETTERS = "abcdefg"
DTYPES = ("f8", "f8", "f8", "f8", "f4", "c16", "c8", "i8", "i4", "i1", "u2", "?", "f2", "g", ">f8")
LABEL_DTYPES = ("i8", "i8", "i8", "i4", "i2", "i1", "u1", "u2", "u8", ">i4", ">u8")
#: Public constructors, by kind; those that einroute lacks are not drawn.
MAKERS = {"one_hot": "one_hot", "rolled": "rolled", "difference": "pairwise_difference"}


def there() -> tuple[str, ...]:
    """Structured kinds that einroute has a public constructor for."""
    return tuple(
        kind
        for kind in (form.name for form in own_forms() if form.rewrites)
        if hasattr(einroute, MAKERS[kind])
    )


def draw(seed: int, index: int, kinds: Sequence[str] | None = None) -> Case:
    """Case `index` of the sequence that `seed` starts, with structured operands of some kinds."""
    rng = np.random.default_rng([seed, index, 5])
    numbers = np.random.default_rng([seed, index])
    return _Drawer(rng, kinds or there()).case(numbers)


class _Drawer:
    """Draws one case."""

    def __init__(self, rng: np.random.Generator, structured: Sequence[str]) -> None:
        self.rng, self.structured = rng, structured
        self.large = rng.random() < 0.1
        self.mixed = rng.random() < 0.3
        self.dtype = str(rng.choice(DTYPES))
        self.poisoned = rng.random() < 0.35

    def case(self, numbers: np.random.Generator) -> Case:
        """The case; ``numbers`` are those that are put into its bases before it is called again."""
        rng = self.rng
        count = int(rng.choice([1, 2, 3, 4], p=[0.15, 0.4, 0.3, 0.15]))
        pool = LETTERS[: int(rng.integers(2, 8))]
        self.sizes = {c: self.length() for c in pool}
        kinds = self.kinds(count)
        inputs = [self.labels(kind, pool) for kind in kinds]
        for kind, labels in zip(kinds, inputs, strict=True):
            if kind == "difference" and rng.random() < 0.5:
                self.sizes[labels[1]] = self.sizes[labels[0]]
        for labels in inputs:
            for c in labels:
                if labels.count(c) > 1:
                    self.sizes[c] = max(self.sizes[c], 1)
        drawn = [self.operand(kind, labels, count) for kind, labels in zip(kinds, inputs, strict=True)]
        if count > 1 and rng.random() < 0.15:  # the same operand twice
            i, j = rng.permutation(count)[:2]
            if len(set(drawn[i].labels)) == len(drawn[i].labels):
                drawn[j] = drawn[i]
        inputs = [x.labels for x in drawn]
        used = list(dict.fromkeys("".join(inputs)))
        output = "".join(rng.permutation(used)[: int(rng.integers(0, min(4, len(used)) + 1))]) if used else ""
        subscripts = ",".join(inputs) + "->" + output
        if rng.random() < 0.1:
            subscripts = ",".join(inputs)
            output = "".join(sorted(c for c in used if "".join(inputs).count(c) == 1))
        meaning = Meaning(tuple(drawn), output)
        if count == 2 and rng.random() < 0.2:
            axes, meaning = self.tensordot(meaning)
            function, head, tail = ("tensordot", (), axes) if axes else ("einsum", (subscripts,), ())
            return meant(function, head, tail, meaning, {}, lambda: change(meaning, numbers))
        options = self.options(meaning)
        if self.poisoned:
            poison(rng, meaning)
        return meant("einsum", (subscripts,), (), meaning, options, lambda: change(meaning, numbers))

    def length(self) -> int:
        if self.large:
            return int(self.rng.choice([1, 3, 17, 40]))
        return int(self.rng.choice([0, 1, 2, 3, 4, 5, 8], p=[0.02, 0.1, 0.2, 0.25, 0.2, 0.13, 0.1]))

    def kinds(self, count: int) -> list[str]:
        """Kinds of the operands, one of them structured at least."""
        rng, structured = self.rng, self.structured
        kinds = [str(rng.choice(structured))]
        for _ in range(count - 1):
            which = rng.random()
            kinds.append(
                str(rng.choice(structured)) if which < 0.35 else "sparse" if which < 0.47 else "dense"
            )
        return [kinds[i] for i in rng.permutation(count)]

    def labels(self, kind: str, pool: str) -> str:
        least, most = {"one_hot": (1, 4), "rolled": (2, 4), "difference": (3, 3), "sparse": (1, 3)}.get(
            kind, (0, 3)
        )
        ndim = int(self.rng.integers(least, most + 1))
        repeats = self.rng.random() < 0.08 or len(pool) < ndim
        return "".join(self.rng.choice(list(pool), ndim, replace=repeats))

    def shape(self, labels: str, count: int) -> tuple[int, ...]:
        """Sizes of the labels, now and then 1 for one that is broadcast."""
        ones = {c for c in labels if count > 1 and self.rng.random() < 0.04}
        return tuple(1 if c in ones else self.sizes[c] for c in labels)

    def operand(self, kind: str, labels: str, count: int) -> Drawn:
        shape = self.shape(labels, count)
        return getattr(self, kind)(labels, shape)

    def own_dtype(self) -> str:
        return str(self.rng.choice(DTYPES)) if self.mixed else self.dtype

    def values(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        rng = self.rng
        kind = np.dtype(dtype).kind
        if kind == "b":
            return rng.random(shape) < 0.5
        if kind in "iu":
            return rng.integers(0 if kind == "u" else -9, 10, shape).astype(dtype)
        x = rng.standard_normal(shape)
        return np.asarray(x + 1j * rng.standard_normal(shape) if kind == "c" else x).astype(dtype)

    def laid(self, x: np.ndarray) -> np.ndarray:
        """The same numbers in a random layout."""
        way = self.rng.integers(0, 6)
        if way == 0 and x.ndim:
            wide = np.repeat(x, 2, axis=-1)
            return wide[..., ::2]
        if way == 1:
            return np.array(x, order="F")
        if way == 2 and x.ndim:
            return np.ascontiguousarray(x[::-1])[::-1]
        if way == 3 and x.ndim > 1:
            order = self.rng.permutation(x.ndim)
            return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
        return np.array(x)

    def dense(self, labels: str, shape: tuple[int, ...]) -> Drawn:
        x = self.laid(self.values(shape, self.own_dtype()))
        return dense(labels, x)

    def sparse(self, labels: str, shape: tuple[int, ...]) -> Drawn:
        dtype = np.dtype(self.own_dtype())
        dtype = dtype.newbyteorder("=") if dtype.char != "g" else np.dtype("f8")
        x = self.values(shape, dtype.str[1:] if dtype.kind != "b" else "?")
        x = np.where(self.rng.random(shape) < self.rng.choice([0, 0.3, 1.0]), x, 0).astype(x.dtype)
        return of_entries(labels, written_sparse(self.rng, x), x)

    def one_hot(self, labels: str, shape: tuple[int, ...]) -> Drawn:
        rng = self.rng
        dtype = np.dtype(str(rng.choice(LABEL_DTYPES)))
        own, depth = shape[:-1], shape[-1]
        info = np.iinfo(dtype)
        low, high = [(0, depth), (-2, depth + 2), (depth, depth + 3), (info.min, info.max)][
            int(rng.choice(4, p=[0.5, 0.35, 0.05, 0.1]))
        ]
        low, high = max(low, int(info.min)), min(max(high, low + 1), int(info.max))
        given = rng.integers(low, high, own, dtype=dtype.newbyteorder("="), endpoint=high == info.max)
        given = self.laid(np.asarray(given).astype(dtype))
        as_dtype = np.dtype(self.own_dtype()) if rng.random() < 0.6 else np.dtype(float)
        operand = einroute.one_hot(given, depth, dtype=as_dtype)

        def written() -> np.ndarray:
            return (given[..., None] == np.arange(depth)).astype(as_dtype)

        return Drawn("one_hot", labels, operand, written, lambda: np.abs(written()), (given,))

    def rolled(self, labels: str, shape: tuple[int, ...]) -> Drawn:
        rng = self.rng
        axis = int(rng.integers(0, len(shape) - 1))
        k = max(shape[axis + 1], 1)
        base = self.laid(self.values(shape[: axis + 1] + shape[axis + 2 :], self.own_dtype()))
        step = int(rng.choice([1, 1, -1, 0, 2, -3, 7]))
        given = axis if rng.random() < 0.7 else axis - base.ndim
        operand = einroute.rolled(base, k, axis=given, step=step)

        def written() -> np.ndarray:
            return np.stack([np.roll(base, -step * j, axis) for j in range(k)], axis + 1)

        return Drawn("rolled", labels, operand, written, lambda: np.abs(written()), (base,))

    def difference(self, labels: str, shape: tuple[int, ...]) -> Drawn:
        rng = self.rng
        n, m, d = shape
        dtype = self.own_dtype() if np.dtype(self.dtype).kind != "b" else "f8"
        dtype = dtype if np.dtype(dtype).kind != "b" else "i8"
        x = self.laid(self.values((n, d), dtype))
        alone = n == m and rng.random() < 0.6
        y = x if alone else self.laid(self.values((m, d), dtype))
        operand = einroute.pairwise_difference(x) if alone else einroute.pairwise_difference(x, y)

        def written() -> np.ndarray:
            return x[:, None] - y[None]

        def size() -> np.ndarray:
            wide = [
                np.abs(z.astype(np.clongdouble if z.dtype.kind == "c" else np.longdouble)) for z in (x, y)
            ]
            return np.maximum(wide[0][:, None] + wide[1][None], np.abs(written()))  # unsigned ones wrap

        return Drawn("difference", labels, operand, written, size, (x,) if alone else (x, y))

    def options(self, meaning: Meaning) -> dict[str, Any]:
        rng, options = self.rng, {}
        if rng.random() < 0.1:
            options["optimize"] = [True, "greedy", "optimal"][int(rng.integers(0, 3))]
        dense = [x.written() for x in meaning.drawn]
        if rng.random() < 0.1:
            options["dtype"] = np.result_type(*dense, str(rng.choice(["f8", "c16"])))
        if rng.random() < 0.1:
            options["order"] = str(rng.choice(["C", "F", "K"]))
        if rng.random() < 0.1 and not meaning.wants_sparse():
            shape = meaning.shape()
            dtype = options.get("dtype", np.result_type(*dense))
            options["out"] = np.zeros(shape, dtype, "F" if rng.random() < 0.3 else "C")
        return options

    def tensordot(self, meaning: Meaning) -> tuple[tuple[Any, ...], Meaning]:
        """The pair as a tensordot over the labels that both have, where it is one: axes and result."""
        a, b = meaning.inputs
        shared = [c for c in a if c in b]
        sizes = [dict(zip(x.labels, x.operand.shape, strict=True)) for x in meaning.drawn]
        if len(set(a)) < len(a) or len(set(b)) < len(b) or any(sizes[0][c] != sizes[1][c] for c in shared):
            return (), meaning
        axes = ([a.index(c) for c in shared], [b.index(c) for c in shared])
        return (axes,), Meaning(meaning.drawn, "".join(c for c in a + b if c not in shared))


def poison(rng: np.random.Generator, meaning: Meaning) -> None:
    """Set elements of dense float operands that a one-hot rules out to nan or inf."""
    for x in meaning.drawn:
        if x.kind != "dense" or x.operand.dtype.kind not in "fc" or len(set(x.labels)) < len(x.labels):
            continue
        for hot in meaning.drawn:
            mask = ruled_out(hot, x, meaning)
            if mask is not None and mask.any():
                x.operand[mask] = rng.choice([np.nan, np.inf, -np.inf])


def ruled_out(hot: Drawn, x: Drawn, meaning: Meaning) -> np.ndarray | None:
    """Elements of a dense operand that meet nothing but zeros of a one-hot."""
    if hot.kind != "one_hot" or len(set(hot.labels)) < len(hot.labels):
        return None
    whole = meaning.label_sizes()
    shared = [c for c in x.labels if c in hot.labels]
    if any(n != whole[c] for y in (hot, x) for c, n in zip(y.labels, y.operand.shape, strict=True)):
        return None  # an axis is broadcast
    ones = hot.written().astype(bool)
    alive = ones.any(axis=tuple(i for i, c in enumerate(hot.labels) if c not in shared))
    left = [c for c in hot.labels if c in shared]
    alive = np.asarray(alive).transpose([left.index(c) for c in shared])
    index = tuple(slice(None) if c in shared else None for c in x.labels)
    return np.broadcast_to(~alive[(*index, ...)], x.operand.shape)


def change(meaning: Meaning, rng: np.random.Generator) -> None:
    """Other numbers in the bases of the operands: nothing may be left of the old ones."""
    for x in meaning.drawn:
        for base in x.bases if x.kind != "sparse" else ():
            if x.kind != "one_hot" and base.dtype.kind in "fc" and not np.isfinite(base).all():
                continue  # it says what is ruled out, and so must the labels
            if x.kind == "one_hot" and any(
                y.kind == "dense" and y.operand.dtype.kind in "fc" and not np.isfinite(y.operand).all()
                for y in meaning.drawn
            ):
                continue
            flat = base.reshape(-1).copy()
            base[...] = rng.permutation(flat).reshape(base.shape)


def source(kinds: Sequence[str] | None = None) -> Source:
    """Cases with structured operands of some kinds, by default of all, through every rewrite of those."""
    forms = [form for form in own_forms() if form.name in (kinds or there())]
    names = tuple(rewrite.name for form in forms for rewrite in form.rewrites)
    given = f" --of {' '.join(kinds)}" if kinds else ""
    return Source(f"structured{given}", lambda seed, index: draw(seed, index, kinds), names)
