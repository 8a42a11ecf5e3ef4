"""`config(reproducible=True)`: the same bits, whatever the threads and the earlier calls."""

from typing import Any

import numpy as np
import pytest

import einroute as er

CASES = [
    ("ij,jk->ik", [(3, 3), (3, 3)]),
    ("i,i->", [(200_000,), (200_000,)]),
    ("ijk->k", [(100, 200, 50)]),
    ("ijk,kl,ijl->ij", [(300, 200, 6), (6, 6), (300, 200, 6)]),
    ("ij,jk,kl->il", [(60, 70), (70, 80), (80, 90)]),
]


def _operands(shapes: list[tuple[int, ...]]) -> list[Any]:
    rng = np.random.default_rng(5)
    return [rng.standard_normal(shape) for shape in shapes]


@pytest.mark.parametrize(("subscripts", "shapes"), CASES, ids=[c[0] for c in CASES])
def test_same_bits_for_any_threads_and_history(subscripts: str, shapes: list[tuple[int, ...]]) -> None:
    operands = _operands(shapes)
    results = []
    for threads in (1, 2, 5):
        er.cache_clear()
        with er.config(reproducible=True, threads=threads):
            results += [er.einsum(subscripts, *operands).tobytes() for _ in range(70)]
    assert len(set(results)) == 1


def test_agrees_with_numpy() -> None:
    a, b = _operands([(50, 60), (60, 40)])
    with er.config(reproducible=True):
        np.testing.assert_allclose(er.einsum("ij,jk->ik", a, b), a @ b, rtol=1e-12)
        np.testing.assert_allclose(er.tensordot(a, b, axes=1), a @ b, rtol=1e-12)


def test_plan_does_not_depend_on_threads() -> None:
    operands = _operands([(300, 200, 6), (6, 6), (300, 200, 6)])
    plans = set()
    for threads in (1, 4):
        with er.config(reproducible=True, threads=threads):
            plan = er.explain("ijk,kl,ijl->ij", *operands).plan
            assert plan is not None
            plans.add((type(plan.node).__name__, getattr(plan.node, "block", None), plan.node.layout))
    assert len(plans) == 1
