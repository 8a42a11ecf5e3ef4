"""NumPy's C einsum, and the spelling of labels that it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .numpy_functions import numpy_einsum

__all__ = ["ascii_subscripts", "c_einsum"]

c_einsum: Callable[..., Any]
try:  # the C core behind np.einsum: what its optimize=False calls, without 0.65 us of Python before it
    from numpy._core import multiarray

    c_einsum = multiarray.c_einsum
except (ImportError, AttributeError):  # pragma: no cover  # a NumPy that moved it
    c_einsum = numpy_einsum


#: From here on labels are a plan's own, whose order says in which order loops run.
_PRIVATE = chr(0xE000)


def ascii_subscripts(inputs: tuple[str, ...], output: str) -> str:
    """Subscripts in the letters that NumPy accepts."""
    text = ",".join(inputs) + "->" + output
    if text.isascii():
        return text
    free = iter(c for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in text)
    own = sorted(set(text)) if max(text) >= _PRIVATE else dict.fromkeys(text)  # those are in order
    for c in own:
        if not c.isascii():
            text = text.replace(c, next(free))
    return text
