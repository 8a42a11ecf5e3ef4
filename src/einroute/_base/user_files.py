"""Small files that einroute keeps for its user: found, read with care, replaced whole.

What is read may be anybody's: it is bounded in size and depth, and nothing of it is believed before it was
looked at.  Paths are text: every process asks for one, and to load pathlib and tempfile takes 5 ms.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from typing import Any

__all__ = ["below_home", "cache_file", "read_json", "refuse_special", "write_json"]

#: Bytes that a file may have.
_MOST = 16 << 20


Path = str | os.PathLike[str]


def cache_file(name: str) -> str | None:
    """A file in this user's folder of caches, which need not exist; None where there is no such folder."""
    folder = _cache_folder()
    return None if folder is None else os.path.join(folder, name)


def _cache_folder() -> str | None:
    """``EINROUTE_CACHE_DIR``, else the system's place; None if there is none."""
    own = os.environ.get("EINROUTE_CACHE_DIR", "").strip()
    if own:
        return below_home(own)
    named = os.environ.get("XDG_CACHE_HOME", "").strip()
    if os.path.isabs(named):
        return os.path.join(named, "einroute")
    home = os.path.expanduser("~")
    if home == "~":  # a user without a home
        return None
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", "").strip() or os.path.join(home, "AppData", "Local")
        return os.path.join(local, "einroute", "Cache")
    return os.path.join(home, "Library/Caches" if sys.platform == "darwin" else ".cache", "einroute")


def below_home(path: str) -> str:
    """A path from the environment: with the home for a ``~`` at its beginning, as a shell has it."""
    return os.path.expanduser(path)


def read_json(path: Path) -> Any:
    """What a file holds; None where there is no such file.

    Raises
    ------
    ValueError
        It is no regular file, is too large, or is not JSON.
    OSError
        It cannot be read.
    """
    # Without waiting for who writes into a pipe, and without following a link to somewhere else.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        if os.path.islink(path):
            raise ValueError("it is a symbolic link")
        handle = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(os.fstat(handle).st_mode):  # of a folder, fdopen would leave it open
        os.close(handle)
        raise ValueError("it is no regular file")
    with os.fdopen(handle, "rb") as file:
        data = file.read(_MOST + 1)
    if len(data) > _MOST:
        raise ValueError(f"it has more than {_MOST >> 20} MiB")
    import json  # noqa: PLC0415 - 2 ms; where there is no file, a fork must not meet another thread's import

    try:
        content = json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:  # also bytes that are no UTF-8, and numbers of too many digits
        raise ValueError(f"it is not JSON: {error}") from None
    if content is None:
        raise ValueError("it holds nothing")
    return content


def refuse_special(path: Path) -> None:
    """Refuse to replace a device, a pipe or a socket: who may write into its folder could.

    Raises
    ------
    OSError
        There is one.
    """
    try:
        mode = os.lstat(path).st_mode
    except OSError:  # there is nothing, or whoever writes will be told why not
        return
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))


def write_json(path: Path, content: Any) -> None:
    """Replace a file by another one, whole: who reads meanwhile finds the old or the new one.

    Raises
    ------
    OSError
        It cannot be written; then the old one is as it was.
    """
    import json  # noqa: PLC0415 - as above

    refuse_special(path)
    folder, name = os.path.split(os.fspath(path))
    os.makedirs(folder or ".", exist_ok=True)
    fresh = os.path.join(folder, f".{name}.{os.urandom(8).hex()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, allow_nan=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(fresh)
        raise
