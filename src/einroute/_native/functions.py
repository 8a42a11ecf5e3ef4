"""Public functions whose calls the core looks up before Python sees them.

The core knows a call by the facts of its operands: plain arrays, and what says what is done with them.  A
call that it does not know is the Python function's; what runs such calls is asked for afterwards and
remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar, cast

from .._base.fixed import fixed
from . import CORE

__all__ = ["found_by_core"]

F = TypeVar("F", bound=Callable[..., Any])
#: From the arguments of a call of plain arrays to what runs calls of the same facts when given their arrays;
#: None if that is not known, or not the same for all of them.
FindRunner = Callable[..., Callable[..., Any] | None]


def found_by_core(
    arguments: str,
    find_runner: FindRunner,
    *,
    ufunc: bool = False,
    numpys: Callable[..., Any] | None = None,
) -> Callable[[F], F]:
    """Let the core look up the calls of a function; without the core the function is left as it is.

    Parameters
    ----------
    arguments : {"einsum", "tensordot", "pair", "chain"}
        Where the operands are among the arguments. Those of a pair and of einsum may be followed by ``out``.
    find_runner : callable
    ufunc : bool, optional
        Whether it stands for a ufunc: it does not bind as a method then, and its attributes are those of
        the object that is given.
    numpys : callable, optional
        NumPy's own function. Products with options, or with subclasses of arrays that override nothing, are
        handed to it by the core where nobody watches.
    """

    def found(function: F) -> F:
        if CORE is None:
            return function

        def own(args: tuple[Any, ...]) -> tuple[Any, ...]:
            if arguments == "chain":
                return (type(args[0])(fixed(args[0])),)
            # Behind a pair may stand `out`, which is returned.
            return (*fixed(args[:2]), *args[2:]) if arguments == "pair" else fixed(args)

        def unknown(*args: Any, **kwargs: Any) -> Any:
            args = own(args)  # what is remembered is of their facts
            # A pair's runner is asked for before: the second call must not have other bits than the first.
            run = find_runner(*args, **kwargs) if arguments == "pair" else None
            result = function(*args, **kwargs) if run is None else run(*args, *kwargs.values())
            if run is None and (arguments == "einsum" or "out" not in kwargs):
                run = find_runner(*args, **kwargs)
            if run is not None:
                public.remember(run, *args, **kwargs)
            return result

        def traced(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        if ufunc:
            public = CORE.Ufunc(function, arguments, unknown, numpys)
            public.__doc__, public.__module__ = function.__doc__, function.__module__
            public.__code__ = traced.__code__  # JAX names a function that it traces by its code
        else:
            public = update_wrapper(CORE.Function(function, arguments, unknown, numpys), function)
        public._torchdynamo_inline = traced  # where torch.compile reads on
        return cast("F", public)

    return found
