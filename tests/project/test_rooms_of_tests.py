"""Tests follow the rooms: a room's private modules are imported by the tests in its folder, and by no others.

The tests of a kind reach that kind's alone. Imports count wherever they stand, and modules that are named in
strings: scripts for other processes, and what a test replaces.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.project.test_layers import FLOOR_OF, MODULES, _within

TESTS = Path(__file__).parents[1]
#: Folders that belong to no room: what is about the whole.
WHOLE = {"clients", "dashboard", "fuzz", "networks", "numpy_suite", "opt_einsum_suite", "project"}
#: What private functions of every room take and return: whoever tests one has to make such values.
SHARED = {
    "_base.errors",
    "_base.facts",
    "_base.kinds",
    "_base.rewrites",
    "_base.routes",
    "_base.solvers",
    "_base.threads",
}
#: What is no kind's own: the tests of every kind may have it.
OF_ALL_KINDS = ("_kinds.registry", "_kinds.structured")
#: What else is reached from elsewhere, and why.
MAY_REACH = {
    ("conftest.py", "_base.machine"): "no test depends on the constants of the machine",
    ("check_wheel.py", "_native"): "a wheel has the core, and an installation without a compiler has none",
    ("calibration/test_calibrate.py", "_bench.estimates.samples"): "what a fit is made of",
    ("bench/test_regret.py", "_execute.call"): "plans that are slow on purpose",
    ("calibration/test_calibrate.py", "_bench.regret.draw"): "the call of a sample",
    ("calibration/test_calibrate.py", "_base.machine"): "the constants of before are put back",
    ("calibration/test_calibrate.py", "_base.calibration_file"): "what was kept is read back",
    ("helpers.py", "_config.config_block"): "`forcing`, which is for tests; they have it from here",
    ("call/test_front_end.py", "_config.state"): "a plan on trial is seen in the cache alone",
    ("call/test_parse.py", "_base.labels"): "parsing is compared with NumPy up to the sizes",
    ("config/test_strict.py", "_base.watch"): "whether calls are looked at one by one",
    ("config/test_config.py", "_kinds.registry"): "the names that options take are the routes there are",
    ("kinds/difference/test_transformed.py", "_native"): "the way is the core's",
    ("factors/test_csr_cache.py", "_entries.entries"): "what is remembered is made of entries",
    ("factors/test_csr_cache.py", "_entries.csr_source"): "asks for what is remembered, and from when on",
    ("factors/test_csr_cache.py", "_kinds.sparse.scipy"): "makes entries of SciPy's matrices",
    ("factors/test_factor_cache.py", "_api.lstsq"): "where a factorization that fails or is slow is put",
    ("factors/test_factor_cache.py", "_api.solve"): "where a factorization that fails or is slow is put",
    ("factors/test_factor_cache.py", "_call.factors"): "where a copy that is torn is put",
    (
        "kinds/cupy/test_structured.py",
        "_kinds.array_library.written",
    ): "blocks are made small enough for a test",
    ("fuzz/test_fuzz.py", "_native"): "which routes there are depends on whether the core is",
    ("fuzz/dense.py", "_kinds.registry"): "every route is run",
    ("fuzz/sparse.py", "_kinds.registry"): "every route is run",
    ("fuzz/sparse.py", "_entries.csr_source"): "small operands take what only large ones do",
    ("fuzz/sparse.py", "_kinds.sparse.spgemm"): "small operands take what only large ones do",
    ("fuzz/sparse.py", "_kinds.sparse.tiles"): "small operands take what only large ones do",
    ("fuzz/structured.py", "_kinds.registry"): "every rewrite is run",
    ("execute/test_trials.py", "_config.state"): "a plan on trial is seen in the cache alone",
    ("execute/test_trials.py", "_plan.planner"): "what planning again takes is foreseen",
    ("execute/test_trials.py", "_native"): "a pass has threads only with the core",
    ("kinds/difference/test_accuracy.py", "_native"): "one of the routes is there only with the core",
    ("kinds/dask/test_tasks.py", "_factors.csr_cache"): "tasks look for no kept matrix there",
    ("kinds/dask/test_tasks.py", "_entries.csr_source"): "small chunks take what only large ones do",
    ("kinds/rolled/test_correlate.py", "_native"): "the route is there where the core is",
    ("kinds/rolled/test_rolled.py", "_native"): "which routes there are depends on whether the core is",
    ("kinds/rolled/test_several.py", "_native"): "which routes there are depends on whether the core is",
    ("kinds/dense/test_choices.py", "_native"): "which routes there are depends on whether the core is",
    ("kinds/sparse/test_diagonals.py", "_native"): "the way is the core's",
    ("kinds/sparse/test_listed.py", "_native"): "the way is the core's",
    ("kinds/sparse/test_choices.py", "_native"): "which routes there are depends on whether the core is",
    ("kinds/sparse/test_einsum.py", "_native"): "which routes there are depends on whether the core is",
    ("kinds/sparse/test_settled.py", "_entries.entries"): "entries whose indices change are made by hand",
    ("kinds/sparse/test_settled.py", "_entries.validate"): "what loops raise of them",
    ("kinds/sparse/test_tiles.py", "_native"): "the route is there where the core is",
    ("kinds/sparse/test_tiles.py", "_entries.validate"): "what the route raises",
    ("kinds/dense/test_network.py", "_base.facts"): "a program is made of a step's facts",
    ("kinds/dense/test_network.py", "_native"): "the program is run by the core",
    ("kinds/sparse/test_tiles.py", "_entries.entries"): "what the route multiplies by",
    ("kinds/structured/test_parts.py", "_kinds.difference.blocks"): "the size from which parts are cut",
    ("kinds/structured/test_parts.py", "_kinds.difference.finish"): "the size from which parts are cut",
    ("override/test_override.py", "_base.numpy_functions"): "NumPy's own, which an override must not change",
    ("plan/test_sliced_networks.py", "_execute.call"): "the slices that are made of a plan's",
    ("plan/test_networks.py", "_call.understand"): "where NumPy's path would be asked for",
    ("project/test_docs_kind.py", "_kinds"): "the kind that the documentation adds",
    ("record/test_compare.py", "_base.watch"): "listens as recordings do",
    ("record/test_record.py", "_api.einsum"): "no recording, no detour of the front end",
    ("record/test_record.py", "_base.watch"): "who listens when a recording has ended",
    ("record/test_record.py", "_config.state"): "a plan on trial is seen in the cache alone",
}
_NAMED = re.compile(r"\beinroute((?:\.\w+)+)")
#: These hold the house by the names of its modules.
_BY_NAME = {"project/test_layers.py", "project/test_rooms_of_tests.py"}
FILES = {path.relative_to(TESTS).as_posix(): path for path in sorted(TESTS.rglob("*.py"))}


def _module(name: str) -> str:
    """The private module that a dotted name lies in, without the package's name; empty if in none."""
    parts = name.split(".")
    if parts[0] != "einroute" or len(parts) < 2 or not re.match(r"_[a-z]", parts[1]):
        return ""
    known = [".".join(parts[:n]) for n in range(len(parts), 1, -1)]
    return next((one for one in known if one in MODULES), name).removeprefix("einroute.")


