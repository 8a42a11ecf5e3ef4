"""Random calls with sparse operands, judged by dense NumPy and by the documented rule for the result's kind.

Every operand is drawn as a dense array, some are written in a random sparse format, and what einroute makes
of them must be what NumPy makes of the dense ones: value, dtype, shape, and the kind that the labels ask for.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
import sparse

import einroute
from einroute._base.routes import NoRoute
from einroute._config.config_block import forcing
from einroute._kernels import turned
from einroute._kinds.sparse import spgemm, tiles
from einroute._kinds.sparse.form import ROUTES

from .runner import NUMPY_ROUTE, Report

LETTERS = "abcdef"
DTYPES = ("f8", "f8", "f8", "f4", "c16", "c8", "i8", "i4", "i1", "u2", "?", "f2")
#: What operands are cast to where the casting is unsafe.
NARROWER, NARROWER_COMPLEX = ("f4", "i8", "i4", "i1", "?"), ("c8",)
TWO_D = ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
#: Formats of scipy.sparse in any number of dimensions but none, and those of pydata/sparse.
ANY_D, PYDATA = ("coo",), ("COO", "GCXS", "DOK")


@dataclass(frozen=True)
class SparseCase:
    """A call of `function` with `head`, the operands and `options`; `labels` is its meaning as an einsum."""

    function: str
    head: tuple[Any, ...]
    tail: tuple[Any, ...]
    dense: tuple[np.ndarray, ...]
    operands: tuple[Any, ...]
    inputs: tuple[str, ...]
    output: str
    options: dict[str, Any]

    def text(self) -> str:
        """The call and its operands, to reproduce it by."""
        shown = ", ".join(
            f"{type(x).__module__.partition('.')[0]}.{type(x).__name__}{x.shape} {x.dtype}"
            for x in self.operands
        )
        meaning = f"{self.inputs} -> {self.output}"
        return f"{self.function}({self.head} {shown} {self.tail} {self.options})  # {meaning}"


def draw(seed: int, index: int) -> SparseCase:
    """Case `index` of the sequence that `seed` starts."""
    rng = np.random.default_rng([seed, index, 4])
    which = rng.random()
    if which < 0.1:
        return _draw_matrix_product(rng)
    return _draw_tensordot(rng) if which < 0.3 else _draw_einsum(rng, narrowed=which > 0.95)


def _draw_einsum(rng: np.random.Generator, *, narrowed: bool) -> SparseCase:
    """An einsum; ``narrowed``: of operands in parts that a cast takes something from."""
    count = int(rng.choice([1, 2, 3, 4], p=[0.2, 0.5, 0.2, 0.1]))
    pool = LETTERS[: int(rng.integers(2, 7))]
    sizes = {c: int(rng.choice([0, 1, 2, 3, 4, 5], p=[0.03, 0.1, 0.22, 0.25, 0.2, 0.2])) for c in pool}
    inputs = []
    for _ in range(count):
        ndim = int(rng.choice([0, 1, 2, 3, 4], p=[0.05, 0.2, 0.5, 0.2, 0.05]))
        repeats = rng.random() < 0.15
        ndim = ndim if repeats else min(ndim, len(pool))
        inputs.append("".join(rng.choice(list(pool), ndim, replace=repeats)))
    used = list(dict.fromkeys("".join(inputs)))
    output = "".join(rng.permutation(used)[: int(rng.integers(0, min(4, len(used)) + 1))]) if used else ""
    shapes = []
    for labels in inputs:
        ones = {c for c in labels if count > 1 and rng.random() < 0.06}  # broadcast
        shapes.append(tuple(1 if c in ones else sizes[c] for c in labels))
    subscripts = ",".join(inputs) + "->" + output
    if rng.random() < 0.15:
        subscripts = ",".join(inputs)
        output = "".join(sorted(c for c in used if "".join(inputs).count(c) == 1))
    options: dict[str, Any] = {}
    if rng.random() < 0.1:
        options["optimize"] = bool(rng.random() < 0.8) or "greedy"
    dense, operands = _operands(rng, shapes, force=count == 1, parts=narrowed)
    if rng.random() < 0.1:
        options["dtype"] = np.result_type(*dense, str(rng.choice(["f8", "c16"])))
    elif narrowed or rng.random() < 0.1:  # entries of one place are added up before they lose something
        narrower = NARROWER_COMPLEX if any(x.dtype.kind == "c" for x in dense) else NARROWER
        options |= {"dtype": np.dtype(str(rng.choice(narrower))), "casting": "unsafe"}
    return SparseCase("einsum", (subscripts,), (), dense, operands, tuple(inputs), output, options)


def _draw_tensordot(rng: np.random.Generator) -> SparseCase:
    shared = int(rng.integers(0, 3))
    free_a, free_b = int(rng.integers(0, 3)), int(rng.integers(0, 3))
    sizes = [int(n) for n in rng.integers(0 if rng.random() < 0.05 else 1, 6, shared + free_a + free_b)]
    labels = LETTERS[:shared], "ghi"[:free_a], "jkl"[:free_b]
    of = dict(zip("".join(labels), sizes, strict=True))
    a = "".join(rng.permutation(list(labels[0] + labels[1])))
    b = "".join(rng.permutation(list(labels[0] + labels[2])))
    axes = ([a.index(c) for c in labels[0]], [b.index(c) for c in labels[0]])
    output = "".join(c for c in a + b if c not in labels[0])
    shapes = [tuple(of[c] for c in x) for x in (a, b)]
    dense, operands = _operands(rng, shapes, force=False)
    return SparseCase("tensordot", (), (axes,), dense, operands, (a, b), output, {})


def _draw_matrix_product(rng: np.random.Generator) -> SparseCase:
    """A dense operand of two or three dimensions by a sparse matrix, of sizes that the kernels take."""
    n, m = (int(k) for k in rng.integers(1, 70, 2))
    free = [int(k) for k in rng.integers(1, (80, 12)[int(rng.integers(0, 2))], int(rng.integers(1, 3)))]
    dtype = str(rng.choice(DTYPES[:-1]))
    own = "nm" if rng.random() < 0.5 else "mn"
    a = _values(rng, (n, m) if own == "nm" else (m, n), dtype)
    a = np.where(rng.random(a.shape) < rng.choice([0.02, 0.2, 1.0]), a, 0).astype(a.dtype)
    letters = "gh"[: len(free)]
    other = letters + "n" if rng.random() < 0.6 else "n" + letters
    sizes = dict(zip(letters, free, strict=True)) | {"n": n}
    x = _values(rng, tuple(sizes[c] for c in other), dtype)
    if rng.random() < 0.3:  # rows of a larger array
        x = np.repeat(x, 2, axis=0)[::2]
    output = letters + "m" if rng.random() < 0.6 else "m" + letters
    pair = [(own, a, _written(rng, a)), (other, x, x)]
    if rng.random() < 0.5:
        pair.reverse()
    inputs, dense, operands = zip(*pair, strict=True)
    subscripts = ",".join(inputs) + "->" + output
    return SparseCase("einsum", (subscripts,), (), dense, operands, inputs, output, {})


def _operands(
    rng: np.random.Generator, shapes: Sequence[tuple[int, ...]], *, force: bool, parts: bool = False
) -> tuple[tuple[np.ndarray, ...], tuple[Any, ...]]:
    """Dense arrays and the same, at least one of them where its shape allows, in sparse formats."""
    mixed = rng.random() < 0.3
    dtype = "f8" if parts else str(rng.choice(DTYPES))
    dense, operands = [], []
    chosen = [bool(shape) and (force or rng.random() < 0.6) for shape in shapes]
    if not any(chosen):
        chosen = [bool(shape) for shape in shapes]
    for shape, is_sparse in zip(shapes, chosen, strict=True):
        x = _values(rng, shape, str(rng.choice(DTYPES)) if mixed else dtype)
        if is_sparse:
            x = np.where(rng.random(shape) < rng.choice([0, 0.1, 0.5, 1.0]), x, 0).astype(x.dtype)
        dense.append(x)
        operands.append(_written(rng, x, parts=parts) if is_sparse else x)
    return tuple(dense), tuple(operands)


def _values(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.random(shape) < 0.5
    if kind in "iu":
        return rng.integers(0 if kind == "u" else -9, 10, shape).astype(dtype)
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if kind == "c" else x).astype(dtype)


def _written(rng: np.random.Generator, x: np.ndarray, *, parts: bool = False) -> Any:
    """``x`` in a random sparse format; unsorted and duplicate entries now and then, with ``parts`` always."""
    half = x.dtype == np.float16
    if half or (not parts and rng.random() < 0.4):
        name = "COO" if half else str(rng.choice(PYDATA))
        return getattr(sparse, name).from_numpy(x) if name != "DOK" else sparse.DOK.from_numpy(x)
    made = "array" if x.ndim != 2 or rng.random() < 0.6 else "matrix"
    name = str(rng.choice(TWO_D[:3] if parts else TWO_D)) if x.ndim == 2 else "coo"
    coo = getattr(scipy.sparse, f"coo_{made}")(x)
    if name not in {"coo", "csr", "csc"} or not coo.nnz or (not parts and rng.random() < 0.5):
        return getattr(scipy.sparse, f"{name}_{made}")(coo)
    halves, coords = _in_parts(rng, coo.data), coo.coords
    order = rng.permutation(2 * coo.nnz)
    data, *coords = (np.concatenate(pair)[order] for pair in (halves, *((c, c) for c in coords)))
    if name == "coo":
        return getattr(scipy.sparse, f"coo_{made}")((data, tuple(coords)), shape=x.shape)
    axis = int(name == "csc")
    order = np.argsort(coords[axis], kind="stable")  # rows, or columns, whose entries are in no order
    indptr = np.searchsorted(coords[axis][order], np.arange(x.shape[axis] + 1))
    given = (data[order], coords[1 - axis][order], indptr)
    return getattr(scipy.sparse, f"{name}_{made}")(given, shape=x.shape)


def _in_parts(rng: np.random.Generator, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays that add up to one in its own dtype, where sums of integers wrap and bools are or'ed."""
    if data.dtype.kind == "b":
        return data, data & (rng.random(data.shape) < 0.5)
    if data.dtype.kind in "iu":
        limits = np.iinfo(data.dtype)
        part = rng.integers(limits.min, limits.max, data.shape, data.dtype, endpoint=True)
    else:
        part = data * 2
    with np.errstate(over="ignore"):
        return data - part, part


