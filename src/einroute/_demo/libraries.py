"""The demo of other libraries: a contraction and its gradient, where a library is installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from .._kinds.registry import MODULES

__all__ = ["LIBRARIES", "Library", "Outcome", "run"]

_ROWS, _COLUMNS, _ENTRIES = 2000, 32, 20_000
_SUBSCRIPTS = "ij,ik,jk->"
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found.

    Attributes
    ----------
    said : str
        In words, a few lines.
    ok : bool
        Nothing is wrong: also where the library is not there.
    """

    said: str
    ok: bool = True


@dataclass(frozen=True, slots=True)
class Library:
    """A library and what is shown of it.

    Attributes
    ----------
    name : str
        Of its module.
    extra : str
        What installs it beside.
    show : callable
        ``(library, entries, x, y) -> (plan, value, gradient)`` of the contraction: of a sparse matrix with
        the entries given, and two dense ones.
    """

    name: str
    extra: str
    show: Callable[[Any, tuple[Array, Array], Array, Array], tuple[str, float, Array]]


def _torch(torch: Any, entries: tuple[Array, Array], x: Array, y: Array) -> tuple[str, float, Array]:
    import einroute as er  # noqa: PLC0415 - what users import

    at, values = entries
    sparse = torch.sparse_coo_tensor(
        torch.tensor(at), torch.tensor(values), (_ROWS, _ROWS), check_invariants=True
    ).coalesce()
    operands = [sparse.requires_grad_(), torch.tensor(x), torch.tensor(y)]
    plan = str(er.explain(_SUBSCRIPTS, *operands))
    value = er.einsum(_SUBSCRIPTS, *operands)
    value.backward()
    return plan, float(value.detach()), sparse.grad.coalesce().values().numpy()


def _jax(jax: Any, entries: tuple[Array, Array], x: Array, y: Array) -> tuple[str, float, Array]:
    import einroute as er  # noqa: PLC0415 - what users import

    bcoo = import_module("jax.experimental.sparse").BCOO
    at, values = entries

    def loss(data: Any) -> Any:
        return er.einsum(_SUBSCRIPTS, bcoo((data, jax.numpy.asarray(at.T)), shape=(_ROWS, _ROWS)), x, y)

    sparse = bcoo((jax.numpy.asarray(values), jax.numpy.asarray(at.T)), shape=(_ROWS, _ROWS))
    plan = str(er.explain(_SUBSCRIPTS, sparse, x, y))
    value, gradient = jax.jit(jax.value_and_grad(loss))(jax.numpy.asarray(values))
    return plan, float(value), np.asarray(gradient)


LIBRARIES = (Library("torch", "einroute[torch]", _torch), Library("jax", "einroute[jax]", _jax))


def run(library: Library) -> Outcome:
    """Show a library, or say that it is not there."""
    if find_spec(library.name) is None:
        return Outcome(f"{library.name}: not installed; pip install '{library.extra}' shows it")
    if library.name not in MODULES:
        return Outcome(f"{library.name}: this version of einroute does not take its arrays")
    rng = np.random.default_rng(0)
    places = np.sort(rng.choice(_ROWS * _ROWS, _ENTRIES, replace=False))
    at = np.stack(np.divmod(places, _ROWS))
    values = rng.standard_normal(_ENTRIES).astype(np.float32)
    x, y = rng.standard_normal((2, _ROWS, _COLUMNS)).astype(np.float32)
    plan, value, gradient = library.show(import_module(library.name), (at, values), x, y)
    expected = np.einsum("ek,ek->e", x[at[0]].astype(float), y[at[1]].astype(float))
    size = float(np.abs(values * expected).sum())
    wrong = abs(value - float(values @ expected)) / size
    wrong = max(wrong, float(np.abs(gradient - expected).max() / np.abs(expected).max()))
    ok = wrong < 1e-4
    said = (
        f"{library.name}: {_SUBSCRIPTS} of {_ENTRIES} entries and two of ({_ROWS}, {_COLUMNS}), and its "
        f"gradient by the entries: {'right' if ok else 'WRONG'}, within {wrong:.0e} of NumPy's\n{plan}"
    )
    return Outcome(said, ok)
