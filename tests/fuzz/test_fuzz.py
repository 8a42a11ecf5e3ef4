"""A bounded number of the differential fuzz's cases; ``tox -e fuzz`` runs all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.fuzz.runner import draw, fuzz
from tests.fuzz.sparse import fuzz_sparse
from tests.fuzz.structured import draw as draw_structured
from tests.fuzz.structured import fuzz_structured
from tests.helpers import ER

CASES = 1500
#: Each is planned and run some ten times over.
STRUCTURED_CASES = 200
#: Routes for overlapping memory and more products than most cases have; test_windows holds them.
RARE = {"dense.windows", "dense.integer_windows"}


@pytest.mark.filterwarnings("ignore")  # the judge counts warnings itself
def test_no_case_differs() -> None:
    report = fuzz(ER, seed=2, indices=range(CASES), through_routes=True)
    assert not report.failures, "\n".join(report.failures)
    assert set(report.uncovered()) <= RARE, report.table()


@pytest.mark.filterwarnings("ignore")
def test_no_sparse_case_differs() -> None:
    report = fuzz_sparse(ER, seed=2, indices=range(CASES), through_routes=True, dtypes="d")
    assert not report.failures, "\n".join(report.failures)
    assert not report.uncovered(), report.table()


@pytest.mark.filterwarnings("ignore")
def test_no_structured_case_differs() -> None:
    report = fuzz_structured(ER, seed=2, indices=range(STRUCTURED_CASES), through_routes=True)
    assert not report.failures, "\n".join(report.failures)
    most = {"one_hot.gather", "one_hot.sparse", "rolled.strided", "difference.blocks"}
    assert most.isdisjoint(report.uncovered()), report.table()


def test_a_case_is_a_function_of_its_number() -> None:
    for index in range(50):
        first, second = draw(5, index), draw(5, index)
        assert first.text() == second.text()
        # Values, not bytes: the unused bytes of a long double are whatever stood in memory.
        for one, other in zip(first.roots, second.roots, strict=True):
            assert_array_equal(one, other, strict=True)
        assert draw_structured(5, index).text() == draw_structured(5, index).text()


class Broken:
    """NumPy's functions, each result spoilt."""

    def __init__(self, spoil: Any, namespace: Any = np) -> None:
        self._spoil = spoil
        self._namespace = namespace

    def __getattr__(self, name: str) -> Any:
        theirs = getattr(self._namespace, name)
        if name == "linalg":
            return Broken(self._spoil, theirs)
        return lambda *args, **options: self._spoil(theirs(*args, **options), args, options)


def _less_accurate(result: Any, args: Any, options: Any) -> Any:
    if isinstance(result, np.ndarray) and result.dtype == np.float64 and options.get("out") is None:
        return result * (1 + 1e-12)
    return result


def _copied(result: Any, args: Any, options: Any) -> Any:
    return result.copy() if isinstance(result, np.ndarray) and options.get("out") is None else result


def _never_a_scalar(result: Any, args: Any, options: Any) -> Any:
    return np.asarray(result) if options.get("out") is None else result


def _writes_to_an_operand(result: Any, args: Any, options: Any) -> Any:
    for x in args:
        if isinstance(x, np.ndarray) and x.flags.writeable and x.dtype.kind in "fi":
            x += 1
    return result


def _off_by_one(result: Any, args: Any, options: Any) -> Any:
    if isinstance(result, np.ndarray) and result.dtype.kind == "i" and options.get("out") is None:
        return result + result.dtype.type(1)
    return result


def _overflows(result: Any, args: Any, options: Any) -> Any:
    if isinstance(result, np.ndarray) and result.dtype == np.float32 and options.get("out") is None:
        return np.where(np.abs(result) > 5, np.float32(np.inf), result)
    return result


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "spoil", [_less_accurate, _copied, _never_a_scalar, _writes_to_an_operand, _off_by_one, _overflows]
)
def test_the_fuzz_finds_what_is_broken(spoil: Any) -> None:
    assert fuzz(Broken(spoil), seed=2, indices=range(300), stop_after=1).failures


@pytest.mark.filterwarnings("ignore")
def test_numpy_itself_passes() -> None:
    report = fuzz(np, seed=3, indices=range(500))
    assert not report.failures, "\n".join(report.failures)
