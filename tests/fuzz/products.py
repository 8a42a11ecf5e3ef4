"""Random calls of tensordot, dot, matmul and the other products."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import Laid, draw_dtype, draw_mode, draw_operand, draw_out, draw_values, pick
from .case import Case, laid_operands

Shape = tuple[int, ...]
# Positional and keyword arguments after the operands, the operands' shapes, and K.
Drawn = tuple[tuple[Any, ...], dict[str, Any], list[Shape], int]


def _dims(rng: np.random.Generator, n: int, top: int) -> list[int]:
    return [int(np.exp(rng.uniform(0, np.log(top + 0.99)))) if rng.random() > 0.02 else 0 for _ in range(n)]


def _spoil(rng: np.random.Generator, shapes: list[Shape]) -> list[Shape]:
    """Now and then a shape that does not fit."""
    if rng.random() < 0.03:
        which = int(rng.integers(0, len(shapes)))
        shape = list(shapes[which])
        if shape and rng.random() < 0.7:
            shape[int(rng.integers(0, len(shape)))] += 1
        else:
            shape.append(2)
        shapes[which] = tuple(shape)
    return shapes


def _tensordot(rng: np.random.Generator, top: int) -> Drawn:
    n_contracted, n_left, n_right = (int(v) for v in rng.integers(0, 3, 3))
    contracted = _dims(rng, n_contracted, top)
    left, right = _dims(rng, n_left, top), _dims(rng, n_right, top)
    count = int(np.prod(contracted, dtype=np.int64))
    if rng.random() < 0.4:
        axes: Any = (
            n_contracted if rng.random() < 0.9 else pick(rng, (-1, 5, np.int64(n_contracted), 1.0, "1", None))
        )
        shapes = [tuple(left + contracted), tuple(contracted + right)]
    else:
        a_dims, b_dims = contracted + left, contracted + right
        a_order, b_order = rng.permutation(len(a_dims)), rng.permutation(len(b_dims))
        shapes = [tuple(a_dims[i] for i in a_order), tuple(b_dims[i] for i in b_order)]
        pairs = [
            [
                int(np.where(order == i)[0][0]) - (len(order) if rng.random() < 0.3 else 0)
                for i in range(n_contracted)
            ]
            for order in (a_order, b_order)
        ]
        if rng.random() < 0.05 and n_contracted:
            pairs[0][0] = pick(rng, (9, -9, pairs[0][-1]))
        wrap = pick(rng, (list, tuple, np.array))
        form: Any = [wrap(p) for p in pairs] if pairs[0] or wrap is not np.array else pairs
        if n_contracted == 1 and rng.random() < 0.4:
            form = [p[0] for p in pairs]
        axes = pick(rng, (list, tuple))(form)
    if isinstance(axes, int) and axes == 2 and rng.random() < 0.3:
        return (), {}, _spoil(rng, shapes), count
    return (
        ((axes,), {}, _spoil(rng, shapes), count)
        if rng.random() < 0.5
        else ((), {"axes": axes}, _spoil(rng, shapes), count)
    )


def _dot(rng: np.random.Generator, top: int) -> Drawn:
    (k,) = _dims(rng, 1, top * 2)
    left, right = _dims(rng, int(rng.integers(0, 3)), top), _dims(rng, int(rng.integers(0, 3)), top)
    a: Shape = (*left, k)
    b: Shape = (*right[:-1], k, *right[-1:])
    if rng.random() < 0.08:
        a = ()
    if rng.random() < 0.08:
        b = ()
    return (), {}, _spoil(rng, [a, b]), max(k, 1)


def _inner(rng: np.random.Generator, top: int) -> Drawn:
    (k,) = _dims(rng, 1, top * 2)
    shapes: list[Shape] = [(*_dims(rng, int(rng.integers(0, 3)), top), k) for _ in range(2)]
    if rng.random() < 0.08:
        shapes[int(rng.integers(0, 2))] = ()
    return (), {}, _spoil(rng, shapes), max(k, 1)


def _batch(rng: np.random.Generator, top: int) -> tuple[Shape, Shape]:
    full = _dims(rng, int(rng.integers(0, 3)), top)
    cut = [tuple(1 if rng.random() < 0.2 else s for s in full)[int(rng.integers(0, 2)) :] for _ in range(2)]
    return cut[0], cut[1]


def _ufunc_options(rng: np.random.Generator) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if rng.random() < 0.06:
        options["dtype"] = pick(rng, (np.float64, "f4", complex, np.int64, object))
    if rng.random() < 0.06:
        options["casting"] = pick(rng, ("no", "safe", "same_kind", "unsafe"))
    if rng.random() < 0.06:
        options["order"] = pick(rng, "KCFA")
    return options


def _matmul(rng: np.random.Generator, top: int) -> Drawn:
    m, k, n = _dims(rng, 3, top)
    first, second = _batch(rng, max(top // 3, 2))
    a: Shape = (k,) if rng.random() < 0.15 else (*first, m, k)
    b: Shape = (k,) if rng.random() < 0.15 else (*second, k, n)
    if rng.random() < 0.01:
        a = ()
    return (), _ufunc_options(rng), _spoil(rng, [a, b]), max(k, 1)


def _vecdot(rng: np.random.Generator, top: int) -> Drawn:
    (k,) = _dims(rng, 1, top * 3)
    first, second = _batch(rng, top)
    options = _ufunc_options(rng)
    shapes: list[Shape] = [(*first, k), (*second, k)]
    if rng.random() < 0.3 and len(first) == len(second) > 0:
        options["axis"] = 0
        shapes = [(k, *first), (k, *second)]
    elif rng.random() < 0.05:
        options["axis"] = pick(rng, (-1, 7, None))
    return (), options, _spoil(rng, shapes), max(k, 1)


def _matvec(rng: np.random.Generator, top: int) -> Drawn:
    """A matrix and vectors, of which there are now and then hundreds."""
    m, k = _dims(rng, 2, top)
    first, second = _batch(rng, max(top // 3, 2))
    if rng.random() < 0.3:
        first, second = (), (int(rng.integers(200, 400)),)
    options = _ufunc_options(rng)
    if rng.random() < 0.05:
        options["axes"] = pick(rng, ([(-1, -2), -1, -1], [(-2, -1), 0, -1], [(0, 1), -1]))
    return (), options, _spoil(rng, [(*first, m, k), (*second, k)]), max(k, 1)


def _vecmat(rng: np.random.Generator, top: int) -> Drawn:
    extra, options, (matrix, vectors), k = _matvec(rng, top)
    if len(matrix) > 1:
        matrix = (*matrix[:-2], matrix[-1], matrix[-2])
    options.pop("axes", None)
    return extra, options, [vectors, matrix], k


def _matrix_power(rng: np.random.Generator, top: int) -> Drawn:
    """Non-negative powers: an inverse of small integers is singular as often as not."""
    (m,) = _dims(rng, 1, top)
    (batch,) = (_dims(rng, int(rng.integers(0, 2)), 3),)
    n: Any = pick(rng, (0, 1, 2, 3, 4, 5, np.int8(6), 2.0, None))
    return (n,), {}, _spoil(rng, [(*batch, m, m)]), max(m, 1) ** 5


def _vdot(rng: np.random.Generator, top: int) -> Drawn:
    shape = tuple(_dims(rng, int(rng.integers(0, 3)), top * 2))
    size = int(np.prod(shape, dtype=np.int64))
    shapes: list[Shape] = [shape, shape[::-1] if rng.random() < 0.3 else shape]
    if rng.random() < 0.2:
        shapes[1] = (size,)
    return (), {}, _spoil(rng, shapes), max(size, 1)


def _outer(rng: np.random.Generator, top: int) -> Drawn:
    return (), {}, [tuple(_dims(rng, int(rng.integers(0, 3)), top)) for _ in range(2)], 1


def _linalg_outer(rng: np.random.Generator, top: int) -> Drawn:
    return (), {}, _spoil(rng, [tuple(_dims(rng, 1, top)) for _ in range(2)]), 1


def _multi_dot(rng: np.random.Generator, top: int) -> Drawn:
    n = int(rng.integers(2, 6))
    dims = _dims(rng, n + 1, top)
    shapes: list[Shape] = [(dims[i], dims[i + 1]) for i in range(n)]
    if rng.random() < 0.2:
        shapes[0] = shapes[0][1:]
    if rng.random() < 0.2:
        shapes[-1] = shapes[-1][:1]
    return (), {}, _spoil(rng, shapes), max(1, int(np.prod(dims[1:-1], dtype=np.int64)))


DRAW: dict[str, Callable[[np.random.Generator, int], Drawn]] = {
    "tensordot": _tensordot, "dot": _dot, "matmul": _matmul, "inner": _inner, "vdot": _vdot, "outer": _outer,
    "vecdot": _vecdot, "matvec": _matvec, "vecmat": _vecmat, "linalg.multi_dot": _multi_dot,
    "linalg.matrix_power": _matrix_power, "linalg.tensordot": _tensordot,
    "linalg.matmul": _matmul, "linalg.vecdot": _vecdot, "linalg.outer": _linalg_outer,
}  # fmt: skip
# NumPy's linalg namesakes take fewer options than the main namespace's.
FREQUENCY = {"tensordot": 10, "dot": 4, "matmul": 4, "inner": 2, "vecdot": 2, "matvec": 2, "vecmat": 2}
WITH_OUT = {"dot", "matmul", "outer", "vecdot", "matvec", "vecmat", "linalg.multi_dot"}


def _space(shapes: list[Shape], contracted: int) -> int:
    """About how many products the call has."""
    if len(shapes) > 2:  # a chain of matrices, each of which is small
        return 0
    return int(np.prod([n for s in shapes for n in s], dtype=object)) // max(contracted, 1)


def draw_product(rng: np.random.Generator, large: bool) -> Case:
    """A random call of one of the products."""
    names = list(DRAW)
    weights = np.array([FREQUENCY.get(name, 1) for name in names], dtype=float)
    function = pick(rng, names, weights / weights.sum())
    extra, options, shapes, contracted = DRAW[function](rng, 40 if large else pick(rng, (3, 6, 12)))
    while _space(shapes, contracted) > (10**6 if large else 10**5):  # outer products of outer products
        extra, options, shapes, contracted = DRAW[function](rng, 20 if large else 4)
    if function.startswith("linalg.") and function not in {"linalg.multi_dot", "linalg.matrix_power"}:
        options = {k: v for k, v in options.items() if k in ("axes", "axis")}
        if extra:
            extra, options = (), {"axes": extra[0]}
    mode, common, mixed = draw_mode(rng), draw_dtype(rng), rng.random() < 0.25
    laid: list[Any] = []
    for shape in shapes:
        dtype = draw_dtype(rng) if mixed else common
        alike = [o for o in laid if isinstance(o, Laid) and o.array.shape == shape]
        if alike and rng.random() < 0.15:
            laid.append(pick(rng, alike))
        elif rng.random() < 0.05:
            values = draw_values(rng, shape, dtype.newbyteorder("="), mode, len(shapes))
            laid.append(values.tolist() if values.size else Laid(values, values))
        else:
            laid.append(draw_operand(rng, shape, dtype, mode, len(shapes)))
    operands, roots = laid_operands(laid)
    many = function == "linalg.multi_dot"
    case = Case(
        function, operands, lambda xs: ([*xs],) if many else (*xs, *extra), options, contracted, roots
    )
    out: Laid | None = None
    overlaps = False
    if function in WITH_OUT and rng.random() < 0.15:
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                like = np.asarray(case.call(np))
        except Exception:
            like = np.zeros(())
        dtype = like.dtype if rng.random() < 0.9 else draw_dtype(rng)
        # dot takes a C-contiguous out only; NumPy's vecdot reads an operand after writing to it through out.
        if rng.random() < 0.5 or function == "vecdot":
            root = np.ones(like.shape, dtype)
            out = Laid(root, root)
        else:
            out, overlaps = draw_out(rng, like, dtype, [o for o in laid if isinstance(o, Laid)])
        options["out"] = out.array
        _, roots = laid_operands([*laid, out])
    return Case(
        function, operands, case.bind, options, contracted, roots, out.array if out else None, overlaps,
        label=f"K = {contracted}",
    )  # fmt: skip
