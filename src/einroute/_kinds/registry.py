"""Which kind claims an operand: one dictionary, class -> kind, filled by looking at the class's module.

No library is imported to look: a kind's own module is imported when such an operand first appears, and by
then its library is there.  **Adding a kind** is one line here.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .._base.kinds import Form, Kind

__all__ = [
    "FORMS",
    "KINDS",
    "MODULES",
    "Kinds",
    "any_other",
    "check_nested",
    "claiming_kind",
    "form_of",
    "is_sparse",
    "kind_of",
    "made_elsewhere",
    "of_library",
    "other_kind",
    "own_forms",
    "route_names",
    "shape_alone",
    "solving_kind",
]

#: The module of an operand's class, or its top-level package -> the module, below this package, of its
#: ``KIND``.
MODULES: dict[str, str] = {
    "numpy": "dense.kind",
    "builtins": "dense.kind",
    "scipy": "sparse.scipy",
    "sparse": "sparse.pydata",
    "dask": "dask.kind",
    "torch": "torch.kind",
    "torch.fx.proxy": "torch.proxy",
    "cupy": "cupy.kind",
    "cupyx": "cupy.sparse_kind",
    "jax": "jax.kind",
    "jax.experimental.sparse.bcoo": "jax.bcoo",
    "jax.experimental.sparse.bcsr": "jax.bcsr",
    "jaxlib": "jax.kind",
    "einroute._entries.entries": "sparse.entries",
    "einroute._kinds.cupy.operands": "cupy.structured_kinds",
    "einroute._kinds.jax.operands": "jax.structured_kinds",
    "einroute._kinds.torch.operands": "torch.structured_kinds",
    "einroute._kinds.rolled.operand": "rolled.kind",
    "einroute._kinds.one_hot.operand": "one_hot.kind",
    "einroute._kinds.difference.operand": "difference.kind",
}


#: Types that are surely arrays, or no operands: asked first, since calls with scalars come this way.
_ARRAYS = frozenset({np.ndarray, str, int, float, complex, bool, np.float64, type(...), type(None)})


def _module_of(cls: type) -> str:
    """The module, below this package, of the kind that is asked of a class; empty if there is none."""
    return MODULES.get(cls.__module__) or MODULES.get(cls.__module__.partition(".")[0], "")


def _listed(cls: type) -> type | None:
    """The first of a class and its bases whose module is listed; None if none is."""
    return next((base for base in cls.__mro__[:-1] if _module_of(base)), None)


class Kinds:
    """Kinds by class, for classes of the modules named; what a class maps to never changes.

    There are a few dozen such classes, so that nothing is ever dropped.  Callers' own classes, of which there
    may be very many, are looked up along their bases each time.
    """

    def __init__(self) -> None:
        self.by_class: dict[type, Kind | None] = {}
        self.homes: dict[type, str] = {}
        self._lock = threading.Lock()

    def find(self, cls: type) -> Kind | None:
        """The kind that claims a class, or None."""
        base = _listed(cls)
        if base is None:
            return None
        kind = load(_module_of(base))
        # A subclass is offered to its base's kind, which may turn it down.
        found = kind if kind.recognises(cls) else None
        if base is cls:
            with self._lock:
                self.by_class[cls] = found
        return found

    def home(self, cls: type) -> str:
        """The module of the kind that claims a class, if that has nodes of graphs; else empty."""
        kind = self.find(cls)
        base = None if kind is None or kind.node is None else _listed(cls)
        home = "" if base is None else f"{__package__}.{_module_of(base)}"
        if cls in self.by_class:
            with self._lock:
                self.homes[cls] = home
        return home

    def clear(self) -> None:
        """Forget every class: the modules named have changed."""
        with self._lock:
            self.by_class.clear()
            self.homes.clear()

    def after_fork(self) -> None:
        """In a child: whoever held the lock in the parent is not here to let go of it."""
        self._lock = threading.Lock()


class Forms:
    """Forms by name, each known once a kind of it has been loaded."""

    def __init__(self) -> None:
        self.by_name: dict[str, Form] = {}
        self._lock = threading.Lock()

    def add(self, form: Form) -> None:
        """Make a form known.

        Raises
        ------
        ValueError
            Another has that name.
        """
        with self._lock:
            if self.by_name.setdefault(form.name, form) is not form:
                raise ValueError(f"two forms are named {form.name!r}; give the new one another name")

    def clear(self) -> None:
        """Forget every form; kinds make them known again when they are next looked for."""
        with self._lock:
            self.by_name.clear()

    def after_fork(self) -> None:
        """In a child: as of `Kinds`."""
        self._lock = threading.Lock()


KINDS, FORMS = Kinds(), Forms()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=KINDS.after_fork)
    os.register_at_fork(after_in_child=FORMS.after_fork)


def load(module: str) -> Kind:
    """The ``KIND`` of a module below this package."""
    kind: Kind = importlib.import_module(f"{__package__}.{module}").KIND
    for form in (kind.form, *(other.form for other in kind.refined)):
        if form.name not in FORMS.by_name:
            FORMS.add(form)
    return kind


def claiming_kind(cls: type) -> Kind | None:
    """The kind that claims a class, or None: the one whose `signature` operands of it have."""
    try:
        return KINDS.by_class[cls]
    except KeyError:
        return KINDS.find(cls)


def kind_of(operand: object) -> Kind | None:
    """The kind that claims ``operand``, or None."""
    kind = claiming_kind(type(operand))
    return kind if kind is None or kind.refine is None else kind.refine(operand)


def other_kind(operand: object) -> Kind | None:
    """The kind of an operand that is no array; None of arrays, and of what is nobody's.

    Raises
    ------
    TypeError
        A list or tuple that holds arrays of a library that is not NumPy's.
    """
    if type(operand) in _ARRAYS:
        return None
    if isinstance(operand, (list, tuple)):
        check_nested(operand)
        return None
    kind = kind_of(operand)
    return kind if kind is not None and kind.form.rank else None


def check_nested(values: Sequence[Any]) -> None:
    """Refuse lists that hold arrays of a library, which NumPy would copy to the host one by one.

    Raises
    ------
    TypeError
        Some element, however deep, is of such a kind.
    """
    loaded = sys.modules
    if "torch" in loaded or "jax" in loaded or "cupy" in loaded:
        _check_elements(values)


def _check_elements(values: Sequence[Any]) -> None:
    for cls in set(map(type, values)):
        if cls in _ARRAYS:
            continue
        if issubclass(cls, (list, tuple)):
            for x in values:
                if type(x) is cls:
                    _check_elements(x)
        elif (kind := claiming_kind(cls)) is not None and kind.library:
            raise TypeError(
                f"an operand is a {type(values).__name__} with a {cls.__name__} of {kind.library} in it, "
                f"expected an array: NumPy would copy the elements to the host; stack them with "
                f"{kind.library}'s own stack"
            )


def of_library(operand: object) -> bool:
    """Whether an operand is known to be of a library that is not NumPy's."""
    kind = KINDS.by_class.get(type(operand))
    return kind is not None and kind.library != ""


