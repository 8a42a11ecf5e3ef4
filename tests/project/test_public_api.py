"""The names that users rely on: which there are, and that none means anything but NumPy's."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

import numpy as np
import pytest

import einroute as er
import einroute.linalg
import einroute.numpy
from tests.processes import printed
from tests.routed_names import FLAT, FLAT_OF_LINALG, LINALG, SCIPY_LINALG

ROUTED = set(FLAT)
# NumPy has these as np.linalg's only, so that they are no names of einroute.numpy.
FROM_LINALG = set(FLAT_OF_LINALG)
#: As opt_einsum has them.
OF_OPT_EINSUM = {"contract", "contract_expression", "contract_path"}
OWN = {
    "DensifyWarning",
    "Explanation",
    "Factorized",
    "NoRoute",
    "Recording",
    "explain",
    "factorize",
    "config",
    "set_config",
    "get_config",
    "one_hot",
    "record",
    "rolled",
    "routed",
    "override",
    "pairwise_difference",
    "install",
    "uninstall",
    "cache_info",
    "calibrate",
    "cache_clear",
}
NAMESPACES = {"linalg", "wisdom"}

# Modules that a user may import by name; every other one is internal and says so by an underscore.
PUBLIC_MODULES = {
    "einroute.linalg",
    "einroute.numpy",
    "einroute.numpy.linalg",
    "einroute.opt_einsum",
    "einroute.scipy",
    "einroute.scipy.linalg",
    "einroute.wisdom",
    "einroute.__main__",
}


def test_all_is_the_list() -> None:
    assert set(er.__all__) == ROUTED | FROM_LINALG | OF_OPT_EINSUM | OWN | NAMESPACES | {"__version__"}
    assert len(er.__all__) == len(set(er.__all__))


def test_every_listed_name_exists() -> None:
    for name in er.__all__:
        assert getattr(er, name) is not None


def test_types_of_explanations_and_records_are_loaded_when_asked_for() -> None:
    code = (
        "import sys, einroute as er\n"
        "before = [name for name in sys.modules if name.endswith(('.explanation', '.recording'))]\n"
        "print(before, er.Explanation.__name__, er.Recording.__name__)\n"
    )
    assert printed(code).split() == ["[]", "Explanation", "Recording"]
    assert type(er.explain("ij->i", np.ones((9, 9)))) is er.Explanation
    with er.record() as r:
        pass
    assert type(r) is er.Recording
    with pytest.raises(AttributeError, match="module 'einroute' has no attribute 'absent'"):
        er.absent  # noqa: B018 - asking is what is tested


def test_dir_shows_no_other_public_name() -> None:
    public = {name for name in dir(er) if not name.startswith("_")}
    assert public <= set(er.__all__) | {"numpy", "linalg", "opt_einsum", "scipy"}


def test_linalg_lists_its_names() -> None:
    assert set(er.linalg.__all__) == set(LINALG)


def test_names_that_numpy_has_too_mean_numpys() -> None:
    # np.record, the scalar of record arrays, is a type that hardly anybody names; ours is the design's word.
    shared = {name for name in er.__all__ if hasattr(np, name)} - {"__version__", "record"}
    assert shared == ROUTED | {"linalg"}
    assert {name for name in er.linalg.__all__ if not hasattr(np.linalg, name)} == set()


@pytest.mark.parametrize("name", sorted(ROUTED))
def test_mirror_has_ours(name: str) -> None:
    assert getattr(einroute.numpy, name).__wrapped__ is getattr(er, name)


@pytest.mark.parametrize("name", sorted(LINALG))
def test_mirrored_linalg_has_ours(name: str) -> None:
    assert getattr(einroute.numpy.linalg, name).__wrapped__ is getattr(er.linalg, name)


def test_mirror_has_all_of_numpys_names_and_no_other() -> None:
    theirs = {name for name in dir(np) if not name.startswith("_")}
    ours = {name for name in dir(einroute.numpy) if not name.startswith("_")}
    assert ours == theirs
    assert set(einroute.numpy.__all__) == set(np.__all__)


def test_mirror_hands_on_what_is_not_routed() -> None:
    routed = ROUTED | NAMESPACES
    for name in np.__all__:
        if name not in routed:
            assert getattr(einroute.numpy, name) is getattr(np, name), name


def test_mirrored_linalg_hands_on_what_is_not_routed() -> None:
    for name in np.linalg.__all__:
        if name not in LINALG:
            assert getattr(einroute.numpy.linalg, name) is getattr(np.linalg, name), name


def test_mirror_imports_as_numpy_does() -> None:
    linalg = importlib.import_module("einroute.numpy.linalg")
    assert linalg.svd is np.linalg.svd
    assert linalg.multi_dot.__wrapped__ is er.linalg.multi_dot


def test_mirror_has_no_name_that_numpy_lacks() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        einroute.numpy.no_such_name  # noqa: B018  # the access is what is tested


def test_everything_internal_has_an_underscore() -> None:
    found = {module.name for module in pkgutil.walk_packages(er.__path__, "einroute.")}
    public = {name for name in found if not any(part.startswith("_") for part in name.split(".")[1:])}
    assert public == PUBLIC_MODULES - {"einroute.__main__"}


def test_ships_its_types() -> None:
    assert (Path(er.__file__).parent / "py.typed").is_file()


def test_version_is_a_release_number() -> None:
    assert [part.isdigit() for part in er.__version__.split(".")[:3]] == [True] * 3


@pytest.mark.parametrize("name", sorted(FROM_LINALG))
def test_flat_names_from_linalg_are_the_same_functions(name: str) -> None:
    assert getattr(er, name) is getattr(er.linalg, name)
    assert not hasattr(np, name)


@pytest.mark.parametrize("name", sorted(SCIPY_LINALG))
def test_scipys_mirror_has_ours(name: str) -> None:
    linalg, theirs = importlib.import_module("einroute.scipy.linalg"), importlib.import_module("scipy.linalg")
    function = getattr(linalg, name)
    assert function.__module__.startswith("einroute.")
    assert function is not getattr(theirs, name)
    assert function.__name__ == getattr(theirs, name).__name__


@pytest.mark.parametrize("name", sorted(ROUTED | FROM_LINALG | {"factorize", "Factorized"}))
def test_routed_functions_are_documented(name: str) -> None:
    doc = getattr(er, name).__doc__
    assert "Parameters" in doc or name == "Factorized", name
    assert "Examples" in doc or name not in FROM_LINALG | {"factorize", "Factorized"}


@pytest.mark.parametrize("name", sorted(SCIPY_LINALG))
def test_functions_that_remember_are_documented(name: str) -> None:
    for home in ("einroute.linalg", "einroute.scipy.linalg"):
        doc = inspect.cleandoc(getattr(importlib.import_module(home), name).__doc__)  # as Python 3.13 has it
        for section in ("Parameters", "Returns", "Raises", "Examples"):
            assert f"\n{section}\n---" in doc, f"{home}.{name} lacks {section}"


@pytest.mark.parametrize("name", sorted(ROUTED))
def test_routed_functions_carry_numpys_name(name: str) -> None:
    assert getattr(er, name).__name__ == getattr(np, name).__name__
