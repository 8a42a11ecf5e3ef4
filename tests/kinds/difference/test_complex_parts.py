"""Complex differences by their real and imaginary parts, against the differences written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er
from tests.helpers import forcing

Array = np.ndarray[Any, Any]
N, M, K, L = 9, 13, 5, 2
SHAPES = {"ij": (N, M), "ji": (M, N), "k": (K,), "i": (N,), "j": (M,), "kl": (K, L), "": ()}
FORMS = [
    "ijk->ij", "ijk->k", "ijk->", "ijk->jk", "ijk,k->ij", "ijk,k->ji", "ijk,ij->k", "ijk,ij->ik",
    "ijk,ji->jk", "ijk,kl->ijl", "ijk,kl->lji", "ijk,i->jk", "ijk,i,j->k", "ijk,->ij",
]  # fmt: skip


def numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    made = rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if dtype in "FD" else 0)
    return np.asarray(made, dtype)


@pytest.mark.parametrize("dtypes", ["DD", "DFD", "dD", "Dd", "FF", "fF", "Ff"])
@pytest.mark.parametrize("subscripts", FORMS)
@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("far", [0.0, 1e4])
def test_as_written_out(dtypes: str, subscripts: str, same: bool, far: float) -> None:
    rng = np.random.default_rng(7)
    terms = subscripts.partition("->")[0].split(",")[1:]
    x = numbers(rng, (M if same else N, K), dtypes[0]) + np.asarray(far, dtypes[0])
    d = er.pairwise_difference(x, None if same else numbers(rng, (M, K), dtypes[0]) + x.dtype.type(far))
    shapes = {**SHAPES, **({"ij": (M, M), "ji": (M, M), "i": (M,)} if same else {})}
    others = [numbers(rng, shapes[c], dtypes[min(p + 1, len(dtypes) - 1)]) for p, c in enumerate(terms)]
    written = np.asarray(d)
    right = np.einsum(subscripts, written.astype("G"), *others)
    size = np.einsum(subscripts, abs(written).astype("d"), *map(abs, others))
    expected = np.einsum(subscripts, written, *others)
    with er.config(allow=("difference.parts", "difference.linear", "difference.sums", "difference.pair_sums",
                          "difference.blocks", "dense.small", "numpy.einsum")):  # fmt: skip
        got = er.einsum(subscripts, d, *others)
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    assert (abs(got - right) <= 200 * np.finfo(expected.dtype).eps * size).all()


#: Sums over all pairs of products of two differences.
PRODUCTS = [
    "ijk,ijk->", "ijk,ijk->k", "ijk,ijl->kl", "ijk,ijl->lk", "ij,ijk,ijk->", "ij,ijk,ijk->k",
    "ji,ijk,ijl->kl", "ij,ijk,ijl->lk",
]  # fmt: skip


@pytest.mark.parametrize("dtypes", ["DD", "DdD", "Dd", "FF", "Ff"])
@pytest.mark.parametrize("subscripts", PRODUCTS)
@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("far", [0.0, 1e4])
def test_products_as_written_out(dtypes: str, subscripts: str, same: bool, far: float) -> None:
    rng = np.random.default_rng(8)
    x = numbers(rng, (M if same else N, K), dtypes[0]) + np.asarray(far, dtypes[0])
    d = er.pairwise_difference(x, None if same else numbers(rng, (M, K), dtypes[0]) + x.dtype.type(far))
    sizes = dict(zip("ijk", d.shape, strict=True))
    terms = subscripts.partition("->")[0].split(",")
    weights = [p for p, labels in enumerate(terms) if labels[:2] != "ij" or len(labels) < 3]
    operands: list[Any] = [d] * len(terms)
    for p in weights:
        dtype = dtypes[min(p + 1, len(dtypes) - 1)]
        operands[p] = numbers(rng, tuple(sizes[c] for c in terms[p]), dtype)
    written = [np.asarray(one) for one in operands]
    right = np.einsum(subscripts, *(one.astype("G") for one in written))
    size = np.einsum(subscripts, *map(abs, written))
    with forcing("difference.parts"):
        got = er.einsum(subscripts, *operands)
    assert got.dtype == np.result_type(*written)
    assert (abs(got - right) <= 512 * np.finfo(got.dtype).eps * size).all()


def test_products_are_taken_apart() -> None:
    rng = np.random.default_rng(2)
    d = er.pairwise_difference(numbers(rng, (3000, 2), "D"), numbers(rng, (40, 2), "D"))
    w = numbers(rng, (3000, 40), "D")
    for subscripts, operands in (("ij,ijk,ijk->k", (w, d, d)), ("ijk,ijl->kl", (d, d))):
        assert "difference.parts" in er.explain(subscripts, *operands).routes
    x = numbers(rng, (50, 2), "D")
    x[1] = np.nan
    d = er.pairwise_difference(x)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(
            er.einsum("ijk,ijl->kl", d, d), np.einsum("ijk,ijl->kl", np.asarray(d), np.asarray(d))
        )


def test_it_is_taken_and_declines_what_is_not_finite() -> None:
    rng = np.random.default_rng(1)
    x, w = numbers(rng, (60, 5), "D"), numbers(rng, (5,), "D")
    d = er.pairwise_difference(x)
    with er.config(forbid="difference.blocks"):
        assert "difference.parts" in er.explain("ijk,k->ij", d, w).routes
        got = er.einsum("ijk,k->ij", d, w)
    np.testing.assert_array_equal(got, -got.T)
    x[3, 2] = complex(np.inf, 1)
    with np.errstate(all="ignore"), er.config(tune="never"):
        np.testing.assert_array_equal(
            er.einsum("ijk,k->ij", d, w)[3].imag, np.einsum("ijk,k->ij", np.asarray(d), w)[3].imag
        )


def test_two_complex_weights_are_refused() -> None:
    rng = np.random.default_rng(1)
    x, u, v = (numbers(rng, shape, "D") for shape in ((20, 3), (20,), (20,)))
    explained = er.explain("ijk,i,j->k", er.pairwise_difference(x), u, v)
    assert "difference.parts" not in explained.routes
