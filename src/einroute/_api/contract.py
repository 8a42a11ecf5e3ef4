"""contract, contract_expression and contract_path with opt_einsum's signatures."""

from __future__ import annotations

from typing import Any

from .._base.routes import NoRoute
from .._base.watch import WATCH, tell_fallback, to_observe
from .._call.contract_paths import path_and_report
from .._call.contracting import asked, path_for, sharing, understand_contract
from .._call.expressions import Expression, expression_of
from .._call.keys import contract_key
from .._call.observe import observe
from .._call.operands import Fallback, ndarray
from .._call.opt_einsums import own
from .._call.stripped import stripped
from .._config.state import check_strict, current
from .._kinds.in_graph import in_graph
from .._plan.trees import is_tree

#: What a call that is observed need not tell.
_DEFAULTS = {"out": None, "use_blas": True, "optimize": True, "memory_limit": None, "backend": "auto"}

__all__ = ["contract", "contract_expression", "contract_path"]


def contract(
    subscripts: Any,
    *operands: Any,
    out: Any = None,
    use_blas: bool = True,
    optimize: Any = True,
    memory_limit: Any = None,
    backend: Any = "auto",
    **kwargs: Any,
) -> Any:
    """Contract a network of any number of operands under any number of labels.

    A drop-in for `opt_einsum.contract`: same arguments, values (to rounding), dtypes, shapes and exceptions.
    Where `einsum` is NumPy's, with 52 labels, this takes any.

    Parameters
    ----------
    subscripts : str
        Labels of each operand's axes and, after ``->``, of the result's: any characters but ``,-.>``. Instead
        of it, each operand may be followed by a list of labels, which may be anything that can be hashed.
    *operands : array_like
        Arrays, and whatever else `einsum` takes.
    out : ndarray, optional
        Where the result is put; of the result's shape.
    use_blas : bool, optional
        For opt_einsum; each step goes the fastest right way here.
    optimize : bool, str, path, PathOptimizer or tree, optional
        The order of contraction: True for our own; the name of one of opt_einsum's ways; a list of positions
        (``[(0, 1), (0, 1)]``); an optimizer of opt_einsum's or cotengra's; a tree of cotengra's. False is one
        step of all.
    memory_limit : int, "max_input" or None, optional
        Elements that intermediates may have; what takes more is contracted in slices.
    backend : str, optional
        A library to hand the operands to, by opt_einsum. "auto" follows the operands.
    dtype, order, casting : optional
        As of `numpy.einsum`.
    strip_exponent : bool, optional
        Return ``(result, exponent)``, of which ``result * 10**exponent`` is the value, for values beyond the
        range of floats: every intermediate is scaled. For arrays of NumPy's.

    Returns
    -------
    ndarray, or what `einsum` makes of such operands
        0-d for a full contraction of several operands, a scalar for that of one.

    Raises
    ------
    ValueError
        Subscripts that are malformed or do not fit, sizes that differ, a path that leaves several operands.
    TypeError
        Sublists with labels that cannot be hashed, unknown keywords.
    KeyError
        A name of ``optimize`` that opt_einsum does not know.

    See Also
    --------
    contract_expression : the same many times.
    einsum : with NumPy's signature.

    Notes
    -----
    Inside ``opt_einsum.shared_intermediates()``, and for operands that `einsum` does not take,
    opt_einsum answers.

    Paths are opt_einsum's (Smith and Gray, "opt_einsum", JOSS 3(26), 753, 2018), or cotengrust's where
    that is installed (Gray and Kourtis, "Hyper-optimized tensor network contraction", Quantum 5, 410, 2021).

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> a = np.arange(6.0).reshape(2, 3)
    >>> er.contract("αβ,βγ,γδ->αδ", a, a.T, a)
    array([[ 42.,  61.,  80.],
           [150., 214., 278.]])
    >>> er.contract(a, ["row", "col"], a, ["row", "col"])
    array(55.)
    """
    for x in operands:
        if type(x) is not ndarray:
            node = in_graph((subscripts, *operands))
            if node is not None:
                named = {"out": out, "optimize": optimize, "memory_limit": memory_limit, "backend": backend}
                return node("contract", subscripts, *operands, **named, **kwargs)
            break
    if WATCH.on and to_observe():
        given = {
            "out": out,
            "use_blas": use_blas,
            "optimize": optimize,
            "memory_limit": memory_limit,
            "backend": backend,
        }
        named = {name: x for name, x in given.items() if x is not _DEFAULTS[name]}
        return observe(contract, (subscripts, *operands), named | kwargs)
    state = current()
    key = contract_key(subscripts, operands, out, optimize, memory_limit, backend, kwargs)
    if key is not None and not sharing():
        run = state.plans.get(key)
        if run is not None:
            return run(*operands) if out is None else run(*operands, out=out)
    if kwargs.get("strip_exponent") is not None:
        strip = kwargs.pop("strip_exponent")
        if strip and out is not None:
            raise TypeError("out is given and strip_exponent returns a pair; drop one of them")
        if strip:
            return stripped((subscripts, *operands), optimize, memory_limit, kwargs, state)
    if "_gen_expression" in kwargs:  # opt_einsum's contract_expression calls its contract
        call: Any = Fallback("opt_einsum makes an expression", fallback=False)
    else:
        call = understand_contract((subscripts, *operands), out, optimize, memory_limit, backend, **kwargs)
    if isinstance(call, Fallback):
        if call.fallback:
            check_strict(state, "contract", call.reason)
        tell_fallback(call.reason)
        if is_tree(optimize):  # opt_einsum knows none
            optimize = [*path_for(optimize, asked((subscripts, *operands)), memory_limit)]
        given = dict(kwargs)
        if out is not None:
            given["out"] = out
        return own("contract")(
            subscripts,
            *operands,
            use_blas=use_blas,
            optimize=optimize,
            memory_limit=memory_limit,
            backend=backend,
            **given,
        )
    try:
        return call.run(state, out, key)
    except NoRoute as error:
        if memory_limit is None:
            raise
        limit = f"memory_limit of contract is {memory_limit!r}, in elements"
        raise NoRoute(f"{error}; {limit}") from None


