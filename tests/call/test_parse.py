"""Parsing against NumPy: what it accepts we accept with the same meaning, what it rejects we reject."""

import string
import timeit

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from einroute._base.errors import SubscriptsError
from einroute._base.labels import check_sizes
from einroute._call.parse import (
    check_tensordot_shapes,
    parse_axes,
    parse_sublists,
    parse_subscripts,
)

E0, E1, E2 = chr(0x100), chr(0x101), chr(0x102)

REJECTED = "rejected"

# NumPy 2.2's Python reader gives sublist integers letters that start with 'a', so that its implicit output
# puts 26 before 0 (at optimize=True only); ours keeps the integers' order, as newer versions do.
CAPITALS_FIRST = np.einsum(np.zeros((2, 3)), [26, 0], optimize=True).shape == (3, 2)
# NumPy's tensordot looks for duplicates, and so for what cannot be hashed, only in newer versions.
FINDS_DUPLICATES = np.lib.NumpyVersion(np.__version__) >= "2.4.0"


class Index:
    """No integer, but one that says which integer it stands for."""

    def __index__(self):
        return 1

    def __repr__(self):
        return "Index()"


def numpys(subscripts, shapes, optimize):
    """The shape of NumPy's result, or REJECTED."""
    try:
        return np.einsum(subscripts, *[np.zeros(shape) for shape in shapes], optimize=optimize).shape
    except (ValueError, IndexError, KeyError):  # the last two where NumPy's Python reader goes wrong itself
        return REJECTED


def parsed(subscripts, shapes, lenient):
    """The shape of the result by our reading, or REJECTED."""
    try:
        inputs, output = parse_subscripts(subscripts, tuple(map(len, shapes)), lenient=lenient)
        sizes = check_sizes(inputs, shapes)
    except ValueError:
        return REJECTED
    assert tuple(map(len, inputs)) == tuple(map(len, shapes))
    return tuple(sizes[label] for label in output)


def labels_of_result(subscripts, ndims):
    """The order of NumPy's output labels, read off a result whose dimensions all have their own size."""
    inputs, output = parse_subscripts(subscripts, ndims)
    primes = dict(zip(sorted(set("".join(inputs))), (2, 3, 5, 7, 11, 13), strict=False))
    operands = [np.zeros([primes[label] for label in labels]) for labels in inputs]
    return np.einsum(subscripts, *operands).shape, tuple(primes[label] for label in output)


# fmt: off
ODD_STRINGS = [
    "", " ", "->", "-> ", " -> ", "-", ">", "->->", "ij->i->", "ij-", "ij->", "ij- >i", "ij-->i", "ij->>i",
    "i >", "...", "..", "....", ".", ". . .", ". ..", "i.j", "i...j", "...i...", "i...", "ij->i...",
    "ij->...i...",
    "ij->......", "i...->i", "i...->", "i...->...", "i->...i", "i->...", "ij->i.", "ij->...i->", "->...",
    "i...j->j...i...", "i->ii", "i->j", "ij,", ",", ",ij", "ij->i,", "ij->,i", "i,j->i", "i\nj", "ij\n",
    "i\tj", "ij->\n", "i_i", "i1", "12", "i_", "é", "ié", "ª", "ij->µ", "Ω", "\0", "ij\0", "ij\0->i",
    "ij->i\0xx", "ij\0é", "ii", "ii->i", "ii->", "i...i", "iii->i", "i i", "ij->i j", "aA", "Aa", "ba", "bAa",
]
AXES = [
    1, 0, -1, -(2**70), 2, 3, True, False, 1.0, 1j, None, np.int64(1), np.array(1), Index(),
    (1, 0), (-1, -2), (2, 0), (-3, 0), (1, 5), (1.0, 0), (True, False), (None, 0), (np.int8(1), Index()),
    ([1], [0]), ([1, -1], [0, 0]), ([1, -1], [0, 1]), ([0, 1], [1, 0]), ([0, 1], [0, 1]), ([0, 0], [0, 1]),
    ((), ()), ([1], ()), ([1, 0], [0]), (1,), (1, 0, 0), (), {1: 0, 0: 1}, ({1}, {0}), ("", ""),
    (range(1, 2), range(1)), "10", ("1", "0"), ("a", "b"), ([1.0], [0]), ([None], [0]), ([True], [0]),
    np.array([1, 0]), np.array([[1], [0]]), (np.array(1), np.array(0)), (np.array([1]), np.array([0])),
    ([[1]], [[0]]), ([1], [[0]]), ([0, 5], [0, 0]), ([5, 1], [1, 0]), ([True, 1], [0, 1]), (np.uint8(1), 0),
]
# fmt: on
SINCE_2_4 = {"(array(1), array(0))", "([0, 5], [0, 0])", "([True, 1], [0, 1])"}


