"""Random calls with structured operands, mixed with dense and sparse ones, judged by them written out.

Every structured operand is drawn together with what it stands for, made here by plain NumPy.  What einroute
makes of the operands must be what NumPy makes of those arrays: value, dtype, shape, and the kind that the
labels ask for, where a structured operand counts as dense.  Elements that a one-hot rules out may be nan.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
import sparse

import einroute
from einroute._base.routes import NoRoute
from einroute._config.config_block import forcing
from einroute._kinds.registry import own_forms
from einroute._kinds.structured import Structured

from .runner import NUMPY_ROUTE, Report
from .sparse import _written

LETTERS = "abcdefg"
DTYPES = ("f8", "f8", "f8", "f8", "f4", "c16", "c8", "i8", "i4", "i1", "u2", "?", "f2", "g", ">f8")
LABEL_DTYPES = ("i8", "i8", "i8", "i4", "i2", "i1", "u1", "u2", "u8", ">i4", ">u8")
#: Public constructors, by kind; those that einroute lacks are not drawn.
MAKERS = {"one_hot": "one_hot", "rolled": "rolled", "difference": "pairwise_difference"}


@dataclass(frozen=True)
class Drawn:
    """An operand, and how the array that it stands for is made of what its bases hold at that time."""

    kind: str
    labels: str
    operand: Any
    written: Callable[[], np.ndarray]
    size: Callable[[], np.ndarray]
    bases: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class StructuredCase:
    """A call of `function`; `inputs` and `output` are its meaning as an einsum."""

    function: str
    head: tuple[Any, ...]
    tail: tuple[Any, ...]
    drawn: tuple[Drawn, ...]
    output: str
    options: dict[str, Any]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Labels of the operands."""
        return tuple(x.labels for x in self.drawn)

    @property
    def operands(self) -> tuple[Any, ...]:
        """The operands as they are passed."""
        return tuple(x.operand for x in self.drawn)

    def text(self) -> str:
        """The call and its operands, to reproduce it by."""
        shown = ", ".join(
            repr(x.operand)
            if isinstance(x.operand, Structured)
            else f"{x.kind}{x.operand.shape} {x.operand.dtype}"
            for x in self.drawn
        )
        options = {
            k: f"array {v.dtype} {v.flags.f_contiguous}" if k == "out" else v for k, v in self.options.items()
        }
        return f"{self.function}({self.head} {shown} {self.tail} {options})  # {self.inputs} -> {self.output}"


def there() -> tuple[str, ...]:
    """Structured kinds that einroute has a public constructor for."""
    return tuple(
        kind
        for kind in (form.name for form in own_forms() if form.rewrites)
        if hasattr(einroute, MAKERS[kind])
    )


def draw(seed: int, index: int, kinds: Sequence[str] | None = None) -> StructuredCase:
    """Case `index` of the sequence that `seed` starts, with structured operands of some kinds."""
    rng = np.random.default_rng([seed, index, 5])
    return _Drawer(rng, kinds or there()).case()


