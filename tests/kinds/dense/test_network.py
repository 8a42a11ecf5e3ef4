"""Programs of networks in the compiled core against the same by NumPy's calls, and wrong arguments."""

from __future__ import annotations

import gc
import random
import signal
import sys
import threading
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest

import einroute as er
from einroute._base.facts import Operand, Step
from einroute._kinds.dense.core_program import in_core
from einroute._kinds.dense.numpy_program import by_numpy
from einroute._kinds.dense.program import compiled
from einroute._native import CORE
from tests.networks_helpers import lattice, tree
from tests.processes import printed

if CORE is None:
    pytest.skip("the compiled core is not there", allow_module_level=True)

Case = tuple[Step, list[np.ndarray]]


def network(
    text: str, sizes: dict[str, int], path: list[tuple[int, ...]], dtype: str, *, seed: int = 0
) -> Case:
    """A step of a network, and operands that fit."""
    head, _, output = text.partition("->")
    inputs = tuple(head.split(","))
    rng = np.random.default_rng(seed)
    arrays = []
    for labels in inputs:
        x = np.asarray(rng.integers(-2, 3, [sizes[c] for c in labels]))
        if np.dtype(dtype).kind in "fc":
            x = (
                x
                + rng.standard_normal(x.shape)
                + (1j * rng.standard_normal(x.shape) if dtype in "FDG" else 0)
            )
        arrays.append(np.asarray(x > 0 if dtype == "?" else x).astype(dtype))
    facts = tuple(Operand(x.shape, x.dtype, x.strides) for x in arrays)
    return Step(inputs, output, sizes, facts, np.dtype(dtype), path=tuple(map(tuple, path))), arrays


def both(step: Step) -> tuple[Any, Any]:
    """The core's runner of a step, and that by NumPy's calls."""
    assert step.path is not None
    program = compiled(step.inputs, step.output, step.sizes, step.path)
    assert program is not None
    run = in_core(program, step)
    assert run is not None
    return run, by_numpy(program, step.dtype)


def drawn(seed: int, dtype: str) -> Case:
    """Two to nine operands in any path: hyper-edges, sums of one operand, outer products, short labels."""
    chosen = random.Random(seed)
    many = chosen.randint(2, 9)
    labels = "abcdefgh"[: chosen.randint(2, 8)]
    sizes = {c: chosen.choice([1, 2, 2, 3, 5]) for c in labels}
    terms = ["".join(chosen.sample(labels, chosen.randint(0, min(4, len(labels))))) for _ in range(many)]
    used = sorted(set("".join(terms)))
    output = "".join(chosen.sample(used, chosen.randint(0, len(used))))
    path, left = [], many
    while left > 1 or not path:
        count = min(left, chosen.choice([1, 2, 2, 2, 2, 3, 4]))
        path.append(tuple(chosen.sample(range(left), count)))
        left -= count - 1
    return network(",".join(terms) + "->" + output, sizes, path, dtype, seed=seed)


@pytest.mark.parametrize("dtype", "?bBhHiIlLqQfdgFDG")
def test_drawn_networks(dtype: str) -> None:
    for seed in range(40):
        step, arrays = drawn(seed, dtype)
        run, right = both(step)
        expected, result = right(*arrays), run(*arrays)
        assert (result.dtype, result.shape, type(result)) == (expected.dtype, expected.shape, np.ndarray)
        tolerance = 1e-3 if dtype in "fF" else 1e-10
        np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance)


def backwards(x: np.ndarray) -> np.ndarray:
    """A view with negative strides."""
    return x[(*[slice(None, None, -1)] * x.ndim, ...)]


