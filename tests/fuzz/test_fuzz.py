"""A bounded number of the differential fuzz's cases; ``tox -e fuzz`` runs all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from einroute._native import CORE
from tests.fuzz import dense, sparse, structured
from tests.fuzz.case import Case
from tests.fuzz.runner import ENOUGH, Report, fuzz
from tests.fuzz.source import Source
from tests.helpers import ER
from tests.sparse_helpers import written_out

CASES = 1500
#: Each is planned and run some ten times over.
STRUCTURED_CASES = 200
#: Routes of the compiled core, which may not be there.
OF_CORE = {"dense.small", "dense.one_pass"}
#: Routes for overlapping memory, and for networks; their own tests hold them.
RARE = {"dense.windows", "dense.integer_windows", "dense.network"}


@pytest.mark.filterwarnings("ignore")  # the judge counts warnings itself
def test_no_case_differs() -> None:
    report = fuzz(ER, dense.source(), seed=2, indices=range(CASES), through_routes=True)
    assert not report.failures, "\n".join(report.failures)
    assert set(report.uncovered()) <= RARE | (OF_CORE if CORE is None else set()), report.table()


@pytest.mark.filterwarnings("ignore")
def test_no_sparse_case_differs() -> None:
    report = fuzz(ER, sparse.source(), seed=2, indices=range(CASES), through_routes=True)
    assert not report.failures, "\n".join(report.failures)
    assert not report.uncovered(), report.table()


@pytest.mark.filterwarnings("ignore")
def test_no_structured_case_differs() -> None:
    report = fuzz(ER, structured.source(), seed=2, indices=range(STRUCTURED_CASES), through_routes=True)
    assert not report.failures, "\n".join(report.failures)
    most = {"one_hot.gather", "one_hot.sparse", "rolled.strided", "difference.blocks"}
    assert most.isdisjoint(report.uncovered()), report.table()


SOURCES = (dense.source(), sparse.source(), structured.source())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.kind)
def test_a_case_is_a_function_of_its_number(source: Source) -> None:
    for index in range(50):
        first, second = source.draw(5, index), source.draw(5, index)
        if first is None or second is None:
            assert first is second
            continue
        assert first.text() == second.text()
        for _ in range(2):
            # Values, not bytes: the unused bytes of a long double are whatever stood in memory.
            for one, other in zip(first.roots, second.roots, strict=True):
                assert_array_equal(one, other, strict=True)
            for case in (first, second):
                if case.change is not None:
                    case.change()


@pytest.mark.filterwarnings("ignore")
def test_several_sources_take_turns() -> None:
    drawn: list[tuple[str, int]] = []

    def counted(source: Source) -> Source:
        def draw(seed: int, index: int) -> Case | None:
            drawn.append((source.kind, index))
            return source.draw(seed, index)

        return replace(source, draw=draw)

    report = fuzz(ER, *map(counted, SOURCES), seed=2, indices=range(7))
    kinds = ["dense", "sparse", "structured"]
    assert drawn == [(kinds[i % 3], i // 3) for i in range(7)]
    assert not report.failures, "\n".join(report.failures)
    assert report.cases == sum(report.kinds.values()) <= 7


def test_routes_are_missed_only_where_there_were_cases_enough() -> None:
    report = Report(wanted={"dense": ("a", "b"), "sparse": ("c",)}, routes=Counter({"a": 1}))
    report.kinds.update({"dense": ENOUGH, "sparse": ENOUGH - 1})
    assert report.uncovered() == ["b"]
    report.kinds["sparse"] += 1
    assert report.uncovered() == ["b", "c"]


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
    assert fuzz(Broken(spoil), dense.source(), seed=2, indices=range(300), stop_after=1).failures


def _scaled(result: Any, args: Any, options: Any) -> Any:
    return result * (1 + 1e-9) if result.dtype == np.float64 and options.get("out") is None else result


def _an_imaginary_part(result: Any, args: Any, options: Any) -> Any:
    return result + 1e-3j if result.dtype.kind == "c" and options.get("out") is None else result


def _dense(result: Any, args: Any, options: Any) -> Any:
    return written_out(result)


def _wider(result: Any, args: Any, options: Any) -> Any:
    return result.astype("D") if result.dtype == np.float64 else result


def _of_no_rows(result: Any, args: Any, options: Any) -> Any:
    return result[None] if isinstance(result, np.ndarray) else result


def _read_only(result: Any, args: Any, options: Any) -> Any:
    if isinstance(result, np.ndarray) and "out" not in options:
        result.flags.writeable = False
    return result


def _never_out(result: Any, args: Any, options: Any) -> Any:
    return result.copy() if "out" in options else result


def _nothing(result: Any, args: Any, options: Any) -> Any:
    raise RuntimeError("no answer")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("source", "spoil"),
    [
        *((s, f) for s in SOURCES[1:] for f in (_scaled, _an_imaginary_part, _dense, _wider, _of_no_rows)),
        *((s, f) for s in SOURCES[1:] for f in (_read_only, _writes_to_an_operand, _nothing)),
        (SOURCES[2], _never_out),
    ],
    ids=lambda x: getattr(x, "kind", None) or x.__name__,
)
def test_the_fuzz_finds_what_is_broken_of_other_kinds(source: Source, spoil: Any) -> None:
    assert fuzz(Broken(spoil, ER), source, seed=2, indices=range(300), stop_after=1).failures


@pytest.mark.filterwarnings("ignore")
def test_numpy_itself_passes() -> None:
    report = fuzz(np, dense.source(), seed=3, indices=range(500))
    assert not report.failures, "\n".join(report.failures)
