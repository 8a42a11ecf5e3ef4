"""A program run as ``python SCRIPT``, ``python -m MODULE`` or ``python -`` would run it, in this process."""

from __future__ import annotations

import builtins
import io
import os
import pkgutil
import sys
from collections.abc import Sequence
from importlib.machinery import BuiltinImporter, ModuleSpec, SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any

__all__ = ["NotFound", "execute"]


class NotFound(Exception):
    """There is no such program; the message says why, and ``status`` is Python's for it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class _Program:
    """Code and the facts that its ``__main__`` module shows."""

    def __init__(self, code: CodeType, file: str | None, loader: Any, spec: ModuleSpec | None) -> None:
        self.code = code
        self.file = file
        self.loader = loader
        self.spec = spec

    def main(self) -> ModuleType:
        """A new ``__main__`` module, as Python makes it."""
        made = ModuleType("__main__")
        names: dict[str, Any] = {
            "__builtins__": builtins,
            "__loader__": self.loader,
            "__spec__": self.spec,
            "__package__": None if self.spec is None else self.spec.parent,
        }
        if self.file is not None:
            names |= {"__file__": self.file, "__cached__": None if self.spec is None else self.spec.cached}
        if "__annotations__" in vars(sys.modules["__main__"]):  # as Python itself makes it, before 3.14
            names["__annotations__"] = {}
        made.__dict__.update(names)
        return made


def execute(program: Sequence[str]) -> None:
    """Run a program until it ends.

    Parameters
    ----------
    program : sequence of str
        ``SCRIPT [ARGS]``, ``-m MODULE [ARGS]`` or ``- [ARGS]``.

    Raises
    ------
    NotFound
        There is no such program.
    BaseException
        What the program raises; its traceback will be shown without the frames above the program's own.
    """
    found: list[CodeType] = []
    try:
        made = _find(program)
        found.append(made.code)
        main = made.main()
        sys.modules["__main__"] = main
        exec(made.code, main.__dict__)  # noqa: S102 - running it is what was asked for
    except (SystemExit, NotFound):
        raise
    except BaseException:
        sys.excepthook = _from(found[0] if found else None, sys.excepthook)
        raise


def _find(program: Sequence[str]) -> _Program:
    first, *rest = program
    if first == "-m":
        return _module(rest[0], rest[1:])
    sys.argv = [first, *rest]
    if first == "-":
        _first_on_path("")
        return _Program(
            compile(sys.stdin.read(), "<stdin>", "exec", dont_inherit=True), "<stdin>", BuiltinImporter, None
        )
    if Path(first).is_dir() or pkgutil.get_importer(first) is not None:
        return _folder(first)
    return _script(first)


def _module(name: str, arguments: list[str]) -> _Program:
    _first_on_path(str(Path.cwd()))
    sys.argv = ["-m", *arguments]  # as Python has it while packages are imported
    spec = _spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        package, name = name, f"{name}.__main__"
        spec = _spec(name)
        if spec is None:
            raise NotFound(
                f"No module named {name}; {package!r} is a package and cannot be directly executed", 1
            )
    loader: Any = None if spec is None else spec.loader
    if spec is None or loader is None:
        raise NotFound(f"No module named {name}", 1)
    if not hasattr(loader, "get_code"):
        raise NotFound(f"No code object available for {name}", 1)
    code = loader.get_code(name)
    sys.argv[0] = spec.origin or name
    if code is None:
        raise NotFound(f"No code object available for {name}", 1)
    return _Program(code, spec.origin, loader, spec)


def _spec(name: str) -> ModuleSpec | None:
    try:
        return find_spec(name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name is not None and name.startswith(error.name):
            return None
        raise NotFound(
            f"Error while finding module specification for {name!r} ({type(error).__name__}: {error})", 1
        ) from None


def _folder(path: str) -> _Program:
    """A folder or an archive with a ``__main__.py`` in it."""
    path = str(Path(path).absolute())
    _first_on_path(path)
    importer: Any = pkgutil.get_importer(path)
    spec = importer.find_spec("__main__") if importer is not None else None
    if spec is None:
        raise NotFound(f"can't find '__main__' module in {path!r}", 1)
    return _Program(spec.loader.get_code("__main__"), spec.origin, spec.loader, spec)


def _script(path: str) -> _Program:
    full = str(Path(path).absolute())
    try:
        source = Path(path).read_bytes()
    except OSError as error:
        raise NotFound(f"can't open file {full!r}: [Errno {error.errno}] {error.strerror}", 2) from None
    _first_on_path(str(Path(os.path.realpath(path)).parent))
    code = pkgutil.read_code(io.BytesIO(source))  # as runpy does
    if code is None:
        code = compile(source, full, "exec", dont_inherit=True)
    return _Program(code, full, SourceFileLoader("__main__", full), None)


def _first_on_path(folder: str) -> None:
    """Put a folder where Python puts that of a program, in place of the one that it put there for us."""
    if sys.flags.safe_path:
        return
    if sys.path and sys.path[0] in {"", str(Path.cwd())}:
        sys.path[0] = folder
    else:
        sys.path.insert(0, folder)


def _from(code: CodeType | None, hook: Any) -> Any:
    """An ``excepthook`` that begins where the program does; with no code, without a traceback of ours."""

    def shown(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        own = trace
        while own is not None and own.tb_frame.f_code is not code:
            own = own.tb_next
        if own is None and code is None:
            own = _outside(trace)
        hook(kind, error.with_traceback(own), own)

    return shown


def _outside(trace: TracebackType | None) -> TracebackType | None:
    """What is left of a traceback without leading frames of ours and of the import system."""
    ours = __name__.partition(".")[0]
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        file = trace.tb_frame.f_code.co_filename
        if module.partition(".")[0] != ours and module != "__main__" and not file.startswith("<frozen "):
            return trace
        trace = trace.tb_next
    return None