class TestParseSubscripts:
    @pytest.mark.parametrize(
        ("subscripts", "ndims", "expected"),
        [
            ("ij,jk->ik", (2, 2), (("ij", "jk"), "ik")),
            ("ij,jk", (2, 2), (("ij", "jk"), "ik")),
            (" i j , jk -> k i ", (2, 2), (("ij", "jk"), "ki")),
            ("bAa", (3,), (("bAa",), "Aab")),
            ("ii", (2,), (("ii",), "")),
            ("iij->ij", (3,), (("iij",), "ij")),
            ("", (0,), (("",), "")),
            (",->", (0, 0), (("", ""), "")),
            ("...", (2,), ((E1 + E0,), E1 + E0)),
            ("i...", (3,), (("i" + E1 + E0,), E1 + E0 + "i")),
            ("...i,...->i...", (3, 1), ((E1 + E0 + "i", E0), "i" + E1 + E0)),
            ("a...b,...c", (3, 4), (("a" + E0 + "b", E2 + E1 + E0 + "c"), E2 + E1 + E0 + "abc")),
            ("i...->i...", (1,), (("i",), "i")),
            ("i->...i", (1,), (("i",), "i")),
            ("ij\0 anything", (2,), (("ij",), "ij")),  # a C string ends here
        ],
    )
    def test_meaning(self, subscripts, ndims, expected):
        assert parse_subscripts(subscripts, ndims) == expected

    @pytest.mark.parametrize("subscripts", ["bAa", "b...A", "...bA", "cA,Ab", "zZ...,b...", "a...b->b...a"])
    def test_output_order_is_numpys(self, subscripts):
        ndims = tuple(sum(map(str.isalpha, t)) + ("..." in t) for t in subscripts.split("->")[0].split(","))
        theirs, ours = labels_of_result(subscripts, ndims)
        assert theirs == ours

    @pytest.mark.parametrize("optimize", [False, True])
    @pytest.mark.parametrize(
        "shapes", [((),), ((2,),), ((2, 3),), ((1, 3),), ((3, 1),), ((1, 1),), ((2, 2, 3),), ((0, 0),)]
    )
    @pytest.mark.parametrize("subscripts", ODD_STRINGS)
    def test_odd_strings_as_numpy(self, subscripts, shapes, optimize):
        assert parsed(subscripts, shapes, optimize) == numpys(subscripts, shapes, optimize)

    @pytest.mark.parametrize("optimize", [False, True])
    @pytest.mark.parametrize(
        ("subscripts", "a", "b"),
        [
            ("ij,jk", (2, 3), (1, 4)),
            ("ij,jk", (2, 1), (0, 4)),
            ("ij,jk", (2, 3), (2, 4)),
            ("ij,jk,kl", (2, 3), (3, 4)),
            ("ij", (2, 3), (2, 3)),
            ("ij,jk,", (2, 3), (3, 4)),
            (",", (), ()),
            (", ", (), ()),
            (",", (2,), ()),
            ("...,...", (2, 3), (1, 3)),
            ("...,...", (2, 3), (3,)),
            ("...,...", (2, 3), (2,)),
            ("...,...,...", (2, 3), (2,)),
            ("...i,...->...i", (2, 3), (2,)),
            ("...,->", (2, 3), ()),
            ("...,->...", (2, 3), ()),
            ("a...,b...", (1, 2, 3), (4,)),
            ("ij-,jk", (2, 3), (3, 4)),
            ("ij->,jk", (2, 3), (3, 4)),
            ("i,j->i,", (2,), (3,)),
            ("ii,ij", (3, 3), (1, 4)),
            ("ii,ij", (1, 1), (3, 4)),
            ("ii,ij", (1, 3), (3, 4)),
            ("ii,ij", (0, 1), (1, 4)),
        ],
    )
    def test_pairs_as_numpy(self, subscripts, a, b, optimize):
        assert parsed(subscripts, (a, b), optimize) == numpys(subscripts, (a, b), optimize)

    def test_rejections_are_subscripts_errors_that_repeat_the_string(self):
        for subscripts in ["i.j", "ij->k", "ij->ii", "i1", "ij-", "ij->i->", "ij,", "i", "ijk", "ié"]:
            with pytest.raises(SubscriptsError) as caught:
                parse_subscripts(subscripts, (2,))
            assert repr(subscripts) in str(caught.value)

    def test_the_most_operands(self):
        for count, accepted in [(63, True), (64, False)]:
            subscripts = ",".join(["i"] * count) + "->i"
            shapes = ((1,),) * count
            assert (numpys(subscripts, shapes, False) != REJECTED) is accepted
            assert (parsed(subscripts, shapes, False) != REJECTED) is accepted

    @pytest.mark.parametrize(("under_ellipsis", "accepted"), [(12, True), (13, False)])
    def test_the_most_labels(self, under_ellipsis, accepted):
        letters = string.ascii_letters
        subscripts = f"{letters[:40]}...,{letters[40:]}"
        shapes = ((1,) * (40 + under_ellipsis), (1,) * 12)
        assert (numpys(subscripts, shapes, False) != REJECTED) is accepted
        assert (parsed(subscripts, shapes, False) != REJECTED) is accepted

    def test_subclasses_of_str(self):
        assert parse_subscripts(np.str_("ij->ji"), (2,)) == (("ij",), "ji")

    def test_plain_strings_are_quick(self):
        seconds = min(timeit.repeat(lambda: parse_subscripts("ij,jk->ik", (2, 2)), number=1000, repeat=5))
        assert seconds / 1000 < 10e-6


