"""What options do for arrays of other libraries, by the second table of docs/options.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import einroute as er
from tests.config import test_options as numpys

TABLE = numpys.table("option, of other libraries")
#: Options whose checks are those of NumPy's operands.
_ALIKE = ("`reproducible`", "`strict`", "`allow`", "`forbid`", '`optimize="greedy"`, `"optimal"`',
          '`optimize=["einsum_path", ...]`', '`optimize=("greedy", n)`', "`memory_limit`")  # fmt: skip


class Library:
    """How a library's results are read.

    Parameters
    ----------
    written : callable
        ``result -> ndarray``.
    cls : type
        Of dense results.
    strides : callable
        ``result -> tuple``; of no library whose layouts are not the user's.
    """

    def __init__(self, written: Callable[[Any], Any], cls: type, strides: Callable[[Any], Any]) -> None:
        self.written, self.cls, self.strides = written, cls, strides

    def agrees(self, got: Any, expected: Any, dtype: str = "float64") -> None:
        """A dense result of the library's, NumPy's value, the dtype."""
        assert isinstance(got, self.cls)
        assert str(got.dtype).removeprefix("torch.") == dtype
        np.testing.assert_allclose(self.written(got), expected, rtol=1e-5, atol=1e-5)


def check(option: str, cell: str, x: Any, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option has the effect that its cell says."""
    monkeypatch.setattr(
        numpys, "written_out", lambda v: v if isinstance(v, np.ndarray) else library.written(v)
    )
    if cell == "refused":
        _refused(option, x)
    elif option in _ALIKE:
        numpys.CHECKS[option](x)
    else:
        _CHECKS[option](cell, x, library.written(x), library)


def _refused(option: str, x: Any) -> None:
    other = numpys.OTHER
    if option == "`out=`":
        for out in (np.empty((6, 6)), np.empty((6, 6), "f4"), np.empty((2, 2)), x):
            for call in (lambda out=out: er.einsum("ij,jk->ik", x, other, out=out),
                         lambda out=out: er.matmul(x, other, out=out)):  # fmt: skip
                with pytest.raises((TypeError, ValueError), match="out "):
                    call()
    elif option == "`keepdims=True`":
        with pytest.raises(TypeError, match="keepdims"):
            er.vecdot(x, other, keepdims=True)
    else:  # limits that no order keeps to
        with pytest.raises(er.NoRoute, match=r"memory_limit is \d+ bytes.*raise the limit"):
            numpys.CHECKS[option](x)


def _dtype(_cell: str, x: Any, full: Any, library: Library) -> None:
    for got in (
        er.einsum("ij,jk->ik", x, numpys.OTHER, dtype="c16"),
        er.matmul(x, numpys.OTHER, dtype="c16"),
    ):
        library.agrees(got, full @ numpys.OTHER, "complex128")


def _order(cell: str, x: Any, full: Any, library: Library) -> None:
    for letter, strides in (("C", (6, 1)), ("F", (1, 6))):
        for got in (
            er.einsum("ij,jk->ik", x, numpys.OTHER, order=letter),
            er.matmul(x, numpys.OTHER, order=letter),
        ):
            library.agrees(got, full @ numpys.OTHER)
            assert cell == "-" or library.strides(got) == strides


def _casting(_cell: str, x: Any, full: Any, library: Library) -> None:
    with pytest.raises(TypeError, match="casting='safe'"):
        er.einsum("ij,jk->ik", x, numpys.OTHER, dtype="f4")
    got = er.einsum("ij,jk->ik", x, numpys.OTHER, dtype="f4", casting="same_kind")
    library.agrees(got, full @ numpys.OTHER, "float32")


def _axes(_cell: str, x: Any, full: Any, library: Library) -> None:
    axes = [(1, 0), (0, 1), (0, 1)]
    library.agrees(er.matmul(x, numpys.OTHER, axes=axes), np.matmul(full, numpys.OTHER, axes=axes))
    library.agrees(er.tensordot(x, numpys.OTHER, axes=2), np.tensordot(full, numpys.OTHER, axes=2))


def _axis(_cell: str, x: Any, full: Any, library: Library) -> None:
    library.agrees(er.vecdot(x, numpys.OTHER, axis=0), np.vecdot(full, numpys.OTHER, axis=0))


def _optimize_true(_cell: str, x: Any, full: Any, library: Library) -> None:
    for subscripts in ("ij,ij->", "ij,jk->ik"):
        got = er.einsum(subscripts, x, numpys.OTHER, optimize=True)
        library.agrees(got, np.einsum(subscripts, full, numpys.OTHER))


def _on_densify(cell: str, x: Any, full: Any, library: Library) -> None:
    """Only of a result of 69 MB of sparse operands."""
    assert cell in {"-", "yes"}
    sparse = cell == "yes" and not hasattr(x, "written")
    large = np.ones(250_000)
    with er.config(on_densify="raise"):
        if not sparse:
            return library.agrees(er.einsum("ij,k->ik", x, large[:9]), full.sum(1)[:, None] * np.ones(9))
        with pytest.raises(ValueError, match="dense and takes"):
            er.einsum("ij,k->ikj", x, large)
        library.agrees(er.einsum("ij,jk->ik", x, numpys.OTHER), full @ numpys.OTHER)
    return None


def _tune(_cell: str, x: Any, full: Any, library: Library) -> None:
    for way in ("never", "same", "free", "now"):
        with er.config(tune=way):
            library.agrees(er.matmul(x, numpys.OTHER), full @ numpys.OTHER)
            assert "by trials" not in str(er.explain(er.matmul, x, numpys.OTHER))


def _threads(_cell: str, x: Any, full: Any, library: Library) -> None:
    for count in (1, 3):
        with er.config(threads=count):
            library.agrees(er.matmul(x, numpys.OTHER), full @ numpys.OTHER)


_CHECKS: dict[str, Callable[[str, Any, Any, Library], None]] = {
    "`dtype=`": _dtype,
    "`order=`": _order,
    "`casting=`": _casting,
    "`axes=`": _axes,
    "`axis=`": _axis,
    "`optimize=True`": _optimize_true,
    "`on_densify`": _on_densify,
    "`threads`": _threads,
    "`tune`": _tune,
}


def whole() -> None:
    """The table has every option that NumPy's operands have."""
    assert TABLE.keys() == numpys.CHECKS.keys() - {"`out=` for a sparse result"}
    assert set(_ALIKE) | _CHECKS.keys() | {"`out=`", "`keepdims=True`"} == TABLE.keys()
    assert {cell for cells in TABLE.values() for cell in cells.values()} == {"yes", "refused", "-"}
