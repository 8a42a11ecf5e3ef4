"""Sublists that change while they are read."""

from __future__ import annotations

import pytest

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
