"""What numba is told of einroute's functions: inside ``@njit`` they are NumPy's.

Named by the entry point ``numba_extensions``; numba loads it before it compiles anything, and nobody else
does. The names of `einroute.numpy` need none of it, since they are equal to NumPy's.
"""

from __future__ import annotations

from .._base.log import info
from .functions import ROUTED

__all__ = ["init"]


def init() -> None:
    """Give each of our functions the type of NumPy's, where numba has one for that."""
    try:
        _register()
    except (ImportError, AttributeError) as error:
        # numba would turn it into a warning in programs that need not use einroute at all.
        info("this version of numba is not told of einroute: %s", error)


def _register() -> None:
    import numba.np.linalg  # noqa: F401, PLC0415 - only numba calls this; registers what it has for numpy.linalg
    from numba.core.errors import NumbaError  # noqa: PLC0415 - likewise
    from numba.core.registry import cpu_target  # noqa: PLC0415 - likewise

    context = cpu_target.typing_context
    context.refresh()
    for function, mirror in ROUTED.items():
        try:
            known = context.resolve_value_type(mirror.original)
        except (NumbaError, ValueError):
            continue  # numba has none
        context.insert_global(function, known)