def _is_sparse(x: Any) -> bool:
    return scipy.sparse.issparse(x) or isinstance(x, sparse.SparseArray)


def wants_sparse(case: SparseCase) -> bool:
    """Whether the documented rule makes the result sparse; axes of length 1 that broadcast do not count."""
    whole: dict[str, int] = {}
    for labels, x in zip(case.inputs, case.dense, strict=True):
        for c, n in zip(labels, x.shape, strict=True):
            whole[c] = n if whole.get(c, 1) == 1 else whole[c]
    of_sparse, of_dense = set(), set()
    any_dense = False
    for labels, x, given in zip(case.inputs, case.dense, case.operands, strict=True):
        real = {c for c, n in zip(labels, x.shape, strict=True) if n == whole[c]}
        if not _is_sparse(given):
            any_dense = any_dense or x.ndim > 0
            of_dense |= real
        else:
            of_sparse |= real
    if not any_dense:
        return True
    return of_sparse & of_dense <= set(case.output) and set(case.output) <= of_sparse


def _reference(case: SparseCase) -> tuple[np.ndarray, np.ndarray]:
    """NumPy's value with wide operands, and the bound on the error of ours."""
    dense, options = case.dense, _dtype(case)
    if "casting" in case.options:
        dense, options = tuple(x.astype(case.options["dtype"]) for x in dense), {}
    kinds = {x.dtype.kind for x in dense}
    if not all(x.size for x in case.dense):
        # Not asked: NumPy's einsum may write outside its result for empty operands, see expressions.
        whole = [max((n for n in _sizes_of(case, c) if n != 1), default=1) for c in case.output]
        whole = [0 if 0 in _sizes_of(case, c) else n for c, n in zip(case.output, whole, strict=True)]
        return np.zeros(whole), np.zeros(whole)
    if kinds <= set("iub") and np.dtype(options.get("dtype", bool)).kind not in "fc":
        right = np.asarray(np.einsum(_subscripts(case), *dense, **options))
        return right, np.zeros(right.shape)
    wide = [x.astype(np.clongdouble if x.dtype.kind == "c" else np.longdouble) for x in dense]
    right = np.asarray(np.einsum(_subscripts(case), *wide))
    size = np.asarray(np.einsum(_subscripts(case), *(np.abs(x) for x in wide)))
    dtype = _result_dtype(case)
    eps = np.finfo(dtype).eps
    terms = max(1, int(np.prod([x.size for x in dense if x.size], dtype=float) ** 0.5))
    return right, 8 * max(terms, 4) * eps * np.asarray(size, float) + np.finfo(dtype).tiny


