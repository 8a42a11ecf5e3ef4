"""Who never imports whom: the layers of the house, read from the source by its import statements.

Every import counts, also those inside functions, but not those for the type checker only.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import einroute

ROOT = Path(einroute.__file__).parent

# Imports nothing of ours.
GROUND = ("_problem", "_cost", "_errors")
# Of ours, what a kind may import; beside that its own parts, and the dense kind if it must.
KINDS_MAY = (
    "_problem",
    "_cost",
    "_route",
    "_rewrite",
    "_operands",
    "_kernels",
    "_parallel",
    "_errors",
    "_numpys",
)
# No array library but NumPy, and nothing of ours that runs anything.
PURE = ("_parse", "_plan")


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def _only_for_types(node: ast.If) -> bool:
    return ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def _statements(tree: ast.AST) -> list[ast.Import | ast.ImportFrom]:
    found: list[ast.Import | ast.ImportFrom] = []
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.Import | ast.ImportFrom):
            found.append(child)
        elif isinstance(child, ast.If) and _only_for_types(child):
            for other in child.orelse:
                found.extend(_statements(ast.Module([other], [])))
        else:
            found.extend(_statements(child))
    return found


def imports_of(name: str, source: str, is_package: bool) -> set[str]:
    """Full names of the modules that `source`, as the module `name`, imports when it runs."""
    package = name.split(".") if is_package else name.split(".")[:-1]
    found: set[str] = set()
    for node in _statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
            continue
        base = package[: len(package) - node.level + 1] if node.level else []
        origin = ".".join([*base, *([node.module] if node.module else [])])
        for alias in node.names:
            full = f"{origin}.{alias.name}"
            # `from einroute import _cost` imports that module, `from einroute._cost import Cost` its home.
            found.add(full if full in MODULES else origin)
    return found


IMPORTS = {
    name: imports_of(name, path.read_text(encoding="utf-8"), path.name == "__init__.py")
    for name, path in MODULES.items()
}


def _ours(name: str) -> set[str]:
    """What the module imports of ours, without the leading ``einroute.``; the package itself is ``""``."""
    return {
        found.removeprefix("einroute").removeprefix(".")
        for found in IMPORTS[name]
        if found.partition(".")[0] == "einroute"
    }


def _within(module: str, allowed: str) -> bool:
    return module == allowed or module.startswith(allowed + ".")


def _existing(*names: str) -> list[str]:
    return [name for name in MODULES if any(_within(name, f"einroute.{wanted}") for wanted in names)]


def test_reads_the_forms_of_import() -> None:
    source = (
        "from typing import TYPE_CHECKING\n"
        "import numpy as np\n"
        "from . import dense\n"
        "from .._cost import Cost\n"
        "def f():\n    from einroute import _cost\n"
        "if TYPE_CHECKING:\n    import sparse\nelse:\n    import scipy.sparse\n"
    )
    found = imports_of("einroute._kinds.rolled", source, is_package=False)
    assert "sparse" not in found
    assert {"numpy", "einroute._cost", "scipy.sparse"} <= found
    assert any(_within(name, "einroute._kinds") for name in found)


@pytest.mark.parametrize("name", _existing(*GROUND))
def test_ground_imports_nothing_of_ours(name: str) -> None:
    assert not _ours(name)


@pytest.mark.parametrize("name", [name for name in _existing("_kinds") if name != "einroute._kinds"])
def test_kinds_import_only_what_they_may(name: str) -> None:
    kind = "_kinds." + name.split(".")[2]
    allowed = (*KINDS_MAY, "_kinds.dense", kind)
    assert {found for found in _ours(name) if not any(_within(found, one) for one in allowed)} == set()


@pytest.mark.parametrize("name", _existing(*PURE))
def test_parsing_and_planning_know_no_array_library_but_numpy(name: str) -> None:
    known = {"numpy", "opt_einsum", "einroute", "__future__", *sys.stdlib_module_names}
    assert {found for found in IMPORTS[name] if found.partition(".")[0] not in known} == set()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_only_the_planner_imports_opt_einsum(name: str) -> None:
    if _within(name, "einroute._plan") or _within(name, "einroute._demo"):
        return  # the demo measures opt_einsum as one of the usual ways
    assert not {found for found in IMPORTS[name] if found.partition(".")[0] == "opt_einsum"}
