"""What `explain` says, and that it is what happens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einroute._config import forcing
from tests.helpers import ER


class Duck:
    shape = (2, 2)
    ndim = 2
    dtype = np.dtype(float)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return NotImplemented


A = np.ones((100, 100))


@pytest.mark.parametrize(
    ("args", "kwargs", "reason"),
    [
        (("ij->ji", A), {}, "a view of the operand"),
        (("ii->i", A), {"optimize": True}, "a view of the operand"),
        (("ij,jk->ik", A.astype(object), A), {}, "dtype object"),
        (("ij,jk->ik", Duck(), np.ones((2, 2))), {}, "operand 0 is of type Duck"),
        (("ij,jk->ik", np.ones((2, 2)), Duck()), {}, "operand 1 is of type Duck"),
        (("ij->j", A), {"out": np.ones(100).view(np.matrix)}, "out is of type matrix"),
        (("ij,jk->ik", A, A), {"out": np.ones((100, 100), "f4"), "optimize": True}, "out of dtype float32"),
        (("ij,jk,kl->il", A, A, A), {"order": "A", "optimize": True}, "order 'A'"),
        (("ij,jk->ik", A, A), {"optimize": ["einsum_path", (0,), (0, 1)]}, "given path"),
    ],
)
def test_why_a_call_is_numpys_own(args: tuple[Any, ...], kwargs: dict[str, Any], reason: str) -> None:
    explained = ER.explain(*args, **kwargs)
    assert explained.plan is None
    assert reason in explained.reason
    assert explained.routes == ("numpy.einsum",)
    assert reason in str(explained)


def test_tensordots_reason() -> None:
    explained = ER.explain(ER.tensordot, A.astype(object), A, 1)
    assert explained.routes == ("numpy.tensordot",)
    assert "dtype object" in str(explained)


def test_the_routes_explained_are_those_that_run() -> None:
    for args, kwargs in (
        (("ij,jk->ik", A, A), {}),
        (("ij,jk,kl->il", A, A, A[:, :3]), {"optimize": True}),
        (("ij,ij->i", A, A), {"order": "F"}),
        (("ij,jk->ik", A.T, A), {"out": np.empty((100, 100))}),
    ):
        with forcing(None) as ran:
            explained = ER.explain(*args, **kwargs)
            ER.einsum(*args, **kwargs)
        assert list(dict.fromkeys(ran)) == list(dict.fromkeys(explained.routes))


def test_tiny_calls_say_who_answers_first() -> None:
    a, text = np.ones((3, 3)), "ij,jk->ik"
    assert "the first 64 or so such calls, then this plan" in str(ER.explain(text, a, a))
    assert "the first 64 or so such calls, then this plan" in str(ER.explain(text, a.T, a))
    for explained in (
        ER.explain("ij->j", a),
        ER.explain(text, a, a, order="C"),
        ER.explain(text, a, a, out=np.empty((3, 3))),
        ER.explain("ij,jk,kl->il", a.T, a, a),
    ):
        assert "this plan is not used" in str(explained)
    for explained in (
        ER.explain(text, a, a, optimize=True),
        ER.explain(text, A, A),
        ER.explain(text, np.ones((0, 3)), a),
        ER.explain(ER.tensordot, a, a, 1),
    ):
        assert explained.tiny == ""
        assert "tiny" not in str(explained)
    with forcing(None):
        assert "tiny" not in str(ER.explain(text, a, a))
