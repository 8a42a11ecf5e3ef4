"""What CuPy's tests share: CuPy itself where it and a GPU are, else the recorder; and operands of either."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import einroute as er
from einroute._kinds import registry
from tests.kinds.cupy import recorder, sparse_recorder


def _real() -> bool:
    if importlib.util.find_spec("cupy") is None:
        return False
    return bool(importlib.import_module("cupy").cuda.is_available())


REAL = _real()
recorded = pytest.mark.skipif(REAL, reason="of the calls made: by the recorder")


@contextmanager
def library() -> Iterator[Any]:
    """CuPy, or what stands in its place."""
    if REAL:
        yield importlib.import_module("cupy")
        return
    with recorder.in_place() as module:
        yield module
    for name in [name for name in sys.modules if name.startswith("einroute._kinds.cupy")]:
        del sys.modules[name]
    registry.KINDS.clear()
    registry.FORMS.clear()
    er.cache_clear()


def on_device(x: Any, device: int = 0) -> Any:
    """An array on a device."""
    return importlib.import_module("cupy").asarray(x) if REAL else recorder.ndarray(x, device)


def matrix(x: Any, device: int = 0) -> Any:
    """A matrix of SciPy's as CuPy's of the same format."""
    sparse = importlib.import_module("cupyx.scipy.sparse")
    cls = getattr(sparse, f"{x.format}_matrix")
    return cls(x) if REAL else cls.of(x.copy(), device)


def values(x: Any) -> np.ndarray[Any, Any]:
    """What an array or a matrix on a device holds."""
    if is_sparse(x):
        return np.asarray(x.toarray().get() if REAL else sparse_recorder.toarray(x))
    return np.asarray(x.get() if REAL else recorder.values(x))


def is_sparse(x: Any) -> bool:
    """Whether it is one of CuPy's sparse matrices."""
    return type(x).__module__.startswith("cupyx.")


def nothing_copied() -> None:
    """Nothing has gone to the device or to the host."""
    assert REAL or "from host" not in recorder.CALLS