def contract_expression(
    subscripts: Any,
    *shapes: Any,
    constants: Any = None,
    use_blas: bool = True,
    optimize: Any = True,
    memory_limit: Any = None,
    **kwargs: Any,
) -> Expression:
    """A contraction to be called many times, with arrays of given shapes.

    A drop-in for `opt_einsum.contract_expression`.

    Parameters
    ----------
    subscripts, optimize, memory_limit, use_blas, **kwargs
        As of `contract`.
    *shapes : tuple of int, or array
        Of each operand; the array itself where it is a constant.
    constants : iterable of int, optional
        Positions of operands that are the same at every call: what is contracted of them alone is contracted
        once.

    Returns
    -------
    callable
        ``expression(*arrays, out=None, backend="auto")`` takes the operands that are no constants.

    Raises
    ------
    ValueError
        Shapes that do not fit, ``out`` or ``backend`` given here, ``optimize=False``.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> gate, state = np.eye(2), np.array([0.6, 0.8])
    >>> rotate = er.contract_expression("ij,jk,k->i", gate, gate, (2,), constants=[0, 1])
    >>> rotate
    <ContractExpression('[ij,jk],k->i', constants=[0, 1])>
    >>> rotate(state)
    array([0.6, 0.8])
    """
    return expression_of(contract, subscripts, shapes, constants, use_blas, optimize, memory_limit, kwargs)


def contract_path(
    subscripts: Any,
    *operands: Any,
    use_blas: bool = True,
    optimize: Any = True,
    memory_limit: Any = None,
    shapes: bool = False,
    **kwargs: Any,
) -> Any:
    """The order in which `contract` takes the operands, and opt_einsum's report about it.

    A drop-in for `opt_einsum.contract_path`.

    Parameters
    ----------
    subscripts, *operands, optimize, memory_limit, use_blas
        As of `contract`.
    shapes : bool, optional
        The operands are shapes.

    Returns
    -------
    path : list of tuple of int
    report : opt_einsum.contract.PathInfo

    Examples
    --------
    >>> import einroute as er
    >>> er.contract_path("ij,jk,kl->il", (2, 2), (2, 5), (5, 2), shapes=True)[0]
    [(1, 2), (0, 1)]
    """
    return path_and_report((subscripts, *operands), use_blas, optimize, memory_limit, shapes, kwargs)