def _sizes_of(case: SparseCase, label: str) -> list[int]:
    pairs = zip(case.inputs, case.dense, strict=True)
    return [n for labels, x in pairs for c, n in zip(labels, x.shape, strict=True) if c == label]


def _subscripts(case: SparseCase) -> str:
    return ",".join(case.inputs) + "->" + case.output


def _dtype(case: SparseCase) -> dict[str, Any]:
    return {"dtype": case.options["dtype"]} if "dtype" in case.options else {}


def _result_dtype(case: SparseCase) -> np.dtype:
    if "casting" in case.options:
        return case.options["dtype"]
    return np.result_type(*case.dense, *_dtype(case).values())


def judge(case: SparseCase, namespace: Any) -> tuple[list[str], Exception | None]:
    """What is wrong with the call's answer."""
    try:
        got = getattr(namespace, case.function)(*case.head, *case.operands, *case.tail, **case.options)
    except NoRoute as error:
        return [], error
    except TypeError as error:
        if "cannot be of dtype float16" in str(error) and np.result_type(*case.dense) == np.float16:
            return [], error  # scipy.sparse has no such arrays
        return [f"raised {type(error).__name__}: {error}"], error
    except Exception as error:
        return [f"raised {type(error).__name__}: {error}"], error
    right, bound = _reference(case)
    found = []
    is_sparse = _is_sparse(got)
    pydata = any(isinstance(x, sparse.SparseArray) for x in case.operands)
    if wants_sparse(case) != is_sparse and not (not case.output and not pydata and not is_sparse):
        found.append(
            f"a {type(got).__name__} where the rule wants {'sparse' if wants_sparse(case) else 'dense'}"
        )
    if is_sparse and isinstance(got, sparse.SparseArray) != pydata:
        found.append(f"a {type(got).__name__} of the wrong library")
    value = (
        got.todense()
        if isinstance(got, sparse.SparseArray)
        else got.toarray()
        if is_sparse
        else np.asarray(got)
    )
    value = np.asarray(value)
    dtype = _result_dtype(case)
    if value.dtype != dtype:
        found.append(f"dtype {value.dtype}, expected {dtype}")
    if value.shape != right.shape:
        return [*found, f"shape {value.shape}, expected {right.shape}"], None
    off = np.abs(value.astype(right.dtype) - right) if dtype.kind in "fc" else (value != right).astype(float)
    if not (off <= bound).all():
        found.append(f"off by {float(off.max())}, allowed {float(bound.max())}")
    return found, None