LAYOUTS = {
    "turned": lambda x: x.copy("F"),
    "reversed": lambda x: backwards(backwards(x).copy()),
    "gaps": lambda x: np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x,
    "unaligned": lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape),
    "readonly": lambda x: np.broadcast_to(x, x.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", "bfdD")
def test_layouts(layout: str, dtype: str) -> None:
    for seed in range(12):
        step, arrays = drawn(seed, dtype)
        run, right = both(step)
        given = [LAYOUTS[layout](x) for x in arrays]
        np.testing.assert_allclose(run(*given), right(*arrays), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", "fdFD")
@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("ab,bc->ac", [(0, 1)]),
        ("ab,cb->ac", [(0, 1)]),
        ("ba,bc->ca", [(0, 1)]),
        ("ab,b->a", [(0, 1)]),
        ("b,bc->c", [(0, 1)]),
        ("b,b->", [(0, 1)]),
        ("eab,ebc->eac", [(0, 1)]),
        ("eab,ecb->ca", [(0, 1)]),
        ("aeb,bec->ace", [(0, 1)]),
        ("ab->b", [(0,)]),
        ("ab->", [(0,)]),
    ],
)
def test_large_loops(text: str, path: list[tuple[int, ...]], dtype: str) -> None:
    """BLAS's, and sums in parts."""
    step, arrays = network(text, {"a": 70, "b": 600, "c": 33, "e": 3}, path, dtype)
    run, _ = both(step)
    expected = np.einsum(text, *[x.astype(complex if dtype in "FD" else float) for x in arrays])
    tolerance = 2e-3 if dtype in "fF" else 1e-10
    np.testing.assert_allclose(run(*arrays), expected, rtol=tolerance, atol=tolerance)


def test_without_blas_large_matrices_are_left_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    step, _ = network("ab,bc->ac", {"a": 70, "b": 600, "c": 33}, [(0, 1)], "d")
    program = compiled(step.inputs, step.output, step.sizes, step.path or ())
    assert program is not None
    monkeypatch.setattr("einroute._kinds.dense.core_program.has_blas", lambda: False)
    assert in_core(program, step) is None


def test_long_sums_are_as_accurate_as_numpys() -> None:
    rng = np.random.default_rng(0)
    x = (rng.random((3, 100_001)) + 1).astype("f4")
    facts = (Operand(x.shape, x.dtype, x.strides),)
    step = Step(("ab",), "a", {"a": 3, "b": 100_001}, facts, x.dtype, path=((0,),))
    run, right = both(step)
    exact = x.astype(float).sum(1)
    assert np.abs(run(x) - exact).max() <= np.abs(right(x) - exact).max() + np.spacing(
        exact.max(), dtype="f4"
    )


def test_more_loops_than_a_walk_holds() -> None:
    """Labels of two operands by turns, which do not become one."""
    a, b = "abcdefghi", "jklmnopqr"
    output = "".join(x + y for x, y in zip(a, b, strict=True))
    step, arrays = network(f"{a},{b}->{output}", dict.fromkeys(output, 2), [(0, 1)], "d")
    run, right = both(step)
    np.testing.assert_array_equal(run(*arrays), right(*arrays))
    refused, _ = network(f"{output},{output[::-1]},{output}->", dict.fromkeys(output, 2), [(0, 1, 2)], "d")
    program = compiled(refused.inputs, "", refused.sizes, refused.path or ())
    assert program is not None
    assert in_core(program, refused) is None


def test_out() -> None:
    step, arrays = network("ab,bc,cd->da", dict.fromkeys("abcd", 3), [(0, 1), (0, 1)], "d")
    run, right = both(step)
    expected = right(*arrays)
    for out in (np.empty((3, 3)), np.empty((3, 3)).T, np.empty((3, 6))[:, ::2]):
        assert run(*arrays, out=out) is out
        np.testing.assert_allclose(out, expected)
    readonly = np.empty((3, 3))
    readonly.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        run(*arrays, out=readonly)
    with pytest.raises(ValueError, match="out has another shape"):
        run(*arrays, out=np.empty((3, 4)))
    with pytest.raises(ValueError, match="out has another shape"):
        run(*arrays, out=np.empty((3, 3), "f4"))
    with pytest.raises(TypeError, match="expected out"):
        run(*arrays, into=out)


class Subclass(np.ndarray):
    """Not NumPy's own."""


