"""JAX's sparse arrays with what is hard about them: duplicates, padding, batch and dense dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
from jax.experimental import sparse

from tests.helpers import SIZES
from tests.kinds.jax.helpers import jax, jnp

BCOO, BCSR, sparsify = sparse.BCOO, sparse.BCSR, sparse.sparsify

#: 25 forms of einsum, BCOO where a term is in capitals' place given by `BCOOS`; jax refuses nine of them.
FORMS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("ij,jk->ik", (0,)),
    ("ij,jk->ik", (1,)),
    ("ij,jk->ki", (0,)),
    ("ij,kj->ik", (0,)),
    ("ji,jk->ik", (0,)),
    ("ij,j->i", (0,)),
    ("i,ij->j", (1,)),
    ("ij,ij->ij", (0,)),
    ("ij,ij->", (0,)),
    ("ij,ij->i", (0,)),
    ("ij,i->ij", (0,)),
    ("ij->ji", (0,)),
    ("ij->i", (0,)),
    ("ij->", (0,)),
    ("ii->i", (0,)),
    ("ii->", (0,)),
    ("ijk,kl->ijl", (0,)),
    ("ijk,jk->i", (0,)),
    ("ijk,ijl->ikl", (0,)),
    ("ij,jk,kl->il", (0,)),
    ("ij,jk,kl->il", (1,)),
    ("ij,ik,jk->ij", (0,)),
    ("ij,jk->ik", (0, 1)),
    ("ij,ij->ij", (0, 1)),
    ("ij,kl->ijkl", (0, 1)),
)


def values(shape: Any, seed: int, density: float = 0.4, dtype: str = "float32") -> np.ndarray[Any, Any]:
    """Small integers, most of them zero."""
    rng = np.random.default_rng(seed)
    made = rng.integers(1, 4, shape) * (rng.random(shape) < density)
    if dtype.startswith("complex"):
        made = made * (1 + 1j * rng.integers(-2, 3, shape))
    elif dtype[0] not in "bu":
        made = made * rng.choice([-1, 1], shape)
    return np.asarray(made).astype(dtype)


def bcoo(array: Any, kind: str, seed: int = 0, n_batch: int = 0, n_dense: int = 0) -> Any:
    """A BCOO of an array's values.

    Parameters
    ----------
    kind : str
        "sorted" as JAX makes it; "shuffled"; "duplicates": each entry in two parts, shuffled; "padding":
        shuffled, with entries of padding in between that hold what must not count.
    """
    if array.dtype == bool:  # of which JAX makes none itself
        made = BCOO((jnp.asarray(array[array]), jnp.asarray(np.argwhere(array))), shape=array.shape)
    else:
        made = BCOO.fromdense(jnp.asarray(array), n_batch=n_batch, n_dense=n_dense)
    if kind == "sorted" or n_batch:
        return made
    data, indices = np.asarray(made.data), np.asarray(made.indices)
    if kind == "duplicates":
        if data.dtype != bool:
            whole = np.where(np.isfinite(data), data, 0)
            part = whole // 2 if data.dtype.kind in "iuf" else whole
            part, rest = part.astype(data.dtype), (data - part).astype(data.dtype)
        else:
            part = rest = data
        data, indices = np.concatenate([part, rest]), np.concatenate([indices, indices])
    if kind == "padding":
        count = 3
        beyond = np.broadcast_to(np.asarray(array.shape[: indices.shape[1]]), (count, indices.shape[1]))
        data = np.concatenate([data, np.full((count, *data.shape[1:]), 7).astype(data.dtype)])
        indices = np.concatenate([indices, beyond.astype(indices.dtype)])
    order = np.random.default_rng(seed).permutation(len(data))
    return BCOO((jnp.asarray(data[order]), jnp.asarray(indices[order])), shape=array.shape)


def as_dense(x: Any) -> np.ndarray[Any, Any]:
    """A result written out, of whatever kind, by NumPy: padding left out, duplicates added up."""
    if isinstance(x, BCSR):
        x = x.to_bcoo()
    if not isinstance(x, BCOO):
        return np.asarray(x)
    data, indices = np.asarray(x.data), np.asarray(x.indices)
    assert x.n_batch == x.n_dense == 0
    made = np.zeros(x.shape, data.dtype)
    within = (indices < np.asarray(x.shape)).all(1) & (indices >= 0).all(1)
    add = np.logical_or if data.dtype == bool else np.add
    add.at(made, tuple(indices[within].T), data[within])
    return made


def operands(
    subscripts: str, sparse_at: tuple[int, ...], kind: str, dtype: str = "float32", seed: int = 0
) -> Any:
    """Arrays for subscripts, and the same with some as BCOO."""
    square = len(set(subscripts.split("->", maxsplit=1)[0])) <= 1
    sizes = {c: 4 if square else SIZES[c] + 1 for c in SIZES}
    terms = subscripts.split("->", maxsplit=1)[0].split(",")
    arrays = [values([sizes[c] for c in t], seed + i, dtype=dtype) for i, t in enumerate(terms)]
    mixed = [bcoo(x, kind, seed + i) if i in sparse_at else jnp.asarray(x) for i, x in enumerate(arrays)]
    return arrays, mixed


def is_sparse(x: Any) -> bool:
    """Whether a result is one of JAX's sparse arrays."""
    return isinstance(x, BCOO | BCSR)


assert jax is not None