def _compiles(case: SparseCase, dtypes: str) -> bool:
    return _result_dtype(case).char in dtypes


@contextmanager
def compiled_at_once() -> Iterator[None]:
    """Kernels are compiled, and conversions kept, at first use; the threads share small work too."""
    small = ((tiles, "_LEAST", 0.0), (tiles, "_WORK", 1), (spgemm, "_WORK", 1), (turned, "FEW", 0))
    usual = [getattr(module, name) for module, name, _ in small]
    setting = einroute.get_config()["prepare"]
    for module, name, value in small:
        setattr(module, name, value)
    einroute.set_config(prepare="now")
    try:
        yield
    finally:
        for (module, name, _), value in zip(small, usual, strict=True):
            setattr(module, name, value)
        einroute.set_config(prepare=setting)


def fuzz_sparse(
    namespace: Any,
    *,
    seed: int,
    indices: Sequence[int],
    through_routes: bool = False,
    stop_after: int = 20,
    progress: bool = False,
    dtypes: str = "fdFDilq",
) -> Report:
    """Check the cases `indices` of the sequence `seed`, and stop after `stop_after` failing ones.

    Cases of the dtypes with these codes go through compiled kernels too; each takes seconds to compile.
    """
    report = Report()
    names = [route.name for route in ROUTES]
    if through_routes:
        report.routes.update(dict.fromkeys(names, 0))
    started = time.perf_counter()
    for index in indices:
        case = draw(seed, index)
        if not any(_is_sparse(x) for x in case.operands):
            continue  # no operand has dimensions
        report.cases += 1
        report.functions[case.function] += 1
        found = [f"first call: {text}" for text in judge(case, namespace)[0]]
        found += [f"second call: {text}" for text in judge(case, namespace)[0]]
        for name in names if through_routes else ():
            if name == tiles.ROUTE.name and not _compiles(case, dtypes):
                continue
            with forcing(name, forbid=(NUMPY_ROUTE,)) as ran, compiled_at_once():
                wrong, error = judge(case, namespace)
            if name in ran and not isinstance(error, NoRoute):
                report.routes[name] += 1
                found += [f"through {name}: {text}" for text in wrong]
        if found:
            head = f"# python -m tests.fuzz --sparse --seed {seed} --only {index}"
            report.failures.append("\n".join([head, case.text(), *(f"    !! {text}" for text in found)]))
            if progress:
                print(report.failures[-1], flush=True)
            if len(report.failures) >= stop_after:
                break
        if progress and report.cases % 1000 == 0:
            took = time.perf_counter() - started
            print(f"{report.cases} cases, {len(report.failures)} failures, {took:.0f} s", file=sys.stderr)
    return report