class _Drawer:
    """Draws one case."""

    def __init__(self, rng: np.random.Generator, structured: Sequence[str]) -> None:
        self.rng, self.structured = rng, structured
        self.large = rng.random() < 0.1
        self.mixed = rng.random() < 0.3
        self.dtype = str(rng.choice(DTYPES))
        self.poisoned = rng.random() < 0.35

    def case(self) -> StructuredCase:
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
        function = "einsum"
        inputs = [x.labels for x in drawn]
        used = list(dict.fromkeys("".join(inputs)))
        output = "".join(rng.permutation(used)[: int(rng.integers(0, min(4, len(used)) + 1))]) if used else ""
        subscripts = ",".join(inputs) + "->" + output
        if rng.random() < 0.1:
            subscripts = ",".join(inputs)
            output = "".join(sorted(c for c in used if "".join(inputs).count(c) == 1))
        case = StructuredCase(function, (subscripts,), (), tuple(drawn), output, {})
        if count == 2 and rng.random() < 0.2:
            return self.tensordot(case)
        case.options.update(self.options(case))
        if self.poisoned:
            poison(rng, case)
        return case

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
        return Drawn("dense", labels, x, lambda: x, lambda: np.abs(x), (x,))

    def sparse(self, labels: str, shape: tuple[int, ...]) -> Drawn:
        dtype = np.dtype(self.own_dtype())
        dtype = dtype.newbyteorder("=") if dtype.char != "g" else np.dtype("f8")
        x = self.values(shape, dtype.str[1:] if dtype.kind != "b" else "?")
        x = np.where(self.rng.random(shape) < self.rng.choice([0, 0.3, 1.0]), x, 0).astype(x.dtype)
        return Drawn("sparse", labels, _written(self.rng, x), lambda: x, lambda: np.abs(x), ())

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

    def options(self, case: StructuredCase) -> dict[str, Any]:
        rng, options = self.rng, {}
        if rng.random() < 0.1:
            options["optimize"] = [True, "greedy", "optimal"][int(rng.integers(0, 3))]
        dense = [x.written() for x in case.drawn]
        if rng.random() < 0.1:
            options["dtype"] = np.result_type(*dense, str(rng.choice(["f8", "c16"])))
        if rng.random() < 0.1:
            options["order"] = str(rng.choice(["C", "F", "K"]))
        if rng.random() < 0.1 and not wants_sparse(case):
            shape = result_shape(case)
            dtype = options.get("dtype", np.result_type(*dense))
            options["out"] = np.zeros(shape, dtype, "F" if rng.random() < 0.3 else "C")
        return options

    def tensordot(self, case: StructuredCase) -> StructuredCase:
        """The pair as a tensordot over the labels that both have, where that is one."""
        a, b = case.inputs
        shared = [c for c in a if c in b]
        sizes = [dict(zip(x.labels, x.operand.shape, strict=True)) for x in case.drawn]
        if len(set(a)) < len(a) or len(set(b)) < len(b) or any(sizes[0][c] != sizes[1][c] for c in shared):
            return case
        axes = ([a.index(c) for c in shared], [b.index(c) for c in shared])
        output = "".join(c for c in a + b if c not in shared)
        return StructuredCase("tensordot", (), (axes,), case.drawn, output, {})


def poison(rng: np.random.Generator, case: StructuredCase) -> None:
    """Set elements of dense float operands that a one-hot rules out to nan or inf."""
    for x in case.drawn:
        if x.kind != "dense" or x.operand.dtype.kind not in "fc" or len(set(x.labels)) < len(x.labels):
            continue
        for hot in case.drawn:
            mask = ruled_out(hot, x, case)
            if mask is not None and mask.any():
                x.operand[mask] = rng.choice([np.nan, np.inf, -np.inf])


def ruled_out(hot: Drawn, x: Drawn, case: StructuredCase) -> np.ndarray | None:
    """Elements of a dense operand that meet nothing but zeros of a one-hot."""
    if hot.kind != "one_hot" or len(set(hot.labels)) < len(hot.labels):
        return None
    whole = label_sizes(case)
    shared = [c for c in x.labels if c in hot.labels]
    if any(n != whole[c] for y in (hot, x) for c, n in zip(y.labels, y.operand.shape, strict=True)):
        return None  # an axis is broadcast
    ones = hot.written().astype(bool)
    alive = ones.any(axis=tuple(i for i, c in enumerate(hot.labels) if c not in shared))
    left = [c for c in hot.labels if c in shared]
    alive = np.asarray(alive).transpose([left.index(c) for c in shared])
    index = tuple(slice(None) if c in shared else None for c in x.labels)
    return np.broadcast_to(~alive[(*index, ...)], x.operand.shape)


def _is_sparse(x: Any) -> bool:
    return scipy.sparse.issparse(x) or isinstance(x, sparse.SparseArray)


def label_sizes(case: StructuredCase) -> dict[str, int]:
    """The size of every label."""
    whole: dict[str, int] = {}
    for x in case.drawn:
        for c, n in zip(x.labels, x.operand.shape, strict=True):
            whole[c] = n if whole.get(c, 1) == 1 else whole[c]
    return whole


