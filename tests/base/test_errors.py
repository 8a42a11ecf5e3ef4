"""Exceptions of NumPy's type with a clearer message."""

import numpy as np
import pytest

from einroute._base import errors as _errors
from einroute._base.errors import SubscriptsError, as_numpys, suggest
from tests.processes import printed


def raised(function, *args, **kwargs):
    """What a call raises; the test fails where it raises nothing."""
    with pytest.raises(Exception) as caught:
        function(*args, **kwargs)
    return caught.value


class TestAsNumpys:
    @pytest.mark.parametrize(
        "theirs",
        [
            ValueError("x"),
            TypeError("x"),
            IndexError("x"),
            OverflowError("x"),
            RuntimeError("x"),
            np.exceptions.AxisError(3, 2),
            np.linalg.LinAlgError("x"),
        ],
    )
    def test_has_their_exact_type_and_our_message(self, theirs):
        built = as_numpys(SubscriptsError("clear words"), theirs)
        assert type(built) is type(theirs)
        assert str(built) == "clear words"

    def test_key_error_keeps_its_type(self):
        built = as_numpys(ValueError("clear words"), KeyError("Path name %s not found", "x"))
        assert type(built) is KeyError
        assert built.args == ("clear words",)

    def test_non_ascii_label(self):
        theirs = raised(np.einsum, "é", np.zeros(2))
        built = as_numpys(SubscriptsError("clear words"), theirs)
        assert type(built) is type(theirs) is UnicodeEncodeError
        assert "clear words" in str(built)

    def test_falls_back_to_the_first_base_that_takes_a_message(self):
        theirs = raised(
            np.multiply, 1.5, 2.5, out=np.zeros((), int)
        )  # a private UFuncTypeError of four arguments
        built = as_numpys(ValueError("clear words"), theirs)
        assert isinstance(theirs, type(built))
        assert isinstance(built, TypeError)
        assert str(built) == "clear words"

    def test_an_exception_that_nothing_can_build_leaves_ours(self):
        class Picky(Exception):
            def __new__(cls, *args):
                if args:
                    raise TypeError
                return super().__new__(cls)

            def __str__(self):
                return "theirs"

        ours = ValueError("clear words")
        built = as_numpys(ours, Picky())
        assert str(built) == "clear words"
        assert type(built) is Exception


class TestSuggest:
    def test_close_names(self):
        assert suggest("einsun", ["einsum", "tensordot"]) == "did you mean 'einsum'?"

    def test_no_close_name_lists_all(self):
        assert suggest("qqq", ["b", "a"]) == "expected one of 'a', 'b'"

    def test_no_names(self):
        assert suggest("x", []) == "none is accepted here"

    def test_importing_the_module_does_not_import_difflib(self):
        code = (
            "import sys, importlib.util\n"
            f"spec = importlib.util.spec_from_file_location('errors', {_errors.__file__!r})\n"
            "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)\n"
            "print('difflib' in sys.modules, 'numpy' in sys.modules, 'einroute' in sys.modules)"
        )
        assert printed(code).split() == ["False", "False", "False"]


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        (_errors.wrong_operand_count("ij,jk", 2, 1), ["'ij,jk'", "2 terms for 1 operand;"]),
        (_errors.wrong_operand_count("ij", 1, 2), ["1 term for 2 operands", "one term an operand"]),
        (
            _errors.wrong_dimension_count("ij,j", 0, "ij", 2, 3),
            ["term 0 'ij'", "2 dimensions", "has 3", "..."],
        ),
        (_errors.wrong_dimension_count("ij", 0, "ij", 2, 1), ["has 1 dimension;", "remove a label"]),
        (_errors.wrong_dimension_count("i...j", 0, "i...j", 2, 1), ["besides its '...'"]),
        (
            _errors.mismatched_sizes("label 'j'", [(0, 1, 3), (1, 0, 2)]),
            ["label 'j'", "size 3 in operand 0 (axis 1)", "size 2 in operand 1 (axis 0)", "equal or 1"],
        ),
        (_errors.mismatched_sizes("label 'i'", [(0, 0, 1), (0, 1, 3)]), ["within one operand"]),
        (_errors.bad_out_shape((2,), (3,)), ["out", "(2,)", "(3,)", "pass"]),
        (_errors.bad_out_dtype("int64", "float64", "safe"), ["out", "int64", "float64", "'safe'"]),
        (
            _errors.cast_refused(1, "float64", "float32", "safe"),
            ["operand 1", "float64", "float32", "'safe'"],
        ),
        (_errors.unknown_keyword("einsum", "optimise", ["optimize", "out"]), ["einsum()", "'optimize'?"]),
        (_errors.bad_order("Q"), ["order", "'Q'", "'C', 'F', 'A', 'K'"]),
        (_errors.bad_optimize("gredy"), ["'gredy'", "did you mean 'greedy'?"]),
        (_errors.bad_optimize([(0, 1)]), ["'einsum_path', *path"]),
        (_errors.bad_optimize(()), ["optimize is ()", "memory limit"]),
    ],
)
def test_messages_name_what_came_what_was_expected_and_the_mend(message, parts):
    for part in parts:
        assert part in message


def test_long_text_of_the_callers_is_shortened():
    assert len(_errors.shown("ij," * 10_000)) <= 80
    assert _errors.shown("ij") == "'ij'"
