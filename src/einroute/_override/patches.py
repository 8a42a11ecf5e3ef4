"""What is put in the place of functions, and put back.

Modules belong to the whole process, so there is one list of all overrides that are in force, under one lock.
A name is replaced while one of them holds it; when the last of these has left, what stood there is put back,
in whatever order and threads they come and go. Names are never counted up and down: after each change they
are made to agree with the list, so that what an interrupt leaves half done is mended by the next change.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from .._base.errors import shown
from .._base.stand_in import StandIn
from .caches import caches
from .compilers import tell_compilers
from .places import FUNCTIONS, PLACES, Function
from .when_loaded import WhenLoaded

__all__ = ["PATCHES", "Hold"]

#: Packages whose use of the functions is left alone in a scan: where they are at home, and where the
#: originals are needed.
_LEFT_ALONE = ("numpy", "scipy.linalg", "einroute")
#: A module that may be loaded, or loaded again, after an override of its functions has begun.
_LATER = "scipy.linalg"


@dataclass(slots=True, eq=False)
class _Site:
    """A name of a module that a stand-in has."""

    module: str
    names: dict[Any, Any]
    name: Any
    stand_in: StandIn
    found: Any

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"

    @property
    def in_force(self) -> bool:
        """Whether the stand-in stands there."""
        return self.names.get(self.name) is self.stand_in

    def put_in(self) -> None:
        """Put the stand-in there; what stands there now is what will be put back."""
        standing = self.names[self.name]
        if standing is not self.stand_in:
            self.found = standing
            self.names[self.name] = self.stand_in

    def over_others(self) -> str:
        """A word about what other code had put there, and is not called now."""
        if self.found is self.stand_in._original:
            return ""
        return (
            f"{self} is overridden though it was {shown(self.found)}, not the library's own function; "
            f"that is not called until the override ends, and is then put back"
        )

    def under_others(self) -> str:
        """A word about what other code has put in our place, and is called instead of ours."""
        if self.in_force:
            return ""
        return (
            f"{self} was replaced by other code inside an override, and stays "
            f"{shown(self.names.get(self.name))}: this override does not reach it"
        )

    def put_back(self) -> str:
        """Put back what was found, unless other code has put something else there; a word about that."""
        standing = self.names.get(self.name, self.stand_in)
        if standing is self.stand_in:
            self.names[self.name] = self.found
        elif standing is not self.found:
            return (
                f"{self} was replaced by other code while it was overridden, and stays "
                f"{shown(standing)}; should that put back what it found, it is the library's own function"
            )
        return ""


class _Entry(_Site):
    """An entry of a library's cache, which that library may drop or renew as it likes."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{self.module}[{self.name.__qualname__ if isinstance(self.name, type) else repr(self.name)}]"

    def put_back(self) -> str:
        if self.in_force:
            self.names[self.name] = self.found
        return ""


@dataclass(slots=True, eq=False)
class Hold:
    """What one override holds.

    Attributes
    ----------
    functions : frozenset of Function
    sites : list
        Names of other modules and entries of libraries' caches, found by a scan.
    over : bool
        Whether it has left. To set this is all that must not be interrupted.
    """

    functions: frozenset[Function]
    sites: list[_Site] = field(default_factory=list)
    over: bool = False


