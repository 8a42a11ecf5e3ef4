"""Structured operands of CuPy's arrays and beside them: judged by NumPy on the operands written out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import einroute as er
from tests.helpers import in_one_line
from tests.kinds.cupy import recorder
from tests.kinds.cupy.helpers import REAL, library, matrix, nothing_copied, on_device, recorded, values
from tests.kinds.structured_calls import CALLS, LABELS, OTHERS, POINTS, alone, difference, one_hot, rolled


@pytest.fixture(autouse=True)
def cupy() -> Iterator[Any]:
    with library() as module:
        yield module


def both(subscripts: str, make: Any, shapes: Any) -> tuple[list[np.ndarray], list[Any]]:
    rng = np.random.default_rng(1)
    others = [rng.standard_normal(shape).astype("f4") for shape in shapes]
    return [np.asarray(make(np.asarray)), *others], [make(on_device), *map(on_device, others)]


def agrees(got: Any, expected: Any) -> None:
    found = values(got)
    assert (found.shape, found.dtype) == (np.shape(expected), np.asarray(expected).dtype)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("call", CALLS, ids=[f"{c[0]} {c[1].__name__}" for c in CALLS])
def test_calls_in_every_order(call: Any) -> None:
    subscripts, make, _ = call
    arrays, ours = both(*call)
    expected = np.asarray(np.einsum(subscripts, *arrays))
    terms, output = subscripts.split("->")[0].split(","), subscripts.split("->")[1]
    for order in permutations(range(len(ours))):
        agrees(
            er.einsum(",".join(terms[n] for n in order) + "->" + output, *(ours[n] for n in order)), expected
        )
    nothing_copied()
    if len(ours) > 1:
        agrees(er.einsum(subscripts, make(np.asarray), *ours[1:]), expected)
        agrees(er.einsum(subscripts, ours[0], *arrays[1:]), expected)


@recorded
@pytest.mark.parametrize("call", CALLS, ids=[f"{c[0]} {c[1].__name__}" for c in CALLS])
def test_no_device_is_waited_for(call: Any) -> None:
    _, ours = both(*call)
    er.einsum(call[0], *ours)
    assert recorder.WAITS == []


@recorded
@pytest.mark.parametrize(
    ("subscripts", "make", "shapes", "calls"),
    [
        ("tr,rc->tc", one_hot, ((3, 4),), {"take", "where"}),
        ("tr,tc->rc", one_hot, ((7, 4),), {"add.at", "take"}),
        ("ijnl,ijnl->ij", rolled, ((6, 4, 3, 5),), {"concatenate", "as_strided"}),
        ("ijnl->jl", rolled, (), {"concatenate", "as_strided", "sum"}),
        ("ijk,kl->ijl", difference, ((4, 2),), {"sub", "matmul"}),
    ],
)
def test_the_calls_made(subscripts: str, make: Any, shapes: Any, calls: set[str]) -> None:
    _, ours = both(subscripts, make, shapes)
    with er.config(forbid=["cupy_structured.rollings", "cupy_structured.rolled_fft"]):
        er.einsum(subscripts, *ours)
    assert calls <= set(recorder.CALLS)
    assert ("add.at" in recorder.CALLS) == ("add.at" in calls)


@pytest.mark.parametrize("route", ["cupy_structured.rollings", "cupy_structured.written"])
@pytest.mark.parametrize("step", [1, -1, 3, -5, 0, 7])
@pytest.mark.parametrize("k", [1, 4, 40])
def test_rolled_by_any_step(step: int, k: int, route: str) -> None:
    rng = np.random.default_rng(0)
    for dtype in ("f4", "i4", "?", "c8"):
        b, a = rng.integers(0, 3, 6).astype(dtype), rng.integers(0, 3, k).astype(dtype)
        written = np.asarray(er.rolled(b, k, step=step))
        for subscripts in ("ij,j->i", "ij,j->ij"):
            with er.config(allow=route):
                got = er.einsum(subscripts, er.rolled(on_device(b), k, step=step), on_device(a))
            agrees(got, np.einsum(subscripts, written, a))
    np.testing.assert_array_equal(values(er.rolled(on_device(b), k, step=step).written()), written)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("d", [1, 6, 7])
@pytest.mark.parametrize("device", [0, pytest.param(1, marks=recorded)])
def test_rolled_by_transforms(dtype: str, d: int, device: int) -> None:
    rng = np.random.default_rng(d)

    def numbers(*shape: int) -> Any:
        made = rng.standard_normal(shape)
        return (made + 1j * rng.standard_normal(shape) if dtype[0] == "c" else made).astype(dtype)

    transforms = {"fft", "ifft"} if dtype[0] == "c" else {"rfft", "irfft"}
    with er.config(allow="cupy_structured.rolled_fft"):
        for k, step in product((1, 3, 17), (1, -2, 0)):
            base = numbers(d, 3)
            written = np.asarray(er.rolled(base, k, step=step))
            roll = er.rolled(on_device(base, device), k, step=step)
            for text, other in (
                ("ijn,jn->i", numbers(k, 3)),
                ("ijn,nmj->mni", numbers(3, 2, k)),
                ("ijn,in->jn", numbers(d, 3)),
                ("ijn,mi->nmj", numbers(2, d)),
            ):
                terms, output = text.split("->")[0].split(","), text.split("->")[1]
                before = len(recorder.CALLS)
                got = er.einsum(text, roll, on_device(other, device))
                agrees(got, np.einsum(text, written, other))
                agrees(
                    er.einsum(f"{terms[1]},{terms[0]}->{output}", on_device(other, device), roll),
                    np.einsum(text, written, other),
                )
                if not REAL:
                    assert got.device.id == device
                    made = recorder.CALLS[before:]
                    assert transforms <= set(made)
                    assert ("add.at" in made, "take" in made) == ("j" in terms[1], "i" in terms[1])
    assert REAL or recorder.WAITS == []
    nothing_copied()


def test_long_rollings_are_transformed_and_others_are_not() -> None:
    for k, dtype, transformed in ((2, "f4", False), (2000, "f4", True), (2000, "i8", False)):
        operands = er.rolled(on_device(np.ones(4000, dtype)), k), on_device(np.ones(k, dtype))
        assert ("rolled_fft" in er.explain("ij,j->i", *operands).routes[0]) == transformed


def test_mixed_with_sparse_operands_and_each_other() -> None:
    hot, roll, diff = one_hot(on_device), rolled(on_device), difference(on_device)
    dense = [np.asarray(make(np.asarray)) for make in (one_hot, rolled, difference)]
    s = (np.arange(35).reshape(7, 5) % 4).astype("f4")
    for kind in ("csr", "csc", "coo"):
        m = matrix(getattr(sparse, f"{kind}_matrix")(s))
        agrees(er.einsum("tr,tc->rc", hot, m), np.einsum("tr,tc->rc", dense[0], s))
        agrees(er.einsum("ijnl,al->ia", roll, m), np.einsum("ijnl,al->ia", dense[1], s))
        agrees(er.einsum("ijk,jc->ikc", diff, m), np.einsum("ijk,jc->ikc", dense[2], s))
    agrees(er.einsum("tr,tq->rq", hot, hot), dense[0].T @ dense[0])
    agrees(er.einsum("tr,tr,tr->r", hot, hot, hot), dense[0].sum(0))
    agrees(er.einsum("tr,itk->irk", hot, diff), np.einsum("tr,itk->irk", dense[0], dense[2]))
    agrees(er.einsum("ijnl,imno->jl", roll, roll), np.einsum("ijnl,imno->jl", dense[1], dense[1]))
    agrees(er.einsum("ijrl,tr->itl", roll, hot), np.einsum("ijrl,tr->itl", dense[1], dense[0]))


def test_repeated_and_broadcast_labels() -> None:
    hot = np.asarray(one_hot(np.asarray))[:3]
    agrees(er.einsum("ii->i", er.one_hot(on_device(LABELS[:3]), 3, dtype="f4")), np.einsum("ii->i", hot))
    base = np.random.default_rng(0).standard_normal(4).astype("f4")
    roll = np.asarray(er.rolled(base, 4))
    agrees(er.einsum("ii->i", er.rolled(on_device(base), 4)), np.einsum("ii->i", roll))
    one = er.one_hot(on_device(np.array([1])), 3, dtype="f4")
    agrees(
        er.einsum("tr,tr->tr", one, on_device(np.ones((4, 3), "f4"))),
        np.tile(np.eye(3, dtype="f4")[1], (4, 1)),
    )
    d = er.pairwise_difference(on_device(POINTS[:4]), on_device(OTHERS[:4]))
    agrees(er.einsum("iik->ik", d), POINTS[:4] - OTHERS[:4])


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "i8", "u8", "f2", "f4", "c16"])
def test_one_hot_in_every_dtype(dtype: str) -> None:
    labels = np.random.default_rng(0).integers(-2, 6, (5, 4)).astype("i1")
    x = np.random.default_rng(1).integers(0, 3, (5, 4, 2)).astype(dtype)
    hot, written = (
        er.one_hot(on_device(labels), 5, dtype=dtype),
        np.asarray(er.one_hot(labels, 5, dtype=dtype)),
    )
    for subscripts in ("abr,abc->rc", "abr,abc->bcr", "abr,abc->", "abr,abc->abrc", "abr,abc->ac"):
        agrees(er.einsum(subscripts, hot, on_device(x)), np.einsum(subscripts, written, x))
    agrees(er.einsum("abr->r", hot), np.einsum("abr->r", written))
    for depth in (0, 300):
        few, w = er.one_hot(on_device(labels.astype("u1")), depth), np.ones((depth, 2))
        agrees(
            er.einsum("abr,rc->abc", few, on_device(w)),
            np.asarray(er.one_hot(labels.astype("u1"), depth)) @ w,
        )


def test_one_hot_operands_in_dtypes_and_sizes_that_differ() -> None:
    labels, others = np.array([0, 2, 1]), np.array([1, 1, 5])
    for dtype, other in (("u1", "i1"), ("f4", "c8"), ("?", "f2")):
        hot = [er.one_hot(put(x), 3, dtype=d) for put in (on_device, np.asarray)
               for x, d in ((labels, dtype), (others, other))]  # fmt: skip
        w = np.arange(3).astype(dtype)
        for subscripts in ("tr,tq,q->rq", "tr,sq,t->rs", "tr,tr,r->t"):
            expected = np.einsum(subscripts, *map(np.asarray, hot[2:]), w)
            agrees(er.einsum(subscripts, *hot[:2], on_device(w)), expected)
    nothing, ones = er.one_hot(on_device(labels), 0), np.ones(3)
    agrees(er.einsum("tr,t->r", nothing, on_device(ones)), np.zeros(0))
    agrees(er.einsum("tr,t->t", nothing, on_device(ones)), np.zeros(3))
    agrees(er.einsum("tr,tq->rq", nothing, er.one_hot(on_device(labels), 3)), np.zeros((0, 3)))


def test_differences_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from einroute._kinds.array_library import written

    monkeypatch.setattr(written, "_BLOCK", 300)
    er.cache_clear()
    for subscripts, make, shapes in [c for c in CALLS if c[1] in (difference, alone)]:
        arrays, ours = both(subscripts, make, shapes)
        agrees(er.einsum(subscripts, *ours), np.einsum(subscripts, *arrays))
        assert "points at a time" in in_one_line(er.explain(subscripts, *ours))
    d, written_out = alone(on_device), np.asarray(alone(np.asarray))
    agrees(er.einsum("ijk,ijk->ij", d, d), (written_out**2).sum(2))


@recorded
def test_on_another_device() -> None:
    for subscripts, make, shapes in CALLS:
        arrays, _ = both(subscripts, make, shapes)
        ours = [make(lambda x: on_device(x, 1)), *(on_device(x, 1) for x in arrays[1:])]
        got = er.einsum(subscripts, *ours)
        assert got.device.id == 1
        agrees(got, np.einsum(subscripts, *arrays))
    with pytest.raises(TypeError, match="operand 0 is on device 1 and operand 1 on 0"):
        er.einsum("tr,tc->rc", one_hot(lambda x: on_device(x, 1)), on_device(np.ones((7, 2))))


def test_products_and_functions_of_operands() -> None:
    hot, w = one_hot(on_device), np.ones((3, 4), "f4")
    for got in (er.matmul(hot, on_device(w)), hot @ on_device(w), er.tensordot(hot, w, axes=1)):
        agrees(got, np.asarray(one_hot(np.asarray)) @ w)
    assert hot.conj() is hot
    b = np.array([1 + 1j, 2])
    np.testing.assert_array_equal(
        values(er.rolled(on_device(b), 2).conj().written()), np.conj(np.asarray(er.rolled(b, 2)))
    )
    assert "one_hot" in repr(hot)
    np.testing.assert_array_equal(values(hot[0]), np.asarray(one_hot(np.asarray))[0])
    with pytest.raises(TypeError, match=r"not copied to the host silently.*written\(\)\.get\(\)"):
        np.asarray(hot)


BAD = (
    (lambda: er.one_hot(on_device(np.ones(3)), 2), TypeError, "labels have dtype float64.*convert"),
    (lambda: er.one_hot(on_device(np.ones(3, int)), -1), ValueError, "depth"),
    (lambda: er.one_hot(on_device(np.ones(3, int)), 2.5), TypeError, "depth"),
    (lambda: er.one_hot(on_device(np.ones(3, int)), 2, dtype="U3"), TypeError, "dtype"),
    (lambda: er.rolled(on_device(np.ones(3)), 0), ValueError, "k"),
    (lambda: er.rolled(on_device(np.ones(3)), 2, axis=1), Exception, "axis"),
    (lambda: er.rolled(matrix(sparse.csr_matrix(POINTS)), 2), TypeError, r"b is of type csr_matrix.*toarray"),
    (lambda: er.pairwise_difference(on_device(np.ones(3))), ValueError, r"x has shape \(3,\).*x\[:, None\]"),
    (lambda: er.pairwise_difference(on_device(POINTS), np.ones((3, 2))), ValueError, "second axes"),
    (lambda: er.pairwise_difference(on_device(np.ones((3, 2), bool))), TypeError, "bool"),
    (lambda: er.pairwise_difference(on_device(POINTS), matrix(sparse.csr_matrix(POINTS))),
     TypeError, "y is of"),
    (lambda: er.einsum("tr->r", one_hot(on_device), out=np.zeros(3)), TypeError, "out"),
)  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), BAD)
def test_bad_arguments_are_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@recorded
def test_points_on_two_devices_are_refused() -> None:
    with pytest.raises(TypeError, match="x and y are on devices 0 and 1; move one"):
        er.pairwise_difference(on_device(POINTS), on_device(OTHERS, 1))
