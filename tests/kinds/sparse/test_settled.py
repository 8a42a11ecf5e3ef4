"""SciPy's loops compare no index: arrays that stopped being sound since the look at them do not reach any.

Another thread that writes to an operand during a call shows such arrays; here they are given at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sparse

import einroute as er
from einroute._base.facts import Operand, Step
from einroute._base.routes import Offer, Route
from einroute._entries.entries import Compressed, Entries, scatter_add
from einroute._entries.validate import Unsound
from einroute._kinds.sparse import gather, matmul, multiply, reduce, spgemm

N = 3
SOUND = ([0, 1, 2, 3], [0, 1, 2])
FAULTS = {
    "too large": ([0, 1, 2, 3], [0, 10**9, 2]),
    "negative": ([0, 1, 2, 3], [0, -(10**9), 2]),
    "decreasing": ([0, 2, 1, 3], [0, 1, 2]),
    "too many": ([0, 1, 2, 10**9], [0, 1, 2]),
    "too few": ([0, 1, 2, 2], [0, 1, 2]),
}
#: Without pointers.
INDICES = ("too large", "negative")
#: Routes that give no loop the pointers.
WITHOUT_POINTERS = ("sums across", "rows added")


def rows(fault: str | None = None, index: Any = np.int32, dtype: str = "g", axis: int = 0) -> Entries:
    indptr, indices = SOUND if fault is None else FAULTS[fault]
    own = Compressed(np.array(indptr, index), np.array(indices, index), axis)
    return Entries((N, N), np.ones(N, dtype), None, own)


def coordinates(fault: str | None, index: Any = np.int32) -> Entries:
    given = np.array(SOUND[1] if fault is None else FAULTS[fault][1], index)
    return Entries((N, N), np.ones(N), (np.arange(N, dtype=index), given))


def run(route: Route, inputs: tuple[str, ...], output: str, form: Any, *operands: Any) -> Any:
    """A step done by a route, in extended precision, for which there are only SciPy's loops."""
    facts = tuple(
        Operand(x.shape, x.dtype, (), "entries", x.nnz)
        if isinstance(x, Entries)
        else Operand(x.shape, x.dtype, x.strides)
        for x in operands
    )
    step = Step(inputs, output, {c: N for x in inputs for c in x}, facts, np.dtype("g"), form=form)
    offer = route.verdict(step)
    assert isinstance(offer, Offer), offer
    return route.bind(step, offer)(*operands)


ROUTES: dict[str, Callable[[Entries], Any]] = {
    "a product of elements": lambda a: run(multiply.ROUTE, ("ij", "ij"), "ij", "entries", a, rows()),
    "another one": lambda a: run(multiply.ROUTE, ("ij", "ji"), "ij", "entries", rows(), a),
    "sums": lambda a: run(reduce.ROUTE, ("ij",), "i", "dense", a),
    "sums across": lambda a: run(reduce.ROUTE, ("ij",), "j", "dense", a),
    "a product of both": lambda a: run(spgemm.ROUTE, ("ij", "jk"), "ik", "entries", a, rows()),
    "with a vector": lambda a: run(matmul.ROUTE, ("ij", "j"), "i", "dense", a, np.ones(N, "g")),
    "with a matrix": lambda a: run(matmul.ROUTE, ("ij", "ki"), "kj", "dense", a, np.ones((N, N), "g")),
    "rows added": lambda a: run(gather.ROUTE, ("ij", "kj"), "jk", "dense", a, np.ones((N, N), "g")),
}


@pytest.mark.parametrize("index", [np.int32, np.int64])
class TestLies:
    @pytest.mark.parametrize(
        ("name", "fault"),
        [(x, y) for x in ROUTES for y in (INDICES if x in WITHOUT_POINTERS else FAULTS)],
    )
    def test_of_a_matrix(self, name: str, fault: str, index: Any) -> None:
        ROUTES[name](rows(index=index))
        with pytest.raises(Unsound):
            ROUTES[name](rows(fault, index))

    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("axis", [0, 1])
    def test_of_other_forms(self, fault: str, axis: int, index: Any) -> None:
        for use in (Entries.settled, Entries.distinct, lambda x: x.csr((1 - axis,), (axis,))):
            use(rows(index=index, axis=axis))
            with pytest.raises(Unsound):
                use(rows(fault, index, axis=axis))

    @pytest.mark.parametrize("fault", INDICES)
    def test_of_coordinates(self, fault: str, index: Any) -> None:
        for use in (Entries.settled, Entries.dense, lambda x: x.csr((0,), (1,)), lambda x: x.csr((1,), (0,))):
            use(coordinates(None, index))
            with pytest.raises(Unsound):
                use(coordinates(fault, index))

    def test_of_places(self, index: Any) -> None:
        for at in (N, -1, 10**9, -(10**9)):
            with pytest.raises(Unsound):
                scatter_add(np.array([0, at], index), np.ones(2), N)


def test_what_is_nobody_elses_is_not_copied() -> None:
    own = Entries((N, N), np.ones(N), (np.arange(N), np.arange(N)), fresh=True)
    assert own.settled() is own
    given = rows()
    settled = given.settled().compressed
    assert settled is not None
    assert given.compressed is not None
    assert not np.shares_memory(settled.indices, given.compressed.indices)
    assert not np.shares_memory(settled.indptr, given.compressed.indptr)


def test_named_where_the_result_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(entries: Entries) -> Entries:
        raise Unsound("its index arrays were changed while they were read")

    a = sparse.COO.from_numpy(np.ones((N, N, N)))
    monkeypatch.setattr(Entries, "summed", changed)
    with pytest.raises(ValueError, match=r"operand 0 \(COO of shape \(3, 3, 3\)\) .*changed while"):
        er.einsum("ijk->kji", a)