def result_shape(case: StructuredCase) -> tuple[int, ...]:
    """The shape of the result."""
    whole = label_sizes(case)
    return tuple(whole[c] for c in case.output)


def wants_sparse(case: StructuredCase) -> bool:
    """Whether the documented rule makes the result sparse; axes of length 1 that broadcast do not count."""
    whole = label_sizes(case)
    of_sparse, of_dense = set(), set()
    any_dense = False
    for x in case.drawn:
        real = {c for c, n in zip(x.labels, x.operand.shape, strict=True) if n == whole[c]}
        if x.kind == "sparse":
            of_sparse |= real
        else:
            any_dense = any_dense or bool(x.labels)
            of_dense |= real
    if not any(x.kind == "sparse" for x in case.drawn):
        return False
    if not any_dense:
        return True
    return of_sparse & of_dense <= set(case.output) and set(case.output) <= of_sparse


def _reference(case: StructuredCase) -> tuple[np.ndarray, np.ndarray]:
    """NumPy's value with wide operands, and the bound on the error of ours."""
    dense = [x.written() for x in case.drawn]
    sizes = [x.size() for x in case.drawn]
    for i, x in enumerate(case.drawn):
        if x.kind == "dense" and x.operand.dtype.kind in "fc" and not np.isfinite(x.operand).all():
            dense[i] = np.where(np.isfinite(x.operand), x.operand, 0)  # ruled out, so any number will do
            sizes[i] = np.abs(dense[i])
    if not all(x.size for x in dense):
        shape = result_shape(case)
        return np.zeros(shape), np.zeros(shape)
    given = {"dtype": case.options["dtype"]} if "dtype" in case.options else {}
    subscripts = ",".join(case.inputs) + "->" + case.output
    dtype = np.result_type(*dense, *given.values(), *_out(case))
    if dtype.kind in "iub":
        right = np.asarray(np.einsum(subscripts, *dense, dtype=dtype))
        return right, np.zeros(right.shape)
    wide = [x.astype(np.clongdouble if x.dtype.kind == "c" else np.longdouble) for x in dense]
    right = np.asarray(np.einsum(subscripts, *wide))
    bound = np.asarray(np.einsum(subscripts, *(np.asarray(x, np.longdouble) for x in sizes)))
    eps = float(np.finfo(dtype).eps)
    terms = max(4, int(np.prod([x.size for x in dense], dtype=float) ** 0.5))
    return right, 8 * terms * eps * np.asarray(bound, float) + float(np.finfo(dtype).tiny)


def _out(case: StructuredCase) -> list[np.ndarray]:
    return [case.options["out"]] if "out" in case.options else []


def judge(case: StructuredCase, namespace: Any) -> tuple[list[str], Exception | None]:
    """What is wrong with the call's answer."""
    before = [base.tobytes() for x in case.drawn for base in x.bases]
    try:
        got = getattr(namespace, case.function)(*case.head, *case.operands, *case.tail, **case.options)
    except NoRoute as error:
        return [], error
    except TypeError as error:
        if "cannot be of dtype float16" in str(error) or "longdouble" in str(error):
            return [], error  # scipy.sparse has no such arrays
        return [f"raised {type(error).__name__}: {error}"], error
    except Exception as error:
        return [f"raised {type(error).__name__}: {error}"], error
    found = []
    if before != [base.tobytes() for x in case.drawn for base in x.bases]:
        found.append("a base was written to")
    right, bound = _reference(case)
    is_sparse = _is_sparse(got)
    pydata = any(isinstance(x, sparse.SparseArray) for x in case.operands)
    if wants_sparse(case) != is_sparse and not (not case.output and not pydata and not is_sparse):
        found.append(
            f"a {type(got).__name__} where the rule wants {'sparse' if wants_sparse(case) else 'dense'}"
        )
    if isinstance(got, np.ndarray):
        found += _memory(case, got)
    value = got.todense() if isinstance(got, sparse.SparseArray) else got.toarray() if is_sparse else got
    value = np.asarray(value)
    given = {"dtype": case.options["dtype"]} if "dtype" in case.options else {}
    dtype = np.result_type(*(x.written() for x in case.drawn), *given.values(), *_out(case)).newbyteorder("=")
    if value.dtype != dtype:
        found.append(f"dtype {value.dtype}, expected {dtype}")
    if value.shape != right.shape:
        return [*found, f"shape {value.shape}, expected {right.shape}"], None
    if dtype.kind in "fc":
        off = np.abs(value.astype(right.dtype) - right)
        good = off <= bound
    else:
        off = (value != right).astype(float)
        good = off == 0
    if not good.all():
        found.append(f"off by {float(off.max())}, allowed {float(bound.max())}")
    return found, None