def test_other_arrays_are_not_taken() -> None:
    step, arrays = network("ab,bc,cd->da", dict.fromkeys("abcd", 3), [(0, 1), (0, 1)], "d")
    run, right = both(step)
    np.testing.assert_allclose(run.attempt(*arrays), right(*arrays))
    others: list[Any] = [
        arrays[0].astype("f4"),
        arrays[0].astype(arrays[0].dtype.newbyteorder()),
        arrays[0].view(Subclass),
        arrays[0][:2],
        arrays[0].ravel(),
        arrays[0].tolist(),
        None,
    ]
    for other in others:
        assert run.attempt(other, *arrays[1:]) is NotImplemented
        with pytest.raises(ValueError, match="network was bound for"):
            run(other, *arrays[1:])
    for few in (arrays[:2], [*arrays, arrays[0]], []):
        assert run.attempt(*few) is NotImplemented
        with pytest.raises(ValueError, match="network was bound for"):
            run(*few)


LOOP = (2, 1, False, False, (3,), (1, 1, 1))
GIVEN: dict[str, Any] = {
    "char": "d",
    "loops": [LOOP],
    "steps": [0, -1, -2, 0],
    "shapes": [(3,), (3,)],
    "size": 3,
    "result": ((3,), (1,), 0),
    "report": None,
}


def test_the_smallest_program() -> None:
    run = CORE.Network(**GIVEN)
    np.testing.assert_array_equal(run(np.arange(3.0), np.arange(3.0)), [0.0, 1.0, 4.0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"char": "e"},
        {"char": "O"},
        {"char": "M"},
        {"loops": [()]},
        {"loops": [5]},
        {"loops": 5},
        {"loops": []},
        {"loops": [(0, 1, False, False, (3,), (1,))]},
        {"loops": [(9, 1, False, False, (3,), (1,) * 10)]},
        {"loops": [(2, 2, False, False, (3,), (1, 1, 1))]},
        {"loops": [(2, 1, False, False, (3,), (1, 1))]},
        {"loops": [(2, 1, False, False, (0,), (1, 1, 1))]},
        {"loops": [(2, 1, False, False, (-3,), (1, 1, 1))]},
        {"loops": [(2, 1, False, False, (3,), (1, -1, 1))]},
        {"loops": [(2, 1, False, False, (4,), (1, 1, 1))]},
        {"loops": [(2, 1, False, False, (3,), (2, 1, 1))]},
        {"loops": [(2, 1, False, False, (3,), (1, 1, 2))]},
        {"loops": [(2, 1, False, False, (1 << 62,), (1, 1, 1))]},
        {"loops": [(2, 1, False, False, (3,), (1, 1, 1 << 62))]},
        {"loops": [(2, 0, True, False, (3,), (1, 1, 1))]},
        {"steps": [0, -1, -2]},
        {"steps": [0, -1, -2, 1]},
        {"steps": [0, -1, -2, -1]},
        {"steps": [0, -1, -3, 0]},
        {"steps": [1, -1, -2, 0]},
        {"steps": [-1, -1, -2, 0]},
        {"steps": [0, -1, 1 << 60, 0]},
        {"steps": ["a"]},
        {"shapes": [(3,)]},
        {"shapes": [(3,), (2,)]},
        {"shapes": [(3,), (0,)]},
        {"shapes": [(3,), 5]},
        {"shapes": [(3,), (1 << 40, 1 << 40)]},
        {"size": 2},
        {"size": -1},
        {"size": 1 << 60},
        {"result": ((4,), (1,), 0)},
        {"result": ((3,), (1,), 1)},
        {"result": ((3,), (1,), -3)},
        {"result": ((3,), (2,), 0)},
        {"result": ((3,), (), 0)},
        {"result": ((3,) * 70, (1,) * 70, 0)},
        {"result": ()},
        {"result": 5},
    ],
)
def test_wrong_programs_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError)):
        CORE.Network(**GIVEN | wrong)