class _Patches:
    """What is overridden now: the one store of this package."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal's handler may come here while this thread holds it
        self._live: list[Hold] = []
        self._stand_ins: dict[Function, StandIn] = {}
        self._public: dict[Function, tuple[_Site, ...]] = {}  # one for each module object of that name
        self._scanned: dict[tuple[int, Any], _Site] = {}
        self._finder = WhenLoaded(_LATER, self._loaded)
        self.installed: list[Hold] = []

    def hold(self, held: Hold, *, imported: bool) -> list[str]:
        """Override functions, and with ``imported`` also the names that other modules have for them.

        Returns
        -------
        list of str
            Words about names that other code had replaced before.
        """
        self._make(held.functions)
        with self._lock:
            self._live = [*self._live, held]
            try:
                before = [site for f in held.functions.intersection(self._public) for site in self._public[f]]
                words = self._settle()
                for site in self._scan(held.functions, imported=imported):
                    held.sites.append(site)
                    site.names[site.name] = site.stand_in
                return words + [word for word in (site.under_others() for site in before) if word]
            except BaseException:
                held.over = True
                self.settle()
                raise

    def settle(self) -> list[str]:
        """Make what stands in the modules agree with the overrides that are in force.

        Returns
        -------
        list of str
            Words about names that could not be put back.
        """
        with self._lock:
            try:
                return self._settle()
            except BaseException:
                self._settle()
                raise

    def names(self, held: Hold) -> tuple[str, ...]:
        """The names that a hold replaces, as far as their modules are loaded."""
        with self._lock:
            public = [
                str(f)
                for f in FUNCTIONS
                if f in held.functions and any(site.in_force for site in self._public.get(f, ()))
            ]
            return (*public, *(str(site) for site in held.sites if site.in_force))

    def _make(self, functions: Iterable[Function]) -> None:
        """Make the stand-ins of functions whose modules are loaded.

        Outside the lock: it may import, and a thread that imports SciPy asks for the lock at the end.
        """
        for function in functions:
            if function not in self._stand_ins and _names(function.place) is not None:
                importlib.import_module(function.place)  # which waits for a thread that is importing it
                self._stand_ins.setdefault(function, function.stand_in())

    def _settle(self) -> list[str]:
        words = []
        while True:  # again, if an override has come or gone by a finalizer meanwhile
            live = self._live = [held for held in self._live if not held.over]
            wanted = frozenset().union(*(held.functions for held in live))
            names = {place: _names(place) for place in PLACES}
            words += [self._settle_function(f, f in wanted, names[f.place]) for f in FUNCTIONS]
            if any(f.place == _LATER for f in wanted):
                self._finder.watch()
            else:
                self._finder.unwatch()
            for key, site in self._scanned.copy().items():
                if not any(site in held.sites for held in live):
                    words.append(site.put_back())
                    del self._scanned[key]
            if live is self._live and not any(held.over for held in live):
                tell_compilers(self._stand_ins.values())
                return [word for word in words if word]

    def _settle_function(self, function: Function, held: bool, names: dict[str, Any] | None) -> str:
        """Make what stands at one name of a module, or of several that have its name, agree."""
        sites = self._public.get(function)
        if held:
            if names is None or function not in self._stand_ins or function.name not in names:
                return ""
            if sites is not None and any(site.names is names for site in sites):
                return ""
            stand_in = self._stand_ins[function]
            made = _Site(function.place, names, function.name, stand_in, stand_in._original)
            self._public[function] = (*sites, made) if sites else (made,)
            stand_in.route(True)
            made.put_in()
            return made.over_others()
        if sites is None:
            return ""
        words = [word for site in sites if (word := site.put_back())]
        self._stand_ins[function].route(False)
        del self._public[function]
        return "; ".join(words) if words else ""

    def _loaded(self) -> None:
        """The module that was waited for has been executed, for the first time or again."""
        self._make(function for function in FUNCTIONS if function.place == _LATER)
        with self._lock:
            names = _names(_LATER)
            for sites in self._public.values():
                for site in sites:
                    if site.names is names and site.name in names:
                        site.put_in()
            self._settle()

    def _scan(self, functions: Iterable[Function], *, imported: bool) -> Iterator[_Site]:
        """Every entry of a library's cache for one of the functions, with ``imported`` every module's."""
        wanted: dict[int, StandIn] = {}
        for function in functions:
            if function in self._public:
                routed = self._stand_ins[function]
                wanted |= {id(routed): routed, id(routed._original): routed}
        places: list[tuple[type[_Site], str, dict[Any, Any]]] = [(_Entry, *place) for place in caches()]
        if imported:
            places += [(_Site, *place) for place in _modules()]
        for kind, module, names in places:
            for name, value in names.copy().items():
                stand_in = wanted.get(id(value))
                if stand_in is None:
                    continue
                key = id(names), name
                if key not in self._scanned:
                    if value is stand_in:
                        continue  # taken while it was overridden: it follows the overrides by itself
                    self._scanned[key] = kind(module, names, name, stand_in, value)
                yield self._scanned[key]

    def missed(self, held: Hold) -> tuple[str, ...]:
        """Names and class attributes of loaded modules that have a function of a hold as it was."""
        with self._lock:
            originals = {id(self._stand_ins[f]._original) for f in held.functions if f in self._stand_ins}
        found = []
        for module, names in _modules():
            for name, value in names.copy().items():
                if id(value) in originals:
                    found.append(f"{module}.{name}")
                elif isinstance(value, type) and value.__module__ == module:
                    found += [
                        f"{module}.{name}.{attribute}"
                        for attribute, kept in vars(value).copy().items()
                        if id(kept.__func__ if type(kept) is staticmethod else kept) in originals
                    ]
        return tuple(found)

    def after_fork(self) -> None:
        """In a child: whoever held the lock in the parent is not here to let go of it."""
        self._lock = threading.RLock()


def _names(place: str) -> dict[str, Any] | None:
    """The names of a module; None if it is not loaded (``None`` in its place forbids to)."""
    module = sys.modules.get(place)
    return vars(module) if isinstance(module, ModuleType) else None


def _modules() -> Iterator[tuple[str, dict[str, Any]]]:
    """The names of all modules that are scanned, each once; loads none that is loaded lazily."""
    seen = set()
    for name, module in sys.modules.copy().items():
        if any(name == left or name.startswith(f"{left}.") for left in _LEFT_ALONE):
            continue
        try:
            names = object.__getattribute__(module, "__dict__")
        except (AttributeError, TypeError):
            continue  # anything may stand in sys.modules
        if type(names) is dict and id(names) not in seen:
            seen.add(id(names))
            yield name, names


PATCHES = _Patches()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PATCHES.after_fork)
