"""Calls with sparse operands: understood, planned, and found again by what their operands are.

The front end comes here when an operand is neither an array nor what NumPy makes one of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._call import (
    _CASTINGS,
    _KEYWORDS,
    _LETTERS,
    _NOMINAL,
    KINDS,
    Array,
    _check_casts,
    _check_out,
    _given_path,
    _order,
    _way,
    ndarray,
)
from ._config import State
from ._densify import densified, speak
from ._errors import BadPath, cast_refused, unknown_keyword
from ._execute_sparse import bind_sparse_plan, bind_steps
from ._found_again import Front
from ._kernels.sound import BROKEN, unusable
from ._key import Key
from ._kinds.dense import facts as dense_facts
from ._parse import check_sizes, check_tensordot_shapes, parse_axes, parse_sublists, parse_subscripts
from ._plan import result_dtype
from ._plan_sparse import largest_dense, make_sparse_plan
from ._planned import Chain, Limits, Plan
from ._problem import Contraction, DType, Operand, Options
from ._route import REGISTRY, Kind, NoRoute, Policy, Runner, kind_of

#: Kinds of sparse operands: those of libraries, and ours.
_SPARSE = frozenset({"scipy_sparse", "pydata_sparse", "entries"})
#: Types that are surely not sparse: asked first, since calls with lists and scalars come this way too.
_NEVER = frozenset({ndarray, str, list, tuple, int, float, complex, bool, np.float64, type(...), type(None)})
#: The adapters of the libraries' own classes, since looking along the bases takes a microsecond. There are a
#: few dozen of them, so that nothing is ever dropped, and what a class maps to never changes.
_KINDS_KNOWN: dict[type, Any] = {}
#: Multiply-adds, about, that a repetition which multiplies no absent element may take.
_REPEAT_LIMIT = 10**9
_HALF, _SINGLE = np.dtype(np.float16), np.dtype(np.float32)


def sparse_kind(x: object) -> Any:
    """The adapter of a sparse operand's library; None for any other operand."""
    cls = type(x)
    if cls in _NEVER:
        return None
    kind = _KINDS_KNOWN.get(cls)
    if kind is not None:
        return kind
    kind = kind_of(x)
    if kind is None or kind.NAME not in _SPARSE:
        return None
    if cls.__module__.partition(".")[0] in REGISTRY:  # not a caller's class, which may be one of very many
        _KINDS_KNOWN[cls] = kind
    return kind


def shape_alone(x: Any) -> Array:
    """An array of an operand's shape and dtype that takes no memory, for functions that read no elements."""
    return np.broadcast_to(np.zeros((), x.dtype), x.shape)


