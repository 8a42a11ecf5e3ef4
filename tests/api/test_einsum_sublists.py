"""Sublists that change while they are read, or cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers import assert_same
from tests.processes import printed

CODE = """
import numpy as np
import einroute as er

class Emptying:
    def __init__(self, of):
        self.of = of

    def __index__(self):
        self.of.clear()
        return 0

def labels():
    made = [0, 1]
    made[0] = Emptying(made)
    return made

A = np.arange(9.0).reshape(3, 3)
for options in {{}}, {{"optimize": True}}, {{"out": np.empty((3, 3))}}:
    for _ in range(20):
        assert np.array_equal(er.einsum({operand}, labels(), **options), A)
        assert np.array_equal(er.einsum({operand}, [0, 1], labels(), **options), A)
"""


@pytest.mark.parametrize("operand", ["A", "A.tolist()", "A.view(np.matrix)"])
def test_a_list_that_an_entry_empties_is_read_as_it_was(operand: str) -> None:
    """NumPy's own reads beyond the list's end, and may crash."""
    assert printed(CODE.format(operand=operand), warnings="ignore") == ""


class _Raising:
    def __index__(self) -> int:
        raise ZeroDivisionError("no number")


@pytest.mark.parametrize("optimize", [False, True])
def test_an_entry_that_raises_is_answered_as_numpy_answers(optimize: bool) -> None:
    for sublists in (([0, _Raising()],), ([0, 1], [0, _Raising()])):
        assert_same("einsum", np.ones((2, 2)), *sublists, optimize=optimize)
