"""What a call of opt_einsum's functions means: a contraction to plan, or opt_einsum's own to answer.

opt_einsum itself is not loaded for it, unless a path is asked for that only it can find.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from .._base.dtypes import DTypeRules
from .._base.errors import shown, unknown_keyword
from .._base.facts import Contraction, DType, Options
from .._base.labels import check_sizes
from .._base.records import dataclass
from .._execute.call import Call
from .._kinds.meeting import dtype_rules
from .._kinds.registry import check_nested
from .._plan.plans import Path
from .._plan.searches import AUTO, found_by, is_name, searched
from .._plan.trees import cuts_of
from .network_labels import Network, network_of, sublists_as_text
from .operands import KINDS, Fallback, Operands, ndarray, taken_in
from .options import check_casts, check_out, check_out_type, computed_in, layout_letter

__all__ = [
    "OURS",
    "Asked",
    "asked",
    "call_of",
    "check_backend",
    "computed",
    "memory_elements",
    "path_for",
    "shape_of",
    "sharing",
    "understand_contract",
]

#: Operands from which our own path is searched for as that of a network.
NETWORK = 8
_KEYWORDS = ("dtype", "order", "casting")
#: Backends that are as good as none named: what follows from the operands.
OURS = (None, "auto", "numpy", "einroute")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the subscripts and the operands of a call are.

    Attributes
    ----------
    text : str
        The subscripts, without spaces.
    network : Network
    sizes : mapping
        Of each label.
    operands : tuple
        As the caller gave them.
    """

    text: str
    network: Network
    sizes: Mapping[str, int]
    operands: tuple[Any, ...]


def asked(args: Sequence[Any], shapes: Sequence[tuple[int, ...]] | None = None) -> Asked:
    """The network that the arguments of a call name.

    Parameters
    ----------
    shapes : sequence of tuple of int, optional
        Of the operands, where they are not to be asked for them.

    Raises
    ------
    ValueError, TypeError
        What opt_einsum raises for it.
    """
    names = None
    if args and isinstance(args[0], str):
        text, operands = args[0].replace(" ", ""), tuple(args[1:])
    elif len(args) < 2:
        raise ValueError(
            "contract takes a subscripts string and operands, or operands each followed by a list of labels; "
            f"{len(args)} positional argument(s) came"
        )
    else:
        text, operands, names = sublists_as_text(args)
    found = tuple(shape_of(i, x) for i, x in enumerate(operands)) if shapes is None else tuple(shapes)
    network = network_of(text, found, names)
    return Asked(text, network, check_sizes(network.inputs, found, network.names), operands)


def shape_of(position: int, operand: Any) -> tuple[int, ...]:
    """The shape of an operand, or of what stands for one."""
    shape = getattr(operand, "shape", None)
    if shape is not None:
        return tuple(shape)
    if isinstance(operand, (bool, int, float, complex, str, bytes)):
        return ()
    if isinstance(operand, (list, tuple)):
        check_nested(operand)
    found = []
    while isinstance(operand, (list, tuple)):
        found.append(len(operand))
        if not operand:
            break
        operand = operand[0]
    if not found:
        raise TypeError(
            f"operand {position} is of type {type(operand).__name__}, expected an array or what becomes one"
        )
    return tuple(found)


def sharing() -> bool:
    """Whether this thread is inside opt_einsum's ``shared_intermediates()``."""
    module = sys.modules.get("opt_einsum.sharing")
    return module is not None and threading.get_ident() in module._SHARING_STACK


def understand_contract(
    args: Sequence[Any],
    out: Any = None,
    optimize: Any = True,
    memory_limit: Any = None,
    backend: Any = "auto",
    **kwargs: Any,
) -> Call | Fallback:
    """What a call of ``contract`` means, or that it is opt_einsum's own to answer.

    Raises
    ------
    ValueError, TypeError, KeyError, IndexError
        The call is malformed; of the types that opt_einsum raises, with messages of ours.
    """
    is_name(optimize)
    for name in kwargs:
        if name not in _KEYWORDS:
            raise TypeError(
                unknown_keyword("contract", name, ("out", "optimize", "memory_limit", *_KEYWORDS))
            )
    if sharing():
        return Fallback("inside shared_intermediates(), which opt_einsum keeps", fallback=False)
    if backend not in OURS and not _is_library_of(backend, args):
        return Fallback(f"backend {backend!r} is asked for, which opt_einsum hands the operands to")
    given = asked(args)
    taken = taken_in(given.operands)
    if isinstance(taken, Fallback):
        return taken
    check_backend(backend, taken)
    check_out_type(out, taken)
    if out is not None and type(out) is not ndarray:
        return Fallback(f"out is of type {type(out).__name__}, and has a way of its own to take results")
    dtype = computed(taken, kwargs)
    if isinstance(dtype, Fallback):
        return dtype
    path = path_for(optimize, given, memory_limit, taken)
    cuts = cuts_of(optimize, given.network.inputs)
    return call_of(given, taken, dtype, path, out, memory_limit, kwargs, cuts)


