"""pydata/sparse's own tests of einsum, tensordot, dot and matmul, with our functions in the place of its own.

Its operators and methods (``a @ b``, ``a.dot(b)``) look the functions up in a private module, where ours are
put too. What its tests ask for and we do otherwise is listed here with the reason: some of it is done for
them, and the values are compared (`Otherwise`); tests that ask for nothing else must fail (`refused`).
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

NAMES = ("einsum", "tensordot", "dot", "matmul")
PLACES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("sparse", "einroute", NAMES),
    ("sparse.numba_backend._common", "einroute", NAMES),
)
_TESTS = "sparse.numba_backend.tests"
TARGETS = (
    f"{_TESTS}.test_einsum",
    f"{_TESTS}.test_dot",
    f"{_TESTS}.test_coo::test_xH_x",
    f"{_TESTS}.test_coo::test_scipy_sparse_interface",
    f"{_TESTS}.test_coo::TestFailFillValue",
    f"{_TESTS}.test_compressed_2d::test_matmul",
    f"{_TESTS}.test_array_function::test_ternary",
)

#: Tests that ask for what we do otherwise, and why we do.
REASONS = {
    "test_einsum_format": "einsum's format for mixed dense operands: a label that a dense and a sparse one "
    "share is summed, so that the result is dense by the rule of kinds and labels",
    "test_einsum_dtype": "names one axis of an operand that has two, which numpy.einsum refuses",
    "test_matmul_nan_warnings": "pydata/sparse warns where it does not multiply absent elements by nan; here "
    "that is the documented rule, and numpy.matmul does not warn of nan",
}


def refused(name: str, parameters: Mapping[str, Any]) -> str:
    """Why a test must fail; empty if it must pass."""
    if name == "test_einsum_format" and not {"dense"} < set(parameters["formats"]):
        return ""
    return REASONS.get(name, "")


def there() -> bool:
    """Whether the installed pydata/sparse ships its tests."""
    try:
        return importlib.util.find_spec(f"{_TESTS}.test_einsum") is not None
    except ModuleNotFoundError:
        return False


class Otherwise:
    """The calls that are answered as pydata/sparse's tests expect, and how many there were of each kind."""

    RETURN_TYPE = "return_type=, which NumPy's signature lacks: pydata/sparse's own answer"
    FORMAT = "tensordot gives GCXS where an operand is: converted from COO, ours for mixed formats and 0-D"

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def ours_of(self, module: ModuleType, name: str) -> Callable[..., Any]:
        """Our function, or a stand-in that does what the tests ask for beyond it."""
        ours: Callable[..., Any] = getattr(module, name)
        return self.tensordot(ours) if name == "tensordot" else ours

    def tensordot(self, ours: Callable[..., Any]) -> Callable[..., Any]:
        """Ours, with the two exceptions."""
        import sparse

        theirs = sparse.tensordot

        def tensordot(a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
            if "return_type" in kwargs:
                self.calls[self.RETURN_TYPE] += 1
                return theirs(a, b, *args, **kwargs)
            result = ours(a, b, *args, **kwargs)
            if isinstance(result, sparse.COO) and any(isinstance(x, sparse.GCXS) for x in (a, b)):
                self.calls[self.FORMAT] += 1
                return sparse.GCXS.from_coo(result)
            return result

        return tensordot

    def faults(self) -> list[str]:
        """Exceptions that nothing asked for any more."""
        return [
            f"no call needs the exception {what!r}"
            for what in (self.RETURN_TYPE, self.FORMAT)
            if not self.calls[what]
        ]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Mark the tests that must fail."""
        for item in items:
            name = item.name.partition("[")[0]
            spec = getattr(item, "callspec", None)
            reason = refused(name, spec.params if spec else {})
            if reason:
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
