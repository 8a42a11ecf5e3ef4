"""Fixtures shared by all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np
import pytest

from einroute._base.machine import HERE, SHIPPED
from tests.helpers import planned

if find_spec("hypothesis") is not None:
    from hypothesis import HealthCheck, settings

    # No test depends on how busy the machine is: neither an example nor drawing one has a time limit.
    settings.register_profile("einroute", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("einroute")


@pytest.fixture(autouse=True, scope="session")
def _own_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test depends on this machine's constants or on its user's files, or leaves any there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EINROUTE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("EINROUTE_WISDOM", raising=False)
        HERE.put(SHIPPED)
        yield


@pytest.fixture(autouse=True)
def _nothing_looked_up() -> None:
    """What an override replaces in tables of other libraries must not depend on the tests before."""
    opt_einsum = sys.modules.get("opt_einsum.backends.dispatch")
    if opt_einsum is not None:
        opt_einsum._cached_funcs.clear()


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