@dataclass(frozen=True, slots=True)
class SparseCall:
    """A call with sparse operands that has been understood.

    Attributes
    ----------
    contraction : Contraction
    operands : tuple
        Sparse ones as they came, the others as arrays.
    kinds : tuple
        The adapter of each sparse operand's library; None for a dense one.
    dtype : dtype
        Of the result.
    sparse : bool or None
        Whether the result is sparse; None leaves that to the rule of kinds and labels.
    """

    contraction: Contraction
    operands: tuple[Any, ...]
    kinds: tuple[Kind | None, ...]
    dtype: DType
    order: str = "C"
    path: Any = "auto"
    options: Options = field(default_factory=Options)
    sparse: bool | None = None

    @property
    def computed_in(self) -> DType:
        """The dtype of the products: halves are multiplied and added in single precision."""
        return _SINGLE if self.dtype == _HALF else self.dtype

    def facts(self) -> tuple[Operand, ...]:
        """Facts of every operand."""
        return tuple(
            dense_facts(x) if kind is None else kind.facts(x)
            for x, kind in zip(self.operands, self.kinds, strict=True)
        )

    def plan(self, state: State, *, strict: bool = False) -> Plan:
        """The plan of this call."""
        config = state.config
        threads = _NOMINAL if config.reproducible else config.threads
        limits = Limits(threads, config.threads, None, self.path)
        policy = state.policy
        if config.reproducible:  # whether a kernel is compiled depends on earlier calls
            policy = Policy(policy.forced, policy.forbidden | {"sparse.tiles"})
        return make_sparse_plan(
            self.contraction,
            self.facts(),
            self.computed_in,
            self.order,
            policy,
            limits,
            strict=strict,
            sparse=self.sparse,
        )

    def bound(self, state: State) -> Runner:
        """The bound plan, without looking it up."""
        plan = self.plan(state)
        self._check_kind(plan)
        run = bind_sparse_plan(
            plan, self.kinds, self.dtype, self.options, self._strictly(plan, state), state.on_run
        )
        message = self.densifies(plan)
        if not message:
            return run
        on_densify = state.config.on_densify

        def spoken(*operands: Any, out: Array | None = None) -> Any:
            speak(message, on_densify)
            return run(*operands, out=out)

        return spoken

    def _strictly(self, plan: Plan, state: State) -> Callable[[], Runner] | None:
        """What binds a plan in which no absent element is multiplied, and dense operands not by each other.

        None where `plan` does neither, or that would take too long.
        """
        assert isinstance(plan.node, Chain)
        if len(plan.node.steps) < 2:
            return None
        try:
            again = self.plan(state, strict=True)
        except NoRoute:
            return None
        assert isinstance(again.node, Chain)
        if sum(s.decision.offer.cost.flops for s in again.node.steps) >= _REPEAT_LIMIT:
            return None
        return lambda: bind_steps(again, state.on_run)

    def densifies(self, plan: Plan) -> str:
        """What is to be said of a large dense array that is made of sparse operands; mostly nothing."""
        given = sum(op.nbytes for op in self.facts())
        made = largest_dense(plan)
        what = "an intermediate"
        if not plan.sparse and not self.options.out:
            size = self.dtype.itemsize
            for c in self.contraction.output:
                size *= self.contraction.sizes[c]
            if size >= made:
                made, what = size, "the result"
        if not densified(made, given):
            return ""
        return (
            f"{what} is dense and takes {made / 2**20:.0f} MiB, for operands of {given / 2**20:.3g} MiB, "
            f"some of them sparse; keep labels of the sparse operands in the output to get a sparse result, "
            f"contract in another order, or allow it with config(on_densify='allow')"
        )

    def _check_kind(self, plan: Plan) -> None:
        if not plan.sparse:
            return
        if self.options.out:
            raise TypeError("out is an ndarray, but the result is sparse; call without out")
        names = {kind.NAME: kind for kind in self.kinds if kind is not None}
        kind: Any = names.get("pydata_sparse") or names["scipy_sparse"]
        if self.contraction.output and not kind.holds(self.dtype):
            raise TypeError(
                f"the result is a scipy.sparse array, which cannot be of dtype {self.dtype}; "
                f"pass dtype='float32'"
            )


def any_sparse(operands: tuple[Any, ...]) -> bool:
    """Whether some operand is sparse."""
    for x in operands:  # noqa: SIM110 - a generator would take longer than the test of a type
        if type(x) not in _NEVER and sparse_kind(x) is not None:
            return True
    return False


def call_key(head: Key, operands: tuple[Any, ...]) -> Key | None:
    """What a call with sparse operands is found by; None if it is not found again.

    Entries count by powers of two: a plan is good for all operands that hold about as many.
    """
    facts: list[Any] = list(head)
    for x in operands:
        if type(x) is ndarray:
            facts += (x.shape, x.dtype, x.strides)
        else:
            kind = sparse_kind(x)
            if kind is None:
                return None
            try:
                facts.append(kind.signature(x))
            except BROKEN:
                return None  # it is found out what is wrong where the call is understood
    return tuple(facts)


def understand_sparse_einsum(
    operands: tuple[Any, ...], out: Any = None, optimize: Any = False, **kwargs: Any
) -> SparseCall:
    """What an einsum call with sparse operands means.

    Raises
    ------
    ValueError, TypeError, IndexError
        The call is malformed.
    """
    lenient = optimize is not False
    for name in kwargs:
        if name not in _KEYWORDS:
            raise TypeError(unknown_keyword("einsum", name, ("out", *_KEYWORDS, "optimize")))
    way, _ = _way(optimize)
    if isinstance(operands[0], str):
        subscripts, values = operands[0], operands[1:]
    else:
        subscripts, values = parse_sublists(operands, lenient=lenient)
    taken, kinds = taken_in(values)
    shapes = tuple(tuple(x.shape) for x in taken)
    inputs, output = parse_subscripts(subscripts, tuple(len(s) for s in shapes), lenient=lenient)
    sizes = check_sizes(inputs, shapes)
    if len(sizes) > _LETTERS:
        raise ValueError(f"{len(sizes)} labels and ellipsis dimensions are more than the {_LETTERS} letters")
    try:
        path = way if isinstance(way, str) else _given_path(way, len(taken))
    except BadPath as error:
        raise error.numpys(str(error)) from None
    if out is not None and type(out) is not ndarray:
        raise TypeError(f"out is of type {type(out).__name__}, expected an ndarray where operands are sparse")
    dtype = _dtype(taken, kwargs, None if out is None else out.dtype)
    order = _order(kwargs.get("order", "K"))
    if order == "A":
        arrays = [x for x in taken if type(x) is ndarray]
        order = "F" if arrays and all(x.flags.f_contiguous for x in arrays) else "C"
    if out is not None:
        _check_out(out, tuple(sizes[c] for c in output))
        _check_casts(out.dtype, dtype, kwargs.get("casting", "safe"))
        order = "F" if out.flags.f_contiguous and not out.flags.c_contiguous else "C"
    return SparseCall(
        Contraction(inputs, output, sizes),
        taken,
        kinds,
        dtype,
        order,
        path,
        Options(scalar=True, out=out is not None),
    )


