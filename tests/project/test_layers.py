"""Who never imports whom: the layers of the house, read from the source by its import statements.

Every import counts, also those inside functions, but not those for the type checker only.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

import einroute

ROOT = Path(einroute.__file__).parent

#: The rooms from the top; a room imports those of its own line and below, and no two import each other.
FLOORS = (
    ("_cli", "_demo", "_calibration", "_bench"),
    ("_record",),
    ("_explain",),
    ("_override",),
    ("_api",),
    ("_call",),
    ("_execute", "_config"),
    ("_factors",),
    ("_plan", "_kinds"),
    ("_entries", "_native"),
    ("_base",),
)
#: Of ours, what a kind may import; beside that its own parts, and the dense kind if it must.
KINDS_MAY = (
    *("_base", "_entries", "_native"),
    *("_kinds.array_library", "_kinds.meeting", "_kinds.registry", "_kinds.sparse_labels"),
    "_kinds.in_graph",
    "_kinds.structured",
)
#: Imports nothing of ours.
GROUND = ("_base.facts", "_base.cost", "_base.errors", "_base.machine", "_base.records", "_base.system_files")
#: No array library but NumPy, and nothing of ours that runs anything.
PURE = ("_call.parse", "_plan")


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
            # `from einroute import _version` imports that module, `from einroute._base.cost import Cost` its
            # home.
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
        "from ..._base.cost import Cost\n"
        "def f():\n    from einroute import _version\n"
        "if TYPE_CHECKING:\n    import sparse\nelse:\n    import scipy.sparse\n"
    )
    found = imports_of("einroute._kinds.rolled.kind", source, is_package=False)
    assert "sparse" not in found
    assert {"numpy", "einroute._base.cost", "scipy.sparse"} <= found
    assert any(_within(name, "einroute._kinds") for name in found)


def room_of(name: str) -> str:
    """The first folder or file below the package."""
    return name.split(".")[1] if "." in name else ""


FLOOR_OF = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def test_every_room_has_its_floor() -> None:
    public = {"", "__main__", "_version", "linalg", "numpy", "opt_einsum", "scipy", "wisdom"}
    assert {room_of(name) for name in MODULES} - public == set(FLOOR_OF)


@pytest.mark.parametrize("name", sorted(name for name in MODULES if room_of(name) in FLOOR_OF))
def test_rooms_import_only_what_is_below(name: str) -> None:
    own = FLOOR_OF[room_of(name)]
    rooms = {found.split(".")[0] for found in _ours(name) if found}
    assert {room for room in rooms if FLOOR_OF.get(room, own) < own} == set()


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Groups of two and more that reach each other."""

    def reached(start: str) -> set[str]:
        found, todo = set(), [start]
        while todo:
            for other in graph.get(todo.pop(), ()):
                if other not in found:
                    found.add(other)
                    todo.append(other)
        return found

    reach = {name: reached(name) for name in graph}
    groups = {
        frozenset({name, *(other for other in reach[name] if name in reach.get(other, ()))}) for name in graph
    }
    return [set(group) for group in groups if len(group) > 1]


def test_finds_circles() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"d"}}) == [{"b", "c"}]


def test_no_module_is_in_a_circle() -> None:
    ours = {
        name: {found for found in IMPORTS[name] if found in MODULES and found not in {name, "einroute"}}
        for name in MODULES
        if name != "einroute"
    }
    assert circles(ours) == []


def test_no_room_is_in_a_circle() -> None:
    rooms: dict[str, set[str]] = {}
    for name in MODULES:
        room = room_of(name)
        if room in FLOOR_OF:
            found = {other.split(".")[0] for other in _ours(name) if other}
            rooms.setdefault(room, set()).update(found & FLOOR_OF.keys() - {room})
    assert circles(rooms) == []


@pytest.mark.parametrize("name", _existing(*GROUND))
def test_ground_stands_on_itself(name: str) -> None:
    assert {found for found in _ours(name) if not any(_within(found, one) for one in GROUND)} == set()


@pytest.mark.parametrize("name", [name for name in _existing("_kinds") if name.count(".") > 2])
def test_kinds_import_only_what_they_may(name: str) -> None:
    kind = "_kinds." + name.split(".")[2]
    allowed = (*KINDS_MAY, "_kinds.dense", kind)
    assert {found for found in _ours(name) if not any(_within(found, one) for one in allowed)} == set()


#: What tells a kind or a form by its name. Demo, benchmarks and command line speak of them to people.
NAMED = re.compile(
    r"scipy_sparse|pydata|\b(one_hot|rolled|difference|OneHot|Rolled|PairwiseDifference|Entries|entries)\b"
)
#: Files outside of `_kinds` that name one, and why.
MAY_NAME = {
    "einroute": "the public names",
    "einroute.numpy": "the public names",
    "einroute._explain.factors": "what einroute's own sparse solvers are told of",
    "einroute._explain.outlining": "what a form is called in a picture",
    "einroute._explain.picture": "the colours of a picture",
}


@pytest.mark.parametrize(
    "name", sorted(name for name in MODULES if room_of(name) not in {"_kinds", "_entries"})
)
def test_no_kind_is_named_outside(name: str) -> None:
    if name in MAY_NAME or room_of(name) in {"_demo", "_bench", "_cli"}:
        return
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    texts = {id(node.body[0].value) for node in ast.walk(tree) if _documented(node)}
    found = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in texts
        if NAMED.fullmatch(node.value)
    ]
    assert found == []


def _documented(node: ast.AST) -> bool:
    """Whether a node's body opens with a docstring."""
    body = getattr(node, "body", None)
    return bool(isinstance(body, list) and body and isinstance(body[0], ast.Expr))


@pytest.mark.parametrize("name", _existing(*PURE))
def test_parsing_and_planning_know_no_array_library_but_numpy(name: str) -> None:
    known = {"numpy", "opt_einsum", "einroute", "__future__", *sys.stdlib_module_names}
    assert {found for found in IMPORTS[name] if found.partition(".")[0] not in known} == set()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_only_the_planner_imports_opt_einsum(name: str) -> None:
    if name in {"einroute._plan.paths", "einroute.opt_einsum"} or _within(name, "einroute._demo"):
        return  # whose names the second has; the demo measures opt_einsum as one of the usual ways
    assert not {found for found in IMPORTS[name] if found.partition(".")[0] == "opt_einsum"}
