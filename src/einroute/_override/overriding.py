"""`override`, `install` and `uninstall`."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from .._base.block import Block
from .._base.errors import shown
from .._base.log import LOG
from .patches import PATCHES, Hold
from .places import FUNCTIONS, chosen

__all__ = ["install", "override", "uninstall"]


class override(Block):  # noqa: N801 - used like a function, as contextlib.suppress is
    """Put einroute's functions in the place of NumPy's and SciPy's, inside a ``with`` block or a function.

    Parameters
    ----------
    *names : str
        Functions to override; if none is named, all of them but the ufuncs (`numpy.matmul`, `vecdot`,
        `matvec` and `vecmat`).
        ``"lstsq"`` is that of `numpy.linalg` and of `scipy.linalg`, ``"linalg.lstsq"`` that of NumPy alone,
        ``"scipy.linalg.lstsq"`` that of SciPy.
    imported : bool
        Replace also the names that modules already have from ``from numpy import einsum``, wherever they are
        global names of loaded modules. Those of NumPy itself, of `scipy.linalg` and of einroute are left.

    Attributes
    ----------
    replaced : tuple of str
        The names that are replaced now, inside the block, also those in caches of other libraries.
    missed : tuple of str
        Names and class attributes of loaded modules that took a function before, and still have NumPy's or
        SciPy's own. It looks for them whenever it is asked, which takes some milliseconds.

    Raises
    ------
    ValueError
        A name of no such function.
    TypeError
        What is no name; a decorated class, generator or coroutine function, what is no function.

    Warns
    -----
    RuntimeWarning
        At the beginning: other code has replaced a name before. What it put there is not called until the
        end; if it did so within another override, it is left, and the name is not `replaced`.
        At the end: other code has replaced a name meanwhile. It is left as that code wants it.

    See Also
    --------
    install : for the rest of the process.
    routed : for single arrays.

    Notes
    -----
    Modules belong to the process: all threads see what is replaced. What stood there before is put back when
    the last of all overrides that hold a name has left, in whatever order and threads they leave.

    opt_einsum, autoray and dask keep functions that they have looked up: these are replaced where they are
    kept. What is replaced, and what is missed, goes to the logger ``"einroute"`` at level INFO.

    A ufunc is replaced only if it is named, since code that is given NumPy's own, as by ``a @ b``, asks
    ``ufunc is np.matmul``.

    A name that is taken from NumPy inside the block, and kept, is NumPy's own again after it. SciPy is not
    imported: if a program imports `scipy.linalg` inside the block, its functions are overridden from then on.
    Methods and operators of plain arrays (``a.dot(b)``, ``a @ b``) cannot be replaced.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> with er.override("einsum", "lstsq"):
    ...     np.einsum
    <einroute in the place of numpy.einsum, routed>
    >>> @er.override()
    ... def trace(a):
    ...     return np.einsum("ii->", a)
    >>> trace(np.eye(3))
    np.float64(3.0)
    """

    def __init__(self, *names: str, imported: bool = False) -> None:
        self._functions = chosen(names)
        self._imported = _yes_or_no(imported)
        self._holds: list[Hold] = []

    def __enter__(self) -> Self:
        held = Hold(frozenset(self._functions))
        try:
            self._holds.append(held)
            _warn(PATCHES.hold(held, imported=self._imported))
        except BaseException:
            held.over = True
            self._holds = [one for one in self._holds if one is not held]
            PATCHES.settle()
            raise
        _log(held)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._holds:
            raise RuntimeError(f"{self!r} is left more often than it was entered")
        held = self._holds[-1]
        held.over = True  # Python handles no signal before this is done
        del self._holds[-1]
        _warn(PATCHES.settle())

    @property
    def replaced(self) -> tuple[str, ...]:
        """The names that are replaced now."""
        return PATCHES.names(self._holds[-1]) if self._holds else ()

    @property
    def missed(self) -> tuple[str, ...]:
        """The names that are not reached."""
        return PATCHES.missed(self._holds[-1]) if self._holds else ()

    def __repr__(self) -> str:
        return f"<override of {', '.join(map(str, self._functions))}>"


def _yes_or_no(imported: object) -> bool:
    if not isinstance(imported, bool):
        raise TypeError(f"imported is {shown(imported)}, expected True or False")
    return imported


def _warn(words: Iterable[str]) -> None:
    for word in words:
        warnings.warn(word, RuntimeWarning, stacklevel=3)


def _log(held: Hold) -> None:
    """Tell those who ask what is replaced and what is not; a warning would end programs of ``-W error``."""
    if LOG.isEnabledFor(logging.INFO):
        LOG.info("replaced: %s", ", ".join(PATCHES.names(held)))
        LOG.info("not reached, since they were taken before: %s", ", ".join(PATCHES.missed(held)) or "none")


def install(*names: str, imported: bool = False) -> tuple[str, ...]:
    """Put einroute's functions in the place of NumPy's and SciPy's until `uninstall` is called.

    Parameters
    ----------
    *names, imported
        As for `override`.

    Returns
    -------
    tuple of str
        The names that are replaced.

    Raises
    ------
    ValueError, TypeError
        As for `override`.

    Warns
    -----
    RuntimeWarning
        It is not the first time: functions are added to those that are installed, and one call of `uninstall`
        ends all. Other code has replaced a name before, as for `override`.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> er.install("einsum", "linalg.lstsq")[:2]
    ('numpy.einsum', 'numpy.linalg.lstsq')
    >>> er.uninstall()
    """
    held, imported = Hold(frozenset(chosen(names))), _yes_or_no(imported)
    words = PATCHES.hold(held, imported=imported)
    PATCHES.installed.append(held)
    _log(held)
    _warn(words)
    if len(PATCHES.installed) > 1:
        before = {f for one in PATCHES.installed[:-1] for f in one.functions}
        already = ", ".join(str(f) for f in FUNCTIONS if f in before)
        _warn([f"einroute is installed already, for {already}; one uninstall() ends all of it"])
    return PATCHES.names(held)


def uninstall() -> None:
    """Put back what `install` has replaced. Overrides that are in force stay so.

    Raises
    ------
    RuntimeError
        Nothing is installed.

    Warns
    -----
    RuntimeWarning
        Other code has replaced a name meanwhile. It is left as that code wants it.
    """
    if not PATCHES.installed:
        raise RuntimeError("nothing is installed; install() puts einroute's functions in NumPy's place")
    for held in PATCHES.installed:
        held.over = True
    PATCHES.installed.clear()
    _warn(PATCHES.settle())