def is_sparse(operand: object) -> bool:
    """Whether an operand is of a kind that stores what is not zero, of whatever library."""
    kind = other_kind(operand)
    return kind is not None and kind.form.sparse


def any_other(operands: Iterable[Any]) -> bool:
    """Whether some operand is of a kind that is no array."""
    for x in operands:  # noqa: SIM110 - a generator would take longer than the look-up of a type
        if type(x) not in _ARRAYS and other_kind(x) is not None:
            return True
    return False


def solving_kind(operands: Iterable[Any]) -> Kind | None:
    """Whose solvers answer: the kind of highest precedence among those that have some, or None."""
    found = [kind for kind in map(other_kind, operands) if kind is not None and kind.solvers]
    return max(found, key=lambda kind: kind.precedence, default=None)


def made_elsewhere(name: str, *arrays: Any) -> Callable[..., Any] | None:
    """Who makes a structured operand of arrays of a kind that has functions for it; or None."""
    for x in arrays:
        if type(x) in _ARRAYS:
            continue
        kind = other_kind(x)
        if kind is not None and kind.structures:
            home = importlib.import_module(f"{__package__.partition('.')[0]}.{kind.structures}")
            made: Callable[..., Any] = getattr(home, name)
            return made
        if kind is not None and kind.library:
            raise TypeError(
                f"{name} takes no {type(x).__name__} of {kind.library}, whose elements are not NumPy's; "
                f"convert it to an array"
            )
    return None


def shape_alone(x: Any) -> Any:
    """An array of an operand's shape and dtype that takes no memory, for functions that read no elements."""
    kind = other_kind(x)
    dtype = x.dtype if kind is None else kind.facts(x).dtype
    return np.broadcast_to(np.zeros((), dtype if isinstance(dtype, np.dtype) else np.float32), tuple(x.shape))


def form_of(name: str) -> Form:
    """The form of that name."""
    form = FORMS.by_name.get(name)
    if form is None:
        form = next(found for found in map(_form, _own()) if found.name == name)
    return form


def _own() -> tuple[str, ...]:
    """Where the kinds are that need no operand's library to be loaded: NumPy's and ours."""
    ours = (
        where
        for module, where in MODULES.items()
        if module == "numpy" or (module.startswith("einroute.") and not _of_a_library(module))
    )
    return tuple(dict.fromkeys(ours))


def _of_a_library(module: str) -> bool:
    """Whether a module of ours is part of the kind of an optional library, whose name its folder has."""
    parts = module.split(".")
    return parts[1] == "_kinds" and parts[2] in MODULES


def _form(where: str) -> Form:
    return load(where).form


def own_forms() -> tuple[Form, ...]:
    """Every form that can be had without an operand's library, by rank."""
    return tuple(sorted({_form(where) for where in _own()}, key=lambda form: form.rank))


def route_names() -> tuple[str, ...]:
    """The names of all routes and rewrites: what ``allow`` and ``forbid`` take.

    Those of an optional library's operands count from when the library is loaded.
    """
    own = {where.partition(".")[0] for where in _own()}
    for module, where in MODULES.items():
        if module in sys.modules and where.partition(".")[0] not in own:
            load(where)
    forms = dict.fromkeys((*own_forms(), *FORMS.by_name.values()))
    ways: list[Any] = [way for form in forms for way in (*form.routes, *form.rewrites)]
    return tuple(way.name for way in ways)
