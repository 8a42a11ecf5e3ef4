"""``explain`` of what ``contract_expression`` made."""

from __future__ import annotations

import numpy as np
import pytest

import einroute as er


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "i8"])
def test_it_is_contract_along_the_expressions_path(dtype):
    path = [(1, 2), (0, 1)]
    operands = [np.ones(shape, dtype) for shape in ((20, 30), (30, 40), (40, 5))]
    shapes = [x.shape for x in operands]
    explained = er.explain(
        er.contract_expression("ij,jk,kl->il", *shapes, optimize=path), *operands, verbose=True
    )
    wanted = er.explain(er.contract, "ij,jk,kl->il", *operands, optimize=path)
    assert explained.routes == wanted.routes
    assert [s.subscripts for s in explained.outline.steps] == [s.subscripts for s in wanted.outline.steps]
    assert "kept by the expression" in str(explained)
    assert explained.verbose


def test_without_operands_it_is_of_float64():
    expression = er.contract_expression("ij,jk->ik", (20, 30), (30, 40))
    assert er.explain(expression).outline.dtype == "float64"
    assert (
        er.explain(expression).routes == er.explain(expression, np.ones((20, 30)), np.ones((30, 40))).routes
    )


def test_constants_are_contracted_once():
    a, b = np.ones((30, 40)), np.ones((40, 5))
    expression = er.contract_expression(
        "ij,jk,kl->il", (20, 30), a, b, constants=[1, 2], optimize=[(1, 2), (0, 1)]
    )
    explained = er.explain(expression)
    assert explained.outline.notes[0] == "constants in brackets, contracted once: ij,[jk,kl]->il"
    assert [op.shape for op in explained.outline.operands] == [(20, 30), (30, 5)]
    assert len(explained.routes) == 1
    with er.record() as r:
        expression(np.ones((20, 30)))
    np.testing.assert_allclose(expression(np.ones((20, 30))), np.full((20, 5), 30.0 * 40))
    assert r.calls == 1


@pytest.mark.parametrize(
    ("args", "kwargs", "error", "message"),
    [
        ((np.ones((20, 30)),), {}, ValueError, "takes 2 arrays, and 1 came"),
        ((np.ones((20, 30)), np.ones((31, 40))), {}, ValueError, "label 'j' has size 30"),
        ((np.ones((20, 30)), np.ones(40)), {}, ValueError, "operand 1 has 1 dimension"),
        ((), {"outt": None}, TypeError, "did you mean 'out'"),
    ],
)
def test_what_the_expression_refuses(args, kwargs, error, message):
    expression = er.contract_expression("ij,jk->ik", (20, 30), (30, 40))
    with pytest.raises(error, match=message):
        er.explain(expression, *args, **kwargs)


def test_another_backend_is_opt_einsums():
    explained = er.explain(er.contract_expression("ij,jk->ik", (2, 3), (3, 4)), backend="dask")
    assert "opt_einsum hands the operands to" in explained.reason