def test_nothing_leaks() -> None:
    step, arrays = drawn(3, "d")
    strided = [LAYOUTS["gaps"](x) for x in arrays]
    program = compiled(step.inputs, step.output, step.sizes, step.path or ())
    assert program is not None

    def once() -> None:
        run = in_core(program, step)
        assert run is not None
        run(*arrays)
        run.attempt(*strided)
        run.attempt(None)
        for wrong in ({"size": 2}, {"loops": [5]}, {"result": 5}):
            with pytest.raises((ValueError, TypeError)):
                CORE.Network(**GIVEN | wrong)

    once()
    counts = [sys.getrefcount(x) for x in arrays]
    tracemalloc.start()
    once()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(20):
        once()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 5000
    assert counts == [sys.getrefcount(x) for x in arrays]


def test_flags_are_told_of_once() -> None:
    step, arrays = network("a,a,a->a", {"a": 3}, [(0, 1), (0, 1)], "d")
    run, _ = both(step)
    large = [np.full(3, 1e200)] * 3
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
        run(*large)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(*large)
    assert [w.category for w in caught] == [RuntimeWarning]
    with np.errstate(all="raise"):
        run(*arrays)
    quiet, _ = both(network("a,a,a->a", {"a": 3}, [(0, 1, 2)], "d")[0])
    with np.errstate(all="raise"):  # NumPy's einsum tells of none
        assert np.isinf(quiet(*large)).all()


def test_threads_share_one_program() -> None:
    text, arrays = lattice(4, 12, 2, outer=2)
    expression = er.contract_expression(text, *[x.shape for x in arrays])
    factors = [1.0, 2.0, 3.0, 5.0]
    expected = expression(*arrays)
    wrong: list[float] = []

    def work(factor: float) -> None:
        given = [arrays[0] * factor, *arrays[1:]]
        for _ in range(50):
            if not np.allclose(expression(*given), expected * factor, rtol=1e-12):
                wrong.append(factor)

    threads = [threading.Thread(target=work, args=(factor,)) for factor in factors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_expression_takes_other_dtypes_and_shapes_by_turns() -> None:
    text, arrays = tree(20, 3)
    expression = er.contract_expression(text, *[x.shape for x in arrays])
    expected = expression(*arrays)
    for dtype in ("f8", "f4", "D", "f8", ">f8", "f4", "g"):
        result = expression(*[x.astype(dtype) for x in arrays])
        assert result.dtype == np.dtype(dtype).newbyteorder("=")
        np.testing.assert_allclose(result, expected, rtol=1e-3 if dtype == "f4" else 1e-10)
    longer = [np.concatenate([x, x * 0], axis=0) if x.ndim == 1 else x for x in arrays]
    with pytest.raises(ValueError, match="evaluating"):
        expression(*longer)
    with pytest.raises(ValueError, match="takes exactly 20"):
        expression(*arrays, arrays[0])
    constant = er.contract_expression(text, arrays[0], *[x.shape for x in arrays[1:]], constants=[0])
    np.testing.assert_allclose(constant(*arrays[1:]), expected)
    np.testing.assert_allclose(constant(*arrays[1:]), expected)
    for wrong in (arrays, arrays[2:]):
        with pytest.raises(ValueError, match="takes exactly 19"):
            constant(*wrong)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
@pytest.mark.parametrize("size", [16, 256])
def test_an_interrupt_is_heard_between_steps(size: int) -> None:
    """The program would take hours."""
    code = f"""
import signal
import numpy as np
from einroute._native import CORE
n = {size}
loop = (2, 2, True, False, (n, n, n), (n, 0, n, 0, 1, 1, 1, n, 0))
steps = [0, -1, -2, 0] * 1_000_000
run = CORE.Network("d", [loop], steps, [(n, n)] * 2, n * n, ((n, n), (n, 1), 0), None)
short = CORE.Network("d", [loop], steps[:4], [(n, n)] * 2, n * n, ((n, n), (n, 1), 0), None)
x = np.ones((n, n))
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    while True:
        run(x, x)
except KeyboardInterrupt:
    print("interrupted", short(x, x)[0, 0])
"""
    assert printed(code, warnings="ignore").split() == ["interrupted", f"{size}.0"]