def _memory(case: StructuredCase, got: np.ndarray) -> list[str]:
    """What is wrong with the memory of a result: it is new, or it is ``out``."""
    if "out" in case.options:
        return [] if got is case.options["out"] else ["the result is not out"]
    found = []
    if any(np.may_share_memory(got, base) for x in case.drawn for base in x.bases):
        found.append("the result is memory of an operand")
    if not got.flags.writeable or (
        got.size and 0 in [s for n, s in zip(got.shape, got.strides, strict=True) if n > 1]
    ):
        found.append("the result cannot be written to")
    order = case.options.get("order")
    if order in ("C", "F") and not got.flags[f"{order}_CONTIGUOUS"]:
        found.append(f"the result is not in {order} order")
    return found


def change(case: StructuredCase, rng: np.random.Generator) -> None:
    """Other numbers in the bases of the operands: nothing may be left of the old ones."""
    for x in case.drawn:
        for base in x.bases:
            if x.kind != "one_hot" and base.dtype.kind in "fc" and not np.isfinite(base).all():
                continue  # it says what is ruled out, and so must the labels
            if x.kind == "one_hot" and any(
                y.kind == "dense" and y.operand.dtype.kind in "fc" and not np.isfinite(y.operand).all()
                for y in case.drawn
            ):
                continue
            flat = base.reshape(-1).copy()
            base[...] = rng.permutation(flat).reshape(base.shape)


def rewrite_names(kinds: Sequence[str]) -> list[str]:
    """Names of the rewrites of some kinds."""
    names = []
    for kind in kinds:
        module = importlib.import_module(f"einroute._kinds.{kind}.kind")
        names += [rewrite.name for rewrite in module.REWRITES]
    return names


def fuzz_structured(
    namespace: Any,
    *,
    seed: int,
    indices: Sequence[int],
    through_routes: bool = False,
    stop_after: int = 20,
    progress: bool = False,
    kinds: Sequence[str] | None = None,
) -> Report:
    """Check the cases `indices` of the sequence `seed`, and stop after `stop_after` failing ones.

    Structured operands are of `kinds`, by default of all that there are.
    """
    report = Report()
    names = rewrite_names(kinds or there())
    if through_routes:
        report.routes.update(dict.fromkeys(names, 0))
    started = time.perf_counter()
    for index in indices:
        case = draw(seed, index, kinds)
        report.cases += 1
        report.functions[case.function] += 1
        found = [f"first call: {text}" for text in judge(case, namespace)[0]]
        change(case, np.random.default_rng([seed, index]))
        found += [f"second call: {text}" for text in judge(case, namespace)[0]]
        for name in names if through_routes else ():
            with forcing(name, forbid=(NUMPY_ROUTE,)) as ran:
                wrong, error = judge(case, namespace)
            if name in ran and not isinstance(error, NoRoute):
                report.routes[name] += 1
                found += [f"through {name}: {text}" for text in wrong]
        if found:
            given = f" --kinds {' '.join(kinds)}" if kinds else ""
            head = f"# python -m tests.fuzz --structured{given} --seed {seed} --only {index}"
            report.failures.append("\n".join([head, case.text(), *(f"    !! {text}" for text in found)]))
            if progress:
                print(report.failures[-1], flush=True)
            if len(report.failures) >= stop_after:
                break
        if progress and report.cases % 1000 == 0:
            took = time.perf_counter() - started
            print(f"{report.cases} cases, {len(report.failures)} failures, {took:.0f} s", file=sys.stderr)
    return report
