"""What `contract` and its expressions do with arrays of a library beside opt_einsum's own options."""

from __future__ import annotations

from typing import Any

import numpy as np
import opt_einsum
import pytest

import einroute as er


def check_out(f: Any) -> None:
    """Any ``out=`` beside arrays of a library, and one of a library, is refused before any work."""
    n = np.ones((3, 3), "f4")
    expression = er.contract_expression("ij,jk->ik", (3, 3), (3, 3))
    constant = er.contract_expression("ij,jk,kl->il", n, n, (3, 3), constants=[0, 1])
    calls = (
        lambda _a, b, out: constant(b, out=out),
        lambda a, b, out: expression(a, b, out=out),
        lambda a, b, out: er.contract("ij,jk->ik", a, b, out=out),
    )
    shapes = ((3, 3), (2, 2), (2, 3, 3))
    arrays = [np.full(shape, 7, dtype) for shape in shapes for dtype in ("f4", "i8")]
    for call in calls:
        for out in (f + 0, *arrays, np.ones((3, 3)).view(np.matrix), [1]):
            with pytest.raises((TypeError, ValueError), match=r"out is (an|of type) "):
                call(f, f, out)
        with pytest.raises(TypeError, match="out is of type"):
            call(n, n, f + 0)
        assert not constant._left, "constants were contracted first"
    for out in arrays:
        np.testing.assert_array_equal(out, 7)


def check_constants(f: Any, values: Any) -> None:
    """NumPy's constants that are summed alone join what they are contracted with."""
    n = np.arange(6, dtype="f4").reshape(3, 2)
    for optimize in ("dp", "greedy", [(1,), (0, 1), (0, 1)]):
        expected = np.einsum("ij,ab,jl->il", values(f), n, values(f))
        expression = er.contract_expression(
            "ij,ab,jl->il", (3, 3), n, (3, 3), constants=[1], optimize=optimize
        )
        for got in (expression(f, f), er.contract("ij,ab,jl->il", f, n, f, optimize=optimize)):
            assert type(got) is type(f)
            np.testing.assert_allclose(values(got), expected, rtol=1e-5)


def check_options(f: Any, library: str, values: Any) -> None:
    """Positions from the end, ``memory_limit``, ``strip_exponent`` and ``backend``."""
    square = values(f) @ values(f)
    expected = square @ values(f)
    for path in ([(0, -1), (0, 1)], [(-3, 1), (-1, -2)], ([-1, 1], [0, 1])):
        np.testing.assert_allclose(
            values(er.contract("ij,jk,kl->il", f, f, f, optimize=path)), expected, rtol=1e-5
        )
    for backend in (None, "auto", "einroute", library):
        np.testing.assert_allclose(values(er.contract("ij,jk->ik", f, f, backend=backend)), square)
    for call in (er.contract, lambda s, *x, **k: er.contract_expression(s, (3, 3), (3, 3))(*x, **k)):
        with pytest.raises(TypeError, match=rf"backend is 'numpy', and operand 0 is .* of {library}"):
            call("ij,jk->ik", f, f, backend="numpy")
    with pytest.raises(TypeError, match=r"strip_exponent is for NumPy's.*drop it"):
        er.contract("ij,jk->ik", f, f, strip_exponent=True)
    for subscripts in ("ij,jk->ik", "ij,jk->ki", "ij->ji", "ij,jk,kl->li", "ij,kl->ljki", "ij,ik,il->jlk"):
        operands = [f] * (subscripts.count(",") + 1)
        got = opt_einsum.contract(subscripts, *operands, backend="einroute")
        assert type(got) is type(f)
        np.testing.assert_allclose(values(got), np.einsum(subscripts, *map(values, operands)), rtol=1e-5)
