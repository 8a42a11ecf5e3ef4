"""Doing something when a module is imported, without importing it.

SciPy takes a fifth of a second to load, and most programs load it after an override has begun or not at all.
So while overrides of its functions are in force a finder stands first in ``sys.meta_path``, which lets the
others find the module, and wraps its loader for the time of the import, be it the first or a reload.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from importlib.abc import Loader  # whose module takes 5 ms to load

__all__ = ["WhenLoaded"]


class WhenLoaded:
    """Calls back each time that a module has been executed.

    Parameters
    ----------
    module : str
    then : callable
    """

    def __init__(self, module: str, then: Callable[[], None]) -> None:
        self._module = module
        self._then = then

    def watch(self) -> None:
        """Wait for the module, which may be loaded already: it can be loaded again."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def unwatch(self) -> None:
        """Wait no more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders find; None for any other module."""
        if fullname != self._module:
            return None
        for finder in [*sys.meta_path]:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if finder is self or find is None else find(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = cast("Loader", _Telling(spec.loader, self._then))
                return spec
        return None


class _Telling:
    """A loader that tells when it is done; the module does not see it."""

    def __init__(self, loader: Any, then: Callable[[], None]) -> None:
        self._loader = loader
        self._then = then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._then()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
