"""Calls with sparse operands of SciPy's and pydata's formats, some beside dense ones.

Every operand is drawn as a dense array; some are written in a random sparse format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse
import sparse

import einroute
from einroute._entries import csr_source
from einroute._kinds.registry import form_of
from einroute._kinds.sparse import spgemm, tiles
from tests.sparse_helpers import PYDATA_FORMATS, SCIPY_FORMATS

from .case import Case, meant
from .meaning import Drawn, Meaning, dense, of_entries
from .source import Source

LETTERS = "abcdef"
DTYPES = ("f8", "f8", "f8", "f4", "c16", "c8", "i8", "i4", "i1", "u2", "?", "f2")
#: What operands are cast to where the casting is unsafe.
NARROWER, NARROWER_COMPLEX = ("f4", "i8", "i4", "i1", "?"), ("c8",)


def draw(seed: int, index: int) -> Case | None:
    """Case `index` of the sequence that `seed` starts, or None where no operand has dimensions."""
    rng = np.random.default_rng([seed, index, 4])
    which = rng.random()
    if which < 0.1:
        case = _draw_matrix_product(rng)
    else:
        case = _draw_tensordot(rng) if which < 0.3 else _draw_einsum(rng, narrowed=which > 0.95)
    return case if case.meaning is not None and case.meaning.any_sparse else None


def _draw_einsum(rng: np.random.Generator, *, narrowed: bool) -> Case:
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
    drawn = _operands(rng, inputs, shapes, force=count == 1, parts=narrowed)
    arrays = [x.written() for x in drawn]
    if rng.random() < 0.1:
        options["dtype"] = np.result_type(*arrays, str(rng.choice(["f8", "c16"])))
    elif narrowed or rng.random() < 0.1:  # entries of one place are added up before they lose something
        narrower = NARROWER_COMPLEX if any(x.dtype.kind == "c" for x in arrays) else NARROWER
        options |= {"dtype": np.dtype(str(rng.choice(narrower))), "casting": "unsafe"}
    return meant("einsum", (subscripts,), (), Meaning(drawn, output), options)


def _draw_tensordot(rng: np.random.Generator) -> Case:
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
    drawn = _operands(rng, (a, b), shapes, force=False)
    return meant("tensordot", (), (axes,), Meaning(drawn, output), {})


def _draw_matrix_product(rng: np.random.Generator) -> Case:
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
    pair = [of_entries(own, written(rng, a), a), dense(other, x)]
    if rng.random() < 0.5:
        pair.reverse()
    meaning = Meaning(tuple(pair), output)
    return meant("einsum", (meaning.subscripts,), (), meaning, {})


def _operands(
    rng: np.random.Generator,
    inputs: Sequence[str],
    shapes: Sequence[tuple[int, ...]],
    *,
    force: bool,
    parts: bool = False,
) -> tuple[Drawn, ...]:
    """Operands, at least one of them where its shape allows in a sparse format."""
    mixed = rng.random() < 0.3
    dtype = "f8" if parts else str(rng.choice(DTYPES))
    drawn = []
    chosen = [bool(shape) and (force or rng.random() < 0.6) for shape in shapes]
    if not any(chosen):
        chosen = [bool(shape) for shape in shapes]
    for labels, shape, chosen_one in zip(inputs, shapes, chosen, strict=True):
        x = _values(rng, shape, str(rng.choice(DTYPES)) if mixed else dtype)
        if chosen_one:
            x = np.where(rng.random(shape) < rng.choice([0, 0.1, 0.5, 1.0]), x, 0).astype(x.dtype)
        own = of_entries(labels, written(rng, x, parts=parts), x) if chosen_one else dense(labels, x)
        drawn.append(own)
    return tuple(drawn)


def _values(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.random(shape) < 0.5
    if kind in "iu":
        return rng.integers(0 if kind == "u" else -9, 10, shape).astype(dtype)
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if kind == "c" else x).astype(dtype)


def written(rng: np.random.Generator, x: np.ndarray, *, parts: bool = False) -> Any:
    """``x`` in a random sparse format; unsorted and duplicate entries now and then, with ``parts`` always."""
    half = x.dtype == np.float16
    if half or (not parts and rng.random() < 0.4):
        name = "COO" if half else str(rng.choice(PYDATA_FORMATS))
        return getattr(sparse, name).from_numpy(x) if name != "DOK" else sparse.DOK.from_numpy(x)
    made = "array" if x.ndim != 2 or rng.random() < 0.6 else "matrix"
    name = str(rng.choice(SCIPY_FORMATS[:3] if parts else SCIPY_FORMATS)) if x.ndim == 2 else "coo"
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


@contextmanager
def shared_at_once() -> Iterator[None]:
    """The threads share small work too, and conversions are kept at first use."""
    small = ((tiles, "_FEW", 0), (spgemm, "_WORK", 1), (csr_source, "FEW", 0))
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


def source() -> Source:
    """Sparse cases, through every route of their form."""
    return Source(
        "sparse",
        draw,
        tuple(route.name for route in form_of("entries").routes),
        lambda case, route: shared_at_once(),
    )