TOKENS = ["a", "b", "A", "B", "...", ",", "->", " ", ".", "-", ">", "1", "\n", "\0", "é"]
PIECES = st.sampled_from(TOKENS[:4] * 6 + TOKENS[4:7] * 5 + TOKENS[7:])


@st.composite
def calls(draw):
    """A string that often is nearly right, and shapes that often fit it."""
    subscripts = "".join(draw(st.lists(PIECES, max_size=12)))
    shapes = []
    for term in subscripts.split("->")[0].split(","):
        ndim = sum(map(str.isalpha, term))
        if "..." in term:
            ndim += draw(st.integers(0, 2))
        if draw(st.integers(0, 19)) == 0:
            ndim += 1
        sizes = st.just(0) if draw(st.integers(0, 9)) == 0 else st.sampled_from([1, 2, 2])
        shapes.append(tuple(draw(sizes) for _ in range(ndim)))
    return subscripts, tuple(shapes)


@settings(max_examples=1000, deadline=None)
@given(calls(), st.booleans())
@example(("...b\0Bé...->", ((1, 1, 2, 2),)), False)
@example(("a->a,", ((2,),)), True)
def test_random_strings_as_numpy(call, optimize):
    subscripts, shapes = call
    assert parsed(subscripts, shapes, optimize) == numpys(subscripts, shapes, optimize)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20), st.lists(st.integers(0, 4), min_size=1, max_size=3), st.booleans())
def test_any_text_is_parsed_or_refused(text, ndims, lenient):
    try:
        inputs, output = parse_subscripts(text, tuple(ndims), lenient=lenient)
    except SubscriptsError:
        return
    assert list(map(len, inputs)) == ndims
    assert set(output) <= set("".join(inputs))
    assert len(set(output)) == len(output)