def reached(source: str) -> set[str]:
    """The private modules that a file of tests names."""
    tree = ast.parse(source)
    bodies = [node.body for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list)]
    documented = {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            names.update(f"einroute{tail}" for tail in _NAMED.findall(node.value))
    return {module for name in names if (module := _module(name))}


def test_reads_imports_and_strings() -> None:
    source = (
        '"""Of `einroute._plan.paths`."""\n'
        "import numpy as np\n"
        "from einroute._base.facts import Step\n"
        "def test():\n"
        "    from einroute._kinds.rolled import rows\n"
        "    run('import einroute._api.lstsq as module', 'einroute._call.factors.snapshot')\n"
        "    import einroute, einroute.numpy\n"
    )
    assert reached(source) == {"_base.facts", "_kinds.rolled.rows", "_api.lstsq", "_call.factors"}


@pytest.mark.parametrize("file", sorted(FILES))
def test_private_modules_are_reached_by_their_own_tests(file: str) -> None:
    if file in _BY_NAME:
        return
    room, *inner = file.split("/")
    own = (f"_kinds.{inner[0]}", *OF_ALL_KINDS) if room == "kinds" else (f"_{room}",)
    strangers = {
        module
        for module in reached(FILES[file].read_text(encoding="utf-8"))
        if not any(_within(module, one) for one in own)
        if module not in SHARED and (file, module) not in MAY_REACH
    }
    assert not strangers, (
        f"their tests are in another folder, and no reason in MAY_REACH: {sorted(strangers)}"
    )


def test_every_exception_is_one() -> None:
    stale = {
        (file, module)
        for file, module in MAY_REACH
        if file not in FILES or module not in reached(FILES[file].read_text(encoding="utf-8"))
    }
    assert stale == set()


def test_each_folder_is_a_rooms_or_about_the_whole() -> None:
    folders = {name.partition("/")[0] for name in FILES if "/" in name}
    assert folders - WHOLE <= {room.removeprefix("_") for room in FLOOR_OF}
    assert not [name for name in FILES if "/" not in name and name.startswith("test_")]