def understand_sparse_tensordot(a: Any, b: Any, axes: Any = 2) -> SparseCall:
    """What a tensordot call with sparse operands means.

    Raises
    ------
    ValueError, TypeError, IndexError
        The call is malformed.
    """
    (a, b), kinds = taken_in((a, b))
    shape_a, shape_b = tuple(a.shape), tuple(b.shape)
    axes_a, axes_b = parse_axes(axes, len(shape_a), len(shape_b))
    check_tensordot_shapes(shape_a, shape_b, axes_a, axes_b)
    labels_a = numbered(len(shape_a))
    of_b = {axis: labels_a[i] for i, axis in zip(axes_a, axes_b, strict=True)}
    own_b = numbered(len(shape_b), len(shape_a))
    labels_b = "".join(of_b.get(i, c) for i, c in enumerate(own_b))
    output = "".join(c for c in labels_a + labels_b if c not in of_b.values())
    return pair_call((a, b), kinds, (labels_a, labels_b), output, scalar=False)


def pair_call(
    operands: tuple[Any, ...],
    kinds: tuple[Any, ...],
    inputs: tuple[str, str],
    output: str,
    *,
    scalar: bool = True,
    out: bool = False,
) -> SparseCall:
    """A product of two operands whose sizes are known to agree.

    Raises
    ------
    ValueError
        More labels than there are letters.
    """
    sizes = check_sizes(inputs, tuple(tuple(x.shape) for x in operands))
    if len(sizes) > _LETTERS:
        raise ValueError(f"the operands have together {len(sizes)} dimensions, expected at most {_LETTERS}")
    options = Options(quiet=False, scalar=scalar, out=out)
    return SparseCall(
        Contraction(inputs, output, sizes), operands, kinds, _dtype(operands, {}), "C", "auto", options
    )


def numbered(count: int, first: int = 0) -> str:
    """So many labels of their own, from some number on."""
    return "".join(chr(0x100 + first + i) for i in range(count))


def taken_in(values: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Sparse operands as they came and the others as arrays, and the adapter of each.

    Raises
    ------
    TypeError
        An operand of a type that cannot be mixed with sparse ones.
    """
    taken, kinds = [], []
    for i, x in enumerate(values):
        kind: Any = None if type(x) is ndarray else kind_of(x)
        if kind is None and type(x) is not ndarray:
            raise TypeError(
                f"operand {i} is of type {type(x).__name__}, which cannot be mixed with sparse operands; "
                f"convert it with numpy.asarray"
            )
        sparse = kind is not None and kind.NAME != "dense"
        if sparse:
            try:
                kind.facts(x)
            except BROKEN as error:
                raise unusable(f"operand {i}", x, kind, error) from error
        taken.append(x if sparse or type(x) is ndarray else np.asarray(x))
        kinds.append(kind if sparse else None)
        dtype = np.dtype(taken[-1].dtype)
        if dtype.kind not in KINDS:
            raise TypeError(
                f"operand {i} has dtype {dtype}, expected bools, integers, floats or complex numbers where "
                f"operands are sparse; convert it with astype"
            )
    return tuple(taken), tuple(kinds)


def _dtype(operands: tuple[Any, ...], kwargs: dict[str, Any], out: DType | None = None) -> DType:
    """The dtype of the result, which products are computed in."""
    casting = kwargs.get("casting", "safe")
    if casting not in _CASTINGS:
        raise ValueError(f"casting is {casting!r}, expected one of {', '.join(map(repr, _CASTINGS))}")
    wanted = kwargs.get("dtype")
    dtypes: list[DType] = [np.dtype(x.dtype) for x in operands]
    dtype: DType
    if wanted is not None:
        dtype = np.dtype(wanted).newbyteorder("=")
        if dtype.kind not in KINDS:
            raise TypeError(f"dtype is {dtype}, expected one of bools, integers, floats or complex numbers")
    else:
        dtype = result_dtype([*dtypes, *([] if out is None else [out])])
    for i, own in enumerate(dtypes):
        if not np.can_cast(own, dtype, casting=casting):
            raise TypeError(cast_refused(i, own, dtype, casting))
    return dtype


#: einsum and tensordot calls of which an operand is sparse.
SPARSE = Front("sparse", call_key, understand_sparse_einsum, understand_sparse_tensordot)
