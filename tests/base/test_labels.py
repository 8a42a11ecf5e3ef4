"""The sizes of labels: consistent, or refused with what is not."""

from __future__ import annotations

import pytest

from einroute._base.labels import check_sizes

E0, E1 = chr(0x100), chr(0x101)


def test_order_and_broadcasting() -> None:
    sizes = check_sizes(("ij", "jk"), ((1, 3), (1, 4)))
    assert list(sizes.items()) == [("i", 1), ("j", 3), ("k", 4)]


def test_one_broadcasts_against_zero() -> None:
    assert check_sizes(("i", "i"), ((1,), (0,))) == {"i": 0}


@pytest.mark.parametrize("shape", [(0, 3), (0, 1)])
def test_a_diagonal_of_unequal_sizes_is_refused_where_numpy_reads_beyond_the_array(
    shape: tuple[int, ...],
) -> None:
    # NumPy's 'ii->i' of shape (0, 3) is a view of three elements of an array that has none.
    with pytest.raises(ValueError, match="within one operand"):
        check_sizes(("ii",), (shape,))


def test_message_names_label_operands_and_sizes() -> None:
    with pytest.raises(ValueError) as caught:
        check_sizes(("ij", "jk", "k"), ((2, 3), (4, 5), (5,)))
    for part in ["label 'j'", "size 3 in operand 0 (axis 1)", "size 4 in operand 1 (axis 0)"]:
        assert part in str(caught.value)


def test_message_for_a_diagonal_names_the_right_operand() -> None:
    with pytest.raises(ValueError, match=r"operand 1 \(axis 0\).*operand 1 \(axis 1\).*within one operand"):
        check_sizes(("ii", "ii"), ((3, 3), (1, 3)))


def test_message_for_an_ellipsis() -> None:
    with pytest.raises(ValueError, match=r"dimension -2 of the ellipsis"):
        check_sizes((E1 + E0, E1 + E0), ((2, 3), (4, 3)))
