"""Fuzz of the core: random products and contractions, right and wrong: `python -m tests.native.fuzz`.

It ends with an error where a result is not NumPy's; what corrupts memory is the sanitizers' to find.
"""

from __future__ import annotations

import argparse
import math
import random
from typing import Any

import numpy as np

from einroute._native import CORE
from einroute._native.flags import report
from tests.native.contractions import drawn, same, strange
from tests.native.passes import bound

LETTERS = "abcdefgh"


def case(rng: random.Random) -> None:
    """One product, compared with NumPy's, or one that is refused."""
    dtype = rng.choice("fdFD")
    labels = rng.sample(LETTERS, rng.randint(1, 6))
    sizes = {c: rng.choice((1, 1, 2, 3, 4, 5, 9)) for c in labels}
    a, b, out, axes = "", "", "", []
    for c in labels:
        where = rng.choice(("abo", "ao", "bo", "ab"))
        a, b, out = (own + c * (key in where) for own, key in ((a, "a"), (b, "b"), (out, "o")))
    a, b, out = ("".join(rng.sample(x, len(x))) for x in (a, b, out))
    for c in dict.fromkeys(a + b):
        axes.append((a.find(c), b.find(c), out.find(c), c in out and rng.random() < 0.5))
    if rng.random() < 0.1 and axes:
        axes[rng.randrange(len(axes))] = (*(rng.randint(-2, 4) for _ in range(3)), rng.random() < 0.5)
    shapes = [tuple(sizes[c] for c in own) for own in (a, b, out)]
    layout = rng.sample(range(len(out)), len(out))
    arrays = [strange(rng, shape, dtype) for shape in shapes[:2]]
    try:
        run: Any = CORE.Product(dtype, *shapes, axes, layout, report)
    except (ValueError, OverflowError):
        return
    if rng.random() < 0.05:
        arrays[0] = arrays[0][..., None] if rng.random() < 0.5 else arrays[0].real.astype("i4")
        try:
            run(*arrays)
        except ValueError:
            return
        raise AssertionError("an array of another shape or dtype was taken")
    right = np.einsum(f"{a},{b}->{out}", *arrays)
    result = run(*arrays) if rng.random() < 0.5 else run(*arrays, out=np.full(right.shape[::-1], 9, dtype).T)
    assert result.dtype == right.dtype
    assert np.array_equal(result, right), (a, b, out, sizes, dtype)


def pass_case(rng: random.Random) -> None:
    """One pass over one to four operands, or a copy, compared with NumPy's."""
    dtype = rng.choice("fdFD?bHiq")
    labels = rng.sample(LETTERS, rng.randint(1, 4))
    sizes = {c: rng.choice((1, 2, 3, 5, 9, 17, 40, 130)) for c in labels}
    while math.prod(sizes.values()) > 300_000:
        sizes[rng.choice(labels)] = 2
    inputs = [""] * rng.randint(1, 4)
    for c in labels:
        for k in rng.sample(range(len(inputs)), rng.randint(1, len(inputs))):
            inputs[k] += c
    inputs = ["".join(rng.sample(own, len(own))) for own in inputs]
    output = "".join(rng.sample(labels, rng.randint(0, len(labels))))
    arrays = [strange(rng, tuple(sizes[c] for c in own), dtype) for own in inputs]
    subscripts = ",".join(inputs) + "->" + output
    layout = rng.sample(range(len(output)), len(output))
    run = bound(
        subscripts,
        sizes,
        dtype,
        rng.randint(1, 3),
        loops="".join(rng.sample(labels, len(labels))),
        layout=layout,
    )
    right = np.einsum(subscripts, *arrays)
    result = run(*arrays) if rng.random() < 0.5 else run(*arrays, out=np.full(right.shape[::-1], 9, dtype).T)
    assert result.dtype == right.dtype
    assert np.array_equal(result, right), (subscripts, sizes, dtype)
    view = arrays[0]
    copy = np.full((*view.shape, 2), 9, dtype)[..., 1] if rng.random() < 0.5 else np.empty(view.shape, dtype)
    CORE.copy(view, copy, rng.randint(1, 3))
    assert np.array_equal(copy, view), (view.shape, view.strides, dtype)


def contraction(rng: random.Random) -> None:
    """One call of einsum, which is understood and then NumPy's, or is left to NumPy."""
    subscripts, arrays = drawn(rng, most=8)
    run = CORE.understand(subscripts, *arrays)
    if run is None:
        try:
            shapes = [x.shape for x in arrays]
            run = CORE.Contraction(subscripts, arrays[0].dtype.char, shapes, order=rng.choice("CF"))
        except ValueError:
            return
    right = np.einsum(subscripts, *arrays)
    out = np.full(np.shape(right)[::-1], 9, right.dtype).T
    assert run(*arrays, out=out) is out
    assert np.array_equal(out, right), (subscripts, run.steps)
    assert same(run(*arrays), right), (subscripts, run.steps)


def main() -> None:
    """Run as many cases as asked for, from a seed that is told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for isa in CORE.compiled_isas():
        CORE.choose_isa(isa)
        for number in range(arguments.cases):
            case(random.Random(arguments.seed + number))
            pass_case(random.Random(arguments.seed + number))
            contraction(random.Random(arguments.seed + number))
        print(f"{arguments.cases} products, passes and contractions by {CORE.isa()} are NumPy's")


if __name__ == "__main__":
    main()