def check_backend(backend: Any, taken: Operands) -> None:
    """Raise where NumPy is asked for beside operands of another library, which would be copied to the host.

    Raises
    ------
    TypeError
    """
    if backend == "numpy":
        for i, (x, kind) in enumerate(zip(taken.given, taken.kinds, strict=True)):
            if kind.library and type(x).__module__.partition(".")[0] != backend:
                raise TypeError(
                    f"backend is 'numpy', and operand {i} is a {type(x).__name__} of {kind.library}, which "
                    f"would be copied to the host; drop backend, or convert the operand with numpy.asarray"
                )


def computed(taken: Operands, kwargs: Mapping[str, Any]) -> DType | Fallback:
    """The dtype that a network is computed in, or that NumPy's own loops are to."""
    dtype = computed_in(taken, dict(kwargs))
    if not taken.mixed and dtype.kind not in KINDS:
        return Fallback(f"dtype {dtype} is one that only NumPy's own loops know")
    return dtype


def _is_library_of(backend: Any, args: Sequence[Any]) -> bool:
    """Whether every operand is of the library that is named as the backend."""
    operands = args[1:] if args and isinstance(args[0], str) else args[: len(args) // 2 * 2 : 2]
    return bool(operands) and all(type(x).__module__.partition(".")[0] == backend for x in operands)


def path_for(optimize: Any, given: Asked, memory_limit: Any, taken: Operands | None = None) -> Path | str:
    """The path that ``optimize=`` asks for; a name where the planner is to choose.

    Raises
    ------
    ValueError, TypeError, KeyError, IndexError
    """
    network, sizes = given.network, given.sizes
    limit = memory_elements(memory_limit, given)
    if optimize is True or optimize is None or (isinstance(optimize, str) and optimize == AUTO):
        plain = taken is None or not any(
            kind.form.sparse or kind.form.rewrites or kind.form.tasks for kind in taken.kinds
        )
        if len(network.inputs) < NETWORK or not plain:
            return AUTO
        return searched(network.inputs, network.output, sizes)
    if optimize is False:
        return (tuple(range(len(network.inputs))),)
    return found_by(optimize, network.inputs, network.output, sizes, limit)


def memory_elements(memory_limit: Any, given: Asked) -> int | None:
    """The elements that an intermediate may have.

    Raises
    ------
    ValueError
        None of opt_einsum's forms of ``memory_limit``.
    TypeError
        No number.
    """
    if memory_limit is None:
        return None
    if isinstance(memory_limit, str):
        if memory_limit != "max_input":
            raise ValueError(
                f"memory_limit is {shown(memory_limit)}, expected None, -1, a number of elements or "
                "'max_input'"
            )
        found = 1
        for labels in (*given.network.inputs, given.network.output):
            size = 1
            for c in labels:
                size *= given.sizes[c]
            found = max(found, size)
        return found
    try:
        none, short = memory_limit == -1, memory_limit < 1
    except TypeError:
        raise TypeError(
            f"memory_limit is of type {type(memory_limit).__name__}, expected None, a number of elements, -1 "
            "or 'max_input'"
        ) from None
    if none:
        return None
    if short:
        raise ValueError(
            f"memory_limit is {memory_limit}, expected a number of elements larger than 0, or -1 for none"
        )
    return int(memory_limit)


def call_of(
    given: Asked,
    taken: Operands,
    dtype: DType,
    path: Path | str,
    out: Any,
    memory_limit: Any,
    kwargs: Mapping[str, Any],
    cuts: str = "",
) -> Call:
    """The call of a network along a path, which takes the labels ``cuts`` one index at a time.

    Raises
    ------
    ValueError, TypeError
        ``out`` that cannot take the result.
    """
    network, sizes = given.network, given.sizes
    inputs, output = network.inputs, network.output
    order = layout_letter(kwargs.get("order", "K"), taken)
    if out is not None:
        check_out(out, tuple(sizes[c] for c in output))
        rules: DTypeRules | None = dtype_rules(taken.kinds)
        if rules is None and "casting" in kwargs:
            check_casts(out.dtype, dtype, kwargs["casting"])
        order = "F" if out.flags.f_contiguous and not out.flags.c_contiguous else "C"
    several = len(inputs) > 1
    dropped = ""
    if several and not taken.mixed:
        dropped = "".join(c for c, n in sizes.items() if n == 1 and c not in output)
    limit = memory_elements(memory_limit, given)
    # A single operand is einsum's to opt_einsum, which gives a scalar; a pair is tensordot's, which does not.
    options = Options(
        quiet=False,
        scalar=not several,
        out=out is not None,
        stepwise=True,
        typed=kwargs.get("dtype") is not None,
    )
    key = None
    if not taken.mixed:
        values = taken.values
        key = (
            "contract",
            inputs,
            output,
            path,
            cuts,
            limit,
            dtype,
            order,
            options.out,
            tuple([x.shape for x in values]),
            tuple([x.dtype for x in values]),
            tuple([x.strides for x in values]),
        )
    return Call(
        Contraction(inputs, output, sizes, dropped),
        taken.values,
        taken.kinds,
        dtype,
        order,
        path,
        None if limit is None else limit * dtype.itemsize,
        options,
        key=key,
        cuts=cuts,
    )
