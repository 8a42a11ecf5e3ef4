"""dask arrays beside operands of other libraries, which NumPy's protocol hands calls on to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import einroute as er

da = pytest.importorskip("dask.array")

VALUES = np.arange(12.0).reshape(3, 4)


class Above:
    """An array of another library, which takes dask arrays for its own."""

    def __init__(self, told: str = "") -> None:
        self.told = told

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return Above(func.__name__)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return Above(ufunc.__name__)


PRODUCTS: list[Callable[..., Any]] = [
    lambda module, x, y: module.einsum("ij,jk->ik", x, y),
    lambda module, x, y: module.tensordot(x, y, 1),
    lambda module, x, y: module.dot(x, y),
    lambda module, x, y: module.inner(x, y),
    lambda module, x, y: module.matmul(x, y),
]


@pytest.mark.parametrize("product", PRODUCTS)
def test_operands_of_no_kind_are_numpys_to_dispatch(product: Callable[..., Any]) -> None:
    lazy, other = da.from_array(VALUES, chunks=2), Above()
    for x, y in ((lazy, other), (other, lazy)):
        ours, numpys = product(er, x, y), product(np, x, y)
        assert type(ours) is type(numpys) is Above
        assert ours.told == numpys.told


def test_operands_without_the_protocol_are_refused() -> None:
    with pytest.raises(TypeError, match="operand 1 is of type object"):
        er.einsum("ij,jk->ik", da.ones((3, 4), chunks=2), object())


@pytest.mark.parametrize("product", PRODUCTS[2:])
def test_xarray_over_dask(product: Callable[..., Any]) -> None:
    xarray = pytest.importorskip("xarray")
    square = np.arange(9.0).reshape(3, 3)
    x = xarray.DataArray(da.from_array(square, chunks=2), dims=("i", "j"))
    for given in ((x, square), (square, x), (x, x)):
        try:
            expected = product(np, *given)
        except Exception as error:
            with pytest.raises(type(error)):
                product(er, *given)
            continue
        found = product(er, *given)
        assert type(found) is type(expected)
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected))


def test_contractions_that_xarray_makes_of_dask_arrays() -> None:
    """xarray's dot is np.einsum of the arrays, where it does not go by opt_einsum."""
    xarray = pytest.importorskip("xarray")
    x = xarray.DataArray(da.from_array(VALUES, chunks=2), dims=("i", "j"))
    y = xarray.DataArray(da.from_array(VALUES, chunks=(3, 1)), dims=("k", "j"))
    plain = xarray.dot(x, y, dim="j")
    with er.override(), xarray.set_options(use_opt_einsum=False), er.config(memory_limit=60):
        ours = xarray.dot(x, y, dim="j")
    assert type(ours.data) is da.Array
    assert any(name.startswith("einsum-") for name in ours.data.dask.layers)
    assert ours.dims == plain.dims
    np.testing.assert_allclose(ours.values, VALUES @ VALUES.T)
    np.testing.assert_allclose(plain.values, VALUES @ VALUES.T)
