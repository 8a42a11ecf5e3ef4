"""Contractions to be called many times: the path is found once, constants are contracted once.

For arrays of known shapes, dtypes and strides a call is one look-up away from its bound plan.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from .._base.errors import shown
from .._base.facts import DType
from .._base.fixed import fixed
from .._base.labels import check_sizes
from .._base.records import dataclass
from .._base.routes import Runner
from .._base.watch import WATCH, tell_fallback, to_observe
from .._config.state import State, check_strict, current
from .._execute.call import Call
from .._execute.tuning import Tuned
from .._kinds.in_graph import in_graph
from .._plan.plans import Path
from .._plan.searches import AUTO, searched
from .._plan.trees import cuts_of
from .contracting import OURS, Asked, asked, call_of, check_backend, computed, path_for, shape_of, sharing
from .folding import Folding, filled, folding
from .keys import mixed_key
from .network_labels import Network
from .observe import observe
from .operands import Fallback, ndarray, taken_in
from .opt_einsums import own
from .options import check_out_type

__all__ = ["Expression", "expression_of"]


def expression_of(
    contract: Callable[..., Any],
    subscripts: Any,
    shapes: Sequence[Any],
    constants: Iterable[int] | None,
    use_blas: bool,
    optimize: Any,
    memory_limit: Any,
    kwargs: Mapping[str, Any],
) -> Expression:
    """The expression that ``contract_expression`` returns.

    Raises
    ------
    ValueError, TypeError, KeyError, IndexError
    """
    if not optimize:
        raise ValueError("optimize is False, and an expression has a path; pass True, a path or an optimizer")
    for name in ("out", "backend"):
        if kwargs.get(name) is not None:
            raise ValueError(
                f"{name} is given to contract_expression; pass it to the expression when it is called"
            )
    args = (subscripts, *shapes)
    fixed = _positions(constants)
    given = args[1:] if isinstance(subscripts, str) else args[: len(args) // 2 * 2 : 2]
    wrong = [i for i in fixed if not 0 <= i < len(given)]
    if wrong:
        raise IndexError(f"constants has the position {wrong[0]}, and there are {len(given)} operands")
    sized = [
        shape_of(i, x) if i in fixed or hasattr(x, "shape") else _shape(i, x) for i, x in enumerate(given)
    ]
    found = asked(args, sized)
    named = dict(kwargs)
    for name in [name for name in named if name not in ("dtype", "order", "casting")]:
        raise TypeError(f"contract_expression() got an unexpected keyword argument {name!r}")
    path = path_for(optimize, found, memory_limit)
    ours = False
    if isinstance(path, str):
        ours = True
        path = searched(found.network.inputs, found.network.output, found.sizes)
    held = {i: given[i] for i in sorted(fixed)}
    cuts = cuts_of(optimize, found.network.inputs)
    return Expression(
        contract, found, tuple(sized), path, held, use_blas, memory_limit, named, ours=ours, cuts=cuts
    )


def _positions(constants: Any) -> frozenset[int]:
    """The positions of the operands that are constants."""
    if constants is None:
        return frozenset()
    try:
        return frozenset(operator.index(i) for i in constants)
    except TypeError:
        raise TypeError(
            f"constants is {shown(constants)}, expected the positions of operands, such as [0, 2]"
        ) from None


def _shape(position: int, x: Any) -> tuple[int, ...]:
    """A shape that stands for an operand."""
    try:
        return tuple(x)
    except TypeError:
        raise TypeError(
            f"operand {position} is of type {type(x).__name__}, expected a shape, or a constant's array"
        ) from None


@dataclass(frozen=True, slots=True)
class _Left:
    """What is called, with constants in their places.

    Attributes
    ----------
    network : Network
    path : tuple
    places : tuple
        For each operand a constant, or None for the next that is given.
    """

    network: Network
    path: Path
    places: tuple[Any, ...]


class Expression:
    """A contraction along one path, called with its operands; as opt_einsum's ``ContractExpression``.

    Parameters are the operands that are no constants; ``out`` takes the result, ``backend`` names a library
    that opt_einsum is to hand them to.
    """

    def __init__(
        self,
        contract: Callable[..., Any],
        given: Asked,
        shapes: tuple[tuple[int, ...], ...],
        path: Path,
        constants: dict[int, Any],
        use_blas: bool,
        memory_limit: Any,
        kwargs: dict[str, Any],
        *,
        ours: bool,
        cuts: str = "",
    ) -> None:
        self._contract = contract
        self._given = given
        self._shapes = shapes
        self._path = path
        self._constants = constants
        self._use_blas = use_blas
        self._memory_limit = memory_limit
        self._kwargs = kwargs
        self._ours = ours  # nobody asked for this path
        self._cuts = cuts  # labels that are taken one index at a time
        self._key = object()
        self._lock = threading.Lock()
        self._left: dict[DType, _Left] = {}
        self._whole = _Left(given.network, path, ())
        self._opt_einsums: Any = None
        self.num_args = len(shapes) - len(constants)

    def __call__(
        self, *arrays: Any, out: Any = None, backend: Any = "auto", evaluate_constants: bool = False
    ) -> Any:
        """Contract arrays of the shapes that the expression was made for."""
        for x in arrays:
            if type(x) is not ndarray:
                node = in_graph(arrays)
                if node is not None:
                    return self._in_graph(node, arrays, out, backend)
                break
        watched = WATCH.on and to_observe()
        if out is None and backend == "auto" and not watched and not evaluate_constants and not sharing():
            plans = current().plans
            attempt = plans.get(self._key)
            if attempt is not None and len(arrays) == self.num_args:
                result = attempt(*arrays)
                if result is not NotImplemented:
                    return result
            key = (
                self._key,
                tuple([x.shape if type(x) is ndarray else None for x in arrays]),
                tuple([x.dtype if type(x) is ndarray else None for x in arrays]),
                tuple([x.strides if type(x) is ndarray else None for x in arrays]),
            )
            run = plans.get(key)
            if run is not None:
                return run(*arrays)
        if watched and not evaluate_constants and len(arrays) == self.num_args:
            return self._observed(arrays, out, backend)
        if evaluate_constants or sharing() or backend not in OURS:
            return self._by_opt_einsum(arrays, out, backend, evaluate_constants)
        if len(arrays) != self.num_args:
            raise ValueError(
                f"This `ContractExpression` takes exactly {self.num_args} array arguments but received "
                f"{len(arrays)}."
            )
        try:
            return self._contracted(arrays, out, backend)
        except ValueError as error:
            raise type(error)(
                f"Internal error while evaluating `ContractExpression`: {error}. The number and rank of the "
                f"arrays must be those of the expression '{self.contraction}'."
            ) from error

    def _in_graph(self, node: Callable[..., Any], arrays: tuple[Any, ...], out: Any, backend: Any) -> Any:
        """The same as a call of contract, as a node of a compiler's graph."""
        named = {"optimize": self._path, "memory_limit": self._memory_limit, "backend": backend, "out": out}
        return node("contract", self._given.text, *self._all(arrays), **named, **self._kwargs)

    def _all(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        """The operands that are given, with the constants in their places."""
        if not self._constants:
            return arrays
        following, held = iter(arrays), self._constants
        return tuple([held[i] if i in held else next(following) for i in range(len(self._shapes))])

    def _observed(self, arrays: tuple[Any, ...], out: Any, backend: Any) -> Any:
        """The same as a call of contract, of which those who listen are told."""
        named = {"optimize": True if self._ours else self._path, "memory_limit": self._memory_limit}
        named |= {"backend": backend, **self._kwargs} | ({} if out is None else {"out": out})
        return observe(self._contract, (self._given.text, *self._all(arrays)), named)

    def _contracted(self, arrays: tuple[Any, ...], out: Any, backend: Any) -> Any:
        arrays = fixed(arrays)
        found = self.understood(arrays, out, backend)
        if isinstance(found, Fallback):
            return self._left_to_opt_einsum(found, arrays, out)
        call, places = found
        state = current()
        key = self._key_of(arrays) if out is None else None
        if key is None:
            return call.run(state, out, key)
        run = call.bound(state)
        if isinstance(run, Tuned):
            run.then = partial(self._keep, state, key, places)
        return self._keep(state, key, places, run)(*arrays)

    def _keep(self, state: State, key: Hashable, places: tuple[Any, ...], run: Runner) -> Runner:
        """Keep a bound plan for calls to come; the runner of it."""
        attempt = getattr(run, "attempt", None)
        if places:
            run = filled(run, places)
            attempt = None if attempt is None else filled(attempt, places)
        state.plans.put(key, run)
        if attempt is not None:  # found without a key of the operands: it looks at them itself
            state.plans.put(self._key, attempt)
        return run

    def understood(
        self, arrays: tuple[Any, ...], out: Any, backend: Any
    ) -> tuple[Call, tuple[Any, ...]] | Fallback:
        """What a call means, or that it is opt_einsum's own; constants are contracted now, unless they were.

        With the call come the operands that are left: what constants became, or None for one that is given.
        """
        left, operands = self._whole, self._all(arrays)
        taken = taken_in(operands)
        if isinstance(taken, Fallback):
            return taken
        check_backend(backend, taken)
        check_out_type(out, taken)
        dtype = computed(taken, self._kwargs)
        if isinstance(dtype, Fallback):
            return dtype
        if self._constants:
            with self._lock:
                found = self._left.get(dtype)
                if found is None:
                    found = self._left[dtype] = self._folded(dtype)
            left = found
            following = iter(arrays)
            operands = tuple([next(following) if x is None else x for x in left.places])
            taken = taken_in(operands)
            assert not isinstance(taken, Fallback)
        ndims, wanted = [len(shape) for shape in taken.shapes], [len(x) for x in left.network.inputs]
        if ndims != wanted:
            i = next(i for i, (n, m) in enumerate(zip(ndims, wanted, strict=True)) if n != m)
            raise ValueError(f"operand {i} has {ndims[i]} dimensions, expected {wanted[i]}")
        network = left.network
        sizes = check_sizes(network.inputs, taken.shapes, network.names)
        given = Asked(self._given.text, network, sizes, operands)
        plain = not any(kind.form.sparse or kind.form.rewrites or kind.form.tasks for kind in taken.kinds)
        path: Path | str = left.path if plain or not self._ours else AUTO
        cuts = "".join(c for c in self._cuts if c in sizes)
        call = call_of(given, taken, dtype, path, out, self._memory_limit, self._kwargs, cuts)
        return call, left.places

    def _key_of(self, arrays: tuple[Any, ...]) -> Any:
        """What the bound plan of these operands is kept under."""
        if all(type(x) is ndarray for x in arrays):
            return (
                self._key,
                tuple([x.shape for x in arrays]),
                tuple([x.dtype for x in arrays]),
                tuple([x.strides for x in arrays]),
            )
        return mixed_key((self._key,), arrays)

    def _folded(self, dtype: DType) -> _Left:
        """The network with its constants contracted in the dtype of the result."""
        network, path = self._given.network, self._path
        found: Folding = folding(network.inputs, network.output, path, self._constants)
        inputs = [network.inputs[i] for i in found.kept]
        places = [_array(self._constants[i]) if i in self._constants else None for i in found.kept]
        for one in found.folded:
            taken = taken_in([self._constants[i] for i in one.positions])
            assert not isinstance(taken, Fallback)
            own = Network(tuple(network.inputs[i] for i in one.positions), one.output, network.names)
            given = Asked(
                self._given.text, own, check_sizes(own.inputs, taken.shapes, own.names), taken.given
            )
            kwargs = {name: x for name, x in self._kwargs.items() if name != "order"}
            call = call_of(given, taken, dtype, one.path, None, self._memory_limit, kwargs)
            inputs.append(one.output)
            places.append(_array(call.run(current())))
        rest = found.path or (tuple(range(len(inputs))),)
        return _Left(Network(tuple(inputs), network.output, network.names), rest, tuple(places))

    def _left_to_opt_einsum(self, why: Fallback, arrays: tuple[Any, ...], out: Any) -> Any:
        if why.fallback:
            check_strict(current(), "contract", why.reason)
        tell_fallback(why.reason)
        return self._by_opt_einsum(arrays, out, "auto", False)

    def _by_opt_einsum(self, arrays: tuple[Any, ...], out: Any, backend: Any, evaluate: bool) -> Any:
        return self._own()(*arrays, out=out, backend=backend, evaluate_constants=evaluate)

    def _own(self) -> Any:
        """opt_einsum's own expression, made when it is first asked for something."""
        if self._opt_einsums is None:
            path: Any = True if self._ours and len(self._path) < 2 else [*self._path]
            shapes = [self._constants.get(i, shape) for i, shape in enumerate(self._shapes)]
            self._opt_einsums = own("contract_expression")(
                self._given.text,
                *shapes,
                constants=[*self._constants],
                use_blas=self._use_blas,
                optimize=path,
                memory_limit=self._memory_limit,
                **self._kwargs,
            )
        return self._opt_einsums

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_opt_einsums", "_given"):
            raise AttributeError(name)
        return getattr(self._own(), name)

    def __reduce__(self) -> Any:
        shapes = [self._constants.get(i, shape) for i, shape in enumerate(self._shapes)]
        path: Any = True if self._ours and len(self._path) < 2 else [*self._path]
        options = {"constants": [*self._constants], "optimize": path, "memory_limit": self._memory_limit}
        options["cuts"] = self._cuts
        return partial(_again, self._contract, options | self._kwargs), (self._given.text, *shapes)

    @property
    def open_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the arrays that it was made for."""
        return tuple(shape for i, shape in enumerate(self._shapes) if i not in self._constants)

    @property
    def contraction(self) -> str:
        """The subscripts, constants in brackets."""
        head, arrow, output = self._given.text.partition("->")
        terms = [f"[{t}]" if i in self._constants else t for i, t in enumerate(head.split(","))]
        return ",".join(terms).replace("],[", ",") + arrow + output

    def __repr__(self) -> str:
        constants = f", constants={sorted(self._constants)}" if self._constants else ""
        return f"<ContractExpression('{self.contraction}'{constants})>"

    def __str__(self) -> str:
        return str(self._own())


def _array(x: Any) -> Any:
    """A constant as bound plans take it: numbers, a sum of one operand too, and lists as arrays."""
    return np.asarray(x) if isinstance(x, (np.generic, bool, int, float, complex, list, tuple)) else x


def _again(contract: Callable[..., Any], options: dict[str, Any], *args: Any) -> Expression:
    """An expression out of a pickle."""
    use_blas, named = True, dict(options)
    optimize, limit, constants = named.pop("optimize"), named.pop("memory_limit"), named.pop("constants")
    cuts = named.pop("cuts")
    expression = expression_of(contract, args[0], args[1:], constants, use_blas, optimize, limit, named)
    expression._cuts = cuts
    return expression
