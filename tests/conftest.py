"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.helpers import planned


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(20240229)


@pytest.fixture(params=["as called", "planned"])
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """The test runs as users call us, and again with the shortcut for tiny operands closed."""
    if request.param == "planned":
        with planned():
            yield request.param
    else:
        yield request.param
