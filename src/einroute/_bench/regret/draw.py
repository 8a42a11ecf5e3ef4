"""Random calls of each family: subscripts, sizes, dtypes, layouts, from a seed and a number alone.

Sizes are log-uniform, so that a call takes between about 10 microseconds and 100 milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..case import random_array
from ..statement import load

__all__ = ["FAMILIES", "Drawn", "draw"]

Array = np.ndarray[Any, Any]

#: Elements that an operand or a result may have, and the products that a call forms: from, to.
_LARGEST, _WORK = 6e6, (2e3, 6e7)
_DTYPES = {"f8": 0.6, "f4": 0.2, "c16": 0.1, "i8": 0.1}
#: Stacks of small matrices; ``j`` and the like stay small.
_STACKS = (
    "bij,bjk->bik", "bij,bj->bi", "bij,bij->b", "bij,bkj->bik", "bii->b", "bij,kj->bik", "bij,kl,bjk->bil",
    "abij,abjk->abik", "bi,bi->b", "bi,bj->bij", "bij->bji", "bij,bji->b", "bij->b", "b,bij->bij",
    "bi,bij,bj->b",
)  # fmt: skip
#: Terms with a star are sparse.
_SPARSE = (
    "ij*->i", "ij*->j", "ij*->ji", "ij*->", "ii*->", "ij*,ij*->", "ij*,ji*->", "ij*,ij*->ij", "ij*,kj*->ik",
    "ij*,jk*->ik", "ij*,jk*->", "ij*,jk->ik", "ij,jk*->ik", "ij*,jk->", "ij*,j->i", "ij*,i->j", "i,ij*,j->",
    "ij*,j->ij", "ij*,ij->", "aij*,aj->ai", "ij*,tjk->tik", "tij,jk*->tik", "aij,jk*->aki", "ij*,ik,jk->ij",
    "ikl*,lj,kj->ij", "abi,ji*->abj",
)  # fmt: skip
#: Terms with a star are one-hot, their last label that of the classes.
_ONE_HOT = (
    "tr*->r", "tr*->t", "tr*->", "tr*,t->r", "tr*,r->t", "tr*,tx->rx", "tr*,rx->tx", "tr*,tc*->rc",
    "tr*,tr*->t", "tr*,rx,t->tx", "tr*,bt->br", "tr*,br->bt", "tr*,tr->t", "tr*,tc*,t->rc", "tr*,tx,ty->rxy",
    "tr*,rc*,c->t",
)  # fmt: skip
#: Terms with a star are rolled along their first axis; the second one is that of the shifts.
_ROLLED = (
    "ij*->j", "ij*->i", "ij*,j->i", "ij*,i->j", "ij*,ij->", "ij*,ij->i", "ij*,ij->j", "i,ij*,j->",
    "ijn*,j->in", "in,ijn*->ij", "in,ijn*->j", "imn,ijnl*->ijml", "ijn*,nm->ijm", "ij*,jk->ik",
    "ij*,ik->jk", "ijn*,jn->in",
)  # fmt: skip
#: Terms with a star are differences, one and the same in a call.
_DIFFERENCES = (
    "ijk*,ijk*->ij", "ijk*,kl,ijl*->ij", "ijk*,k,ijk*->ij", "ijk*->ij", "ijk*->k", "ijk*,k->ij", "ijk*,ij->k",
    "ijk*,ij->ik", "ijk*,ijl*->kl", "ij,ijk*,ijl*->kl", "ij,ijk*,ijk*->k", "ijk*,ijk*->", "ijk*,ijk*,ij->i",
    "ijk*,kl->ijl", "ij,ijk*->jk",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drawn:
    """A call.

    Attributes
    ----------
    family : str
    number : int
        In the family's sequence of a seed.
    subscripts : str
    operands : tuple
        As they are handed to einroute.
    sizes : dict
        Each label's.
    """

    family: str
    number: int
    subscripts: str
    operands: tuple[Any, ...]
    sizes: Mapping[str, int]

    @property
    def inputs(self) -> list[str]:
        """Labels of each operand."""
        return self.subscripts.partition("->")[0].split(",")

    @property
    def output(self) -> str:
        """Labels of the result."""
        return self.subscripts.partition("->")[2]

    @property
    def text(self) -> str:
        """The call in a line."""
        return f"{self.subscripts}  {', '.join(map(_shown, self.operands))}"


def draw(family: str, seed: int, number: int) -> Drawn:
    """The call of that number."""
    rng = np.random.default_rng([seed, list(FAMILIES).index(family), number])
    while True:
        found = FAMILIES[family](rng)
        if found is not None:
            subscripts, operands, sizes = found
            return Drawn(family, number, subscripts, tuple(operands), sizes)


_Found = tuple[str, list[Any], dict[str, int]]


def _dense(rng: np.random.Generator) -> _Found | None:
    count = int(rng.choice([1, 2, 3], p=[0.2, 0.6, 0.2]))
    pool = "abcdef"[: int(rng.integers(2, 6))]
    terms = []
    for _ in range(count):
        labels = rng.permutation(list(pool))[: int(rng.integers(1, min(4, len(pool)) + 1))].tolist()
        if rng.random() < 0.05:
            labels[-1] = labels[0]
        terms.append("".join(labels))
    used = sorted(set("".join(terms)))
    output = "".join(rng.permutation(used)[: int(rng.integers(0, min(4, len(used)) + 1))])
    sizes = _sizes(rng, used)
    return _made(rng, ",".join(terms) + "->" + output, sizes, _array)


def _stacks(rng: np.random.Generator) -> _Found | None:
    subscripts = str(rng.choice(_STACKS))
    labels = sorted(set(subscripts) - set(",->"))
    small = {c: int(rng.integers(2, 17)) for c in labels if c not in "ab"}
    return _made(rng, subscripts, {**_sizes(rng, "ab", prod(small.values())), **small}, _array)


def _sparse(rng: np.random.Generator) -> _Found | None:
    template = str(rng.choice(_SPARSE))
    sizes = _sizes(rng, sorted(set(template) - set(",->*")), most=1e9)

    def make(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        sp = load("scipy.sparse")
        places = prod(shape)
        nnz = max(1, int(10 ** rng.uniform(0, np.log10(max(2.0, min(places * 0.3, 1e6))))))
        where = np.unique(rng.integers(0, places, nnz))
        data = random_array(rng, where.shape, dtype) + 1
        coo = sp.coo_array((data.astype(dtype), np.unravel_index(where, shape)), shape=shape)
        return coo.asformat(str(rng.choice(["csr", "csr", "csc", "coo"]))) if len(shape) == 2 else coo

    return _made(rng, template, sizes, _array, make)


def _one_hot(rng: np.random.Generator) -> _Found | None:
    template = str(rng.choice(_ONE_HOT))
    labels = sorted(set(template) - set(",->*"))
    sizes = {c: int(10 ** rng.uniform(0.3, 2.5)) for c in labels if c != "t"}
    sizes["t"] = int(10 ** rng.uniform(2, 5.7))

    def make(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        out_of_range = rng.random() < 0.15
        labels = rng.integers(-out_of_range, shape[-1] + out_of_range, shape[:-1])
        labels = labels.astype(rng.choice(["i8", "i8", "i4", "i2"]))
        return load("einroute").one_hot(labels, shape[-1], dtype=dtype)

    return _made(rng, template, sizes, _array, make)


def _rolled(rng: np.random.Generator) -> _Found | None:
    template = str(rng.choice(_ROLLED))
    labels = sorted(set(template) - set(",->*"))
    small = {c: int(rng.integers(2, 9)) for c in labels if c in "lmn"}
    small["j"] = int(10 ** rng.uniform(0, 2.5))
    sizes = {**_sizes(rng, [c for c in labels if c not in small], prod(small.values())), **small}
    if sizes["i"] < sizes["j"]:
        return None

    def make(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        base = random_array(rng, (shape[0], *shape[2:]), dtype)
        return load("einroute").rolled(base, shape[1])

    return _made(rng, template, sizes, _array, make)


def _differences(rng: np.random.Generator) -> _Found | None:
    template = str(rng.choice(_DIFFERENCES))
    labels = sorted(set(template) - set(",->*"))
    features = int(10 ** rng.uniform(0, 2.5))
    sizes = {c: features for c in labels if c in "kl"}
    sizes |= _sizes(rng, [c for c in labels if c in "ij"], prod(sizes.values()))
    made: list[Any] = []

    def make(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        if not made:
            x, y = (random_array(rng, (n, shape[2]), dtype) for n in shape[:2])
            made.append(load("einroute").pairwise_difference(x, y))
        return made[0]

    return _made(rng, template, sizes, _array, make)


#: The families of calls, each with what draws one.
FAMILIES: Mapping[str, Callable[[np.random.Generator], _Found | None]] = {
    "dense": _dense,
    "stacks": _stacks,
    "sparse": _sparse,
    "one_hot": _one_hot,
    "rolled": _rolled,
    "differences": _differences,
}

_Make = Callable[[np.random.Generator, tuple[int, ...], "np.dtype[Any]"], Any]


def _made(
    rng: np.random.Generator, template: str, sizes: dict[str, int], dense: _Make, starred: _Make | None = None
) -> _Found | None:
    """The operands of a template; None where one of them, or the result, would be too large."""
    terms, _, output = template.partition("->")
    dtype = np.dtype(str(rng.choice(list(_DTYPES), p=list(_DTYPES.values()))))
    if starred is not None and dtype.kind in "ic" and rng.random() < 0.5:
        dtype = np.dtype("f8")
    extent = [prod(sizes[c] for c in x.rstrip("*")) for x in (*terms.split(","), output)]
    plain = [n for n, x in zip(extent, (*terms.split(","), output), strict=True) if not x.endswith("*")]
    if max(plain, default=0) > _LARGEST:
        return None
    operands = []
    for x in terms.split(","):
        shape = tuple(sizes[c] for c in x.rstrip("*"))
        make = starred if x.endswith("*") and starred is not None else dense
        operands.append(make(rng, shape, dtype))
    return template.replace("*", ""), operands, sizes


def _sizes(
    rng: np.random.Generator, labels: Any, already: float = 1.0, most: float = _WORK[1]
) -> dict[str, int]:
    """A size for each label, whose product with what is there already is log-uniform."""
    labels = list(labels)
    work = np.exp(rng.uniform(np.log(_WORK[0]), np.log(most))) / already
    shares: Any = rng.dirichlet(np.full(len(labels), 2.0)) if labels else ()
    return {c: max(1, round(max(work, 1.0) ** share)) for c, share in zip(labels, shares, strict=True)}


def _array(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """An array in C order, or with its axes in another order in memory, or a part of a larger one."""
    way = rng.random()
    if way < 0.6 or len(shape) < 1:
        return np.asarray(random_array(rng, shape, dtype))
    if way < 0.85:
        order = rng.permutation(len(shape))
        made = random_array(rng, tuple(shape[i] for i in order), dtype)
        return np.asarray(made).transpose(np.argsort(order))
    made = random_array(rng, (*shape[:-1], 2 * shape[-1]), dtype)
    return np.asarray(made)[..., ::2] if way < 0.93 else np.asarray(made)[..., : shape[-1]]


def _shown(x: Any) -> str:
    shape = "x".join(map(str, x.shape)) or "()"
    kind = getattr(x, "format", "") or getattr(x, "kind", "")
    text = f"{kind} {shape} {x.dtype.char}".strip()
    if hasattr(x, "nnz"):
        return f"{text} nnz={x.nnz}"
    if isinstance(x, np.ndarray) and not x.flags.c_contiguous:
        return f"{text} strides {tuple(s // x.itemsize for s in x.strides)}"
    return text
