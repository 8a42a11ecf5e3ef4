"""What the tests of dask's linear algebra share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
from dask.callbacks import Callback

EPS = np.finfo(float).eps


def matrix(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    """Random numbers of a dtype; whole numbers from -9 to 9 for integers."""
    rng = np.random.default_rng(seed)
    found = rng.standard_normal(shape)
    if dtype in "FD":
        found = found + 1j * rng.standard_normal(shape)
    if dtype in "bil":
        found = np.round(found * 3).clip(-9, 9)
    if dtype == "?":
        found = found > 0
    return found.astype(dtype)


def chunked(x: np.ndarray, rows: Any, columns: Any = -1) -> da.Array:
    """An array of dask in chunks."""
    return da.from_array(x, chunks=(rows, *(columns,) * (x.ndim - 1)))


def agree(lazy: tuple[Any, ...], numpys: tuple[Any, ...], cond: float = 100.0) -> None:
    """Compare what lstsq returns: values to what the condition number lets through, dtypes, shapes, kinds."""
    for name, one, other in zip(("x", "residuals", "rank", "s"), lazy, numpys, strict=True):
        assert isinstance(one, da.Array), name
        other = np.asarray(other)
        assert one.dtype == other.dtype, name
        assert one.ndim == other.ndim, name
        known = [size for size in one.shape if not np.isnan(size)]
        assert name == "residuals" or len(known) < one.ndim or one.shape == other.shape
        value = one.compute()
        assert value.shape == other.shape, name
        assert value.dtype == other.dtype, name
        eps = np.finfo(other.dtype).eps if other.dtype.kind in "fc" else 0
        scale = np.abs(other).max(initial=0) or 1.0
        tolerance = 200 * eps * (cond**2 if name in {"x", "residuals"} else 1)
        np.testing.assert_allclose(value, other, rtol=tolerance, atol=tolerance * scale, err_msg=name)


def ran(*collections: Any) -> list[str]:
    """The names of the tasks that computing runs, after dask's optimizations, without their tokens."""
    names: list[str] = []
    with Callback(pretask=lambda key, *_: names.append(dask.utils.key_split(key))):
        dask.compute(*collections, scheduler="synchronous")
    return names


class File:
    """A matrix in a file, read when asked."""

    ndim = 2

    def __init__(self, path: Path, values: np.ndarray) -> None:
        self.path, self.shape, self.dtype = path, values.shape, values.dtype
        self.write(values)

    def write(self, values: np.ndarray) -> None:
        # Renamed into place: a task of a computation that failed may be reading the old one still.
        new = self.path.with_suffix(".new.npy")
        np.save(new, values)
        new.replace(self.path)

    def __getitem__(self, index: Any) -> np.ndarray:
        return np.array(np.load(self.path, mmap_mode="r")[index])

    def array(self, rows: int, columns: int = -1) -> da.Array:
        """The file as dask has it: its name says nothing of its contents."""
        return da.from_array(self, chunks=(rows, columns), name=f"file-{self.path.stem}")