class TestParseSublists:
    A = np.zeros((2, 3))
    B = np.zeros((3, 4))

    @pytest.mark.parametrize("optimize", [False, True])
    @pytest.mark.parametrize(
        "sublists",
        [
            ([0, 1],),
            ([1, 0],),
            ([26, 0],),
            ([0, 26],),
            ([51, 25],),
            ([0, 1], [1, 0]),
            ([..., 1],),
            ([0, ...], [..., 0]),
            ([0, ...], [0]),
            ([0, 1], [..., 0]),
            ([..., ...],),
            ((0, 1),),
            (np.array([0, 1]),),
            (range(2),),
            ([np.int8(0), np.uint64(1)],),
            ([0, Index()],),
            ([0, np.array(1)],),
            ([0, np.array([1])],),
            ([0, -1],),
            ([0, -53],),
            ([0, 52],),
            ([True, False],),
            ([0.0, 1.0],),
            ([0, None],),
            ([0, "a"],),
            ("ij",),
            ([0],),
            ([0, 1, 2],),
            ([0, 1], [0, 0]),
            ([0, 1], [2]),
            ([0, 1], None),
            ([0, 1], "i"),
            ([0, 1], 5),
            (5,),
        ],
        ids=repr,
    )
    def test_one_operand_as_numpy(self, sublists, optimize):
        if (
            optimize
            and not CAPITALS_FIRST
            and repr(sublists) in {"([26, 0],)", "([0, 26],)", "([51, 25],)", "([0, -1],)"}
        ):
            pytest.skip("this NumPy orders the integers from 26 before those from 0")
        try:
            theirs = np.einsum(self.A, *sublists, optimize=optimize).shape
        except (TypeError, ValueError, IndexError) as error:
            theirs = type(error)
        try:
            subscripts, operands = parse_sublists((self.A, *sublists), lenient=optimize)
            inputs, output = parse_subscripts(subscripts, (2,), lenient=optimize)
            sizes = check_sizes(inputs, ((2, 3),))
        except SubscriptsError:
            ours = ValueError
        except (TypeError, ValueError, IndexError) as error:
            ours = type(error)
        else:
            assert operands[0] is self.A
            ours = tuple(sizes[label] for label in output)
        assert ours == theirs

    def test_several_operands(self):
        subscripts, operands = parse_sublists((self.A, [0, 1], self.B, [1, 2], [2, 0]))
        assert subscripts == "AB,BC->CA"
        assert operands[0] is self.A
        assert operands[1] is self.B
        assert len(operands) == 2

    def test_no_output(self):
        assert parse_sublists((self.A, [0, 1], self.B, [1, 2]))[0] == "AB,BC"

    def test_numpys_booleans_are_no_integers(self):
        for parse in (np.einsum, lambda *args: parse_sublists(args)):
            with pytest.raises(TypeError):
                parse(self.A, [np.True_, 0])

    def test_a_generator_is_read_once(self):
        assert parse_sublists((self.A, (i for i in [0, 1])))[0] == "AB"

    @pytest.mark.parametrize("args", [(), (np.zeros(2),)])
    def test_too_few_arguments(self, args):
        with pytest.raises(ValueError):
            np.einsum(*args)
        with pytest.raises(ValueError, match="positional"):
            parse_sublists(args)


class TestParseAxes:
    @pytest.mark.parametrize(
        "shapes", [((2, 3), (3, 4)), ((3, 3), (3, 3)), ((), (3,)), ((2,), ()), ((0,), (0,))]
    )
    @pytest.mark.parametrize("axes", AXES, ids=repr)
    def test_as_numpy(self, axes, shapes):
        if not FINDS_DUPLICATES and repr(axes) in SINCE_2_4:
            pytest.skip("this NumPy looks for no duplicates")
        a, b = shapes
        try:
            theirs = np.tensordot(np.zeros(a), np.zeros(b), axes).shape
        except (TypeError, ValueError, IndexError) as error:
            theirs = type(error)
        try:
            axes_a, axes_b = parse_axes(axes, len(a), len(b))
            check_tensordot_shapes(a, b, axes_a, axes_b)
        except (TypeError, ValueError, IndexError) as error:
            ours = type(error)
        else:
            ours = tuple(s for i, s in enumerate(a) if i not in axes_a)
            ours += tuple(s for i, s in enumerate(b) if i not in axes_b)
        if isinstance(theirs, type):
            # Of a call's several mistakes NumPy's order of checks picks one, which the front end asks it for;
            # on the square operands each entry of the table makes only one mistake.
            assert isinstance(ours, type)
            assert ours is theirs or shapes != ((3, 3), (3, 3))
        else:
            assert ours == theirs

    @pytest.mark.parametrize(
        ("axes", "kind", "match"),
        [
            (3, IndexError, "axes=3.*a has 2 dimensions"),
            (10**12, IndexError, "at most 2"),  # NumPy would build a list of that length
            ((2, 0), IndexError, "axis 2 for a, which has 2"),
            ((0, -3), IndexError, "axis -3 for b"),
            (([0, 0], [0, 1]), ValueError, "twice"),
            (([0, -2], [0, 1]), ValueError, "counted from the end"),
            (([0, 1], [0]), ValueError, "2 axes of a and 1 of b"),
            ((0, 1, 0), ValueError, "3 entries"),
            (1.5, TypeError, "type float"),
            (("x", 0), TypeError, "type str for a"),
        ],
    )
    def test_messages(self, axes, kind, match):
        with pytest.raises(kind, match=match):
            parse_axes(axes, 2, 2)

    def test_normalized(self):
        assert parse_axes(([-1, 0], [0, -1]), 3, 2) == ((2, 0), (0, 1))
        assert parse_axes(np.int64(2), 3, 2) == ((1, 2), (0, 1))
        assert all(type(axis) is int for axis in parse_axes((np.int64(1), np.int64(0)), 2, 2)[0])

    def test_shapes_never_broadcast(self):
        with pytest.raises(ValueError, match=r"axis 1 of a \(size 3.*axis 0 of b \(size 1"):
            check_tensordot_shapes((2, 3), (1, 4), (1,), (0,))
