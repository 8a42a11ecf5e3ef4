"""Code to be timed, as text, with the names it uses.

Text for two reasons: a report can print just what it timed, and what is timed runs without a wrapper, whose
50 ns would matter at 3 x 3.
"""

from __future__ import annotations

import importlib
import timeit
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

#: What the operands are called in code.
NAMES = "abcdefgh"
#: How far behind the best of the others a call may be, by the project's promise, where 1.1 times is less.
ALLOWED_SECONDS = 0.7e-6


@dataclass(frozen=True, slots=True)
class Statement:
    """A call ready to be timed.

    Attributes
    ----------
    code : str
        An expression; its value is the result.
    scope : dict
        The names in it.
    before : str
        A statement that runs before each call and is timed with it, such as one that changes an operand.
    """

    code: str
    scope: dict[str, Any]
    before: str = ""

    def timer(self) -> timeit.Timer:
        """What times it."""
        return timeit.Timer("\n".join(filter(None, (self.before, self.code))), globals=dict(self.scope))

    def compiled(self) -> Callable[[], Any]:
        """The call as a function without arguments."""
        scope = dict(self.scope)
        exec(f"def call():\n    {self.before or 'pass'}\n    return {self.code}", scope)
        call: Callable[[], Any] = scope["call"]
        return call

    def run(self) -> Any:
        """The result of one call."""
        return self.compiled()()


def load(module: str) -> ModuleType:
    """Import a library that may be missing.

    Raises
    ------
    NotImplementedError
        It is not installed, or broken. asv takes this, raised in a ``setup``, as "not applicable".
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise NotImplementedError(f"{error.name} is not installed") from error
    except (ImportError, OSError) as error:
        raise NotImplementedError(f"{module} is installed, but cannot be imported: {error}") from error


def member(module: Any, path: str) -> Any:
    """A function of a module, or a method of a class in it, by its dotted name.

    Raises
    ------
    NotImplementedError
        There is none: the commit that is measured is older than the function.
    """
    found: Any = module
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError as error:
            raise NotImplementedError(f"{module.__name__} has no {path}") from error
    return found
