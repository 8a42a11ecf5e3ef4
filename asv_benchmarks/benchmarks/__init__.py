"""What every benchmark shares: the `Case`, and how each implementation writes the call for it.

A case is text wherever it can be (how the operands are viewed, what an expert would write by hand),
for three reasons: the table in `cases` stays one line a case, reports can print the code they timed,
and timing runs that very code with no wrapper whose 50 ns would matter at 3 x 3.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

IMPLEMENTATIONS = ("einroute", "numpy", "numpy_optimize", "opt_einsum", "by_hand")
NAMES = "abcdefgh"
# np.einsum without a path visits the product of all label sizes, at roughly this cost each.
SECONDS_PER_VISIT = 1e-9
SUITE_VISITS = 10**8  # beyond which the asv suite leaves np.einsum's default out
# By real dtype: how far two right answers may be apart, relative to the largest entry. All values are
# positive, so nothing cancels.
TOLERANCE = {np.dtype("f2"): 2e-2, np.dtype("f4"): 1e-3, np.dtype("f8"): 1e-9}


@dataclass(frozen=True)
class Case:
    """One call to time, independent of who executes it.

    Parameters
    ----------
    group, name : str
        Together they identify the case.
    subscripts : str
        For einsum; other functions leave it empty.
    shapes : tuple of tuple of int
        Shapes of the C-ordered base arrays, named a, b, c, ... in the expressions below.
    dtype : str or tuple of str
        One for all base arrays, or one each.
    order : {'K', 'C', 'F'}
        The memory order asked of the result; whoever does not deliver it gets a copy added.
    operands : str
        Expression giving the operands from the base arrays, as in ``"a.T, b[::2]"``; empty means as they are.
    by_hand : tuple of str
        What experts write with NumPy for the same work, in terms of the *operands* a, b, c, ...
    function, arguments : str
        A function of NumPy other than einsum, and the text of its arguments after the operands.
    sublists, out : bool
        Pass subscripts as lists of integers; pass a preallocated ``out=``.
    keywords : str
        Further keywords, given to all but `by_hand`.
    asv : bool
        Part of the asv suite, which has to stay quick; `ratios` runs every case.
    """

    group: str
    name: str
    subscripts: str
    shapes: tuple[tuple[int, ...], ...]
    dtype: str | tuple[str, ...] = "f8"
    order: str = "K"
    operands: str = ""
    by_hand: tuple[str, ...] = ()
    function: str = "einsum"
    arguments: str = ""
    sublists: bool = False
    out: bool = False
    keywords: str = ""
    asv: bool = False

    @property
    def label(self) -> str:
        return f"{self.group}: {self.name}" + (f" order={self.order}" if self.order != "K" else "")

    def build(self) -> tuple[Any, ...]:
        """The operands, the same at every call; equal base arrays are one object."""
        rng = np.random.default_rng(20)
        dtypes = (self.dtype,) * len(self.shapes) if isinstance(self.dtype, str) else self.dtype
        bases = {
            name: random_array(rng, shape, np.dtype(dtype))
            for name, shape, dtype in zip(NAMES, self.shapes, dtypes, strict=False)
        }
        if not self.operands:
            return tuple(bases.values())
        scope = {"np": np, "sliding_window_view": sliding_window_view, **bases}
        return tuple(eval(f"({self.operands},)", scope))

    def visits(self, operands: tuple[Any, ...]) -> int:
        """How often the innermost statement of the plain loop runs: the product of all label sizes."""
        shapes = [np.shape(x) for x in operands]
        if self.function == "einsum":
            sizes: dict[str, int] = {}
            for term, shape in zip(self.subscripts.split("->")[0].split(","), shapes, strict=True):
                head, dots, tail = term.strip().partition("...")
                if dots:
                    middle = shape[len(head) : len(shape) - len(tail)]
                    sizes |= {f".{k}": max(n, sizes.get(f".{k}", 1)) for k, n in enumerate(reversed(middle))}
                    shape = shape[: len(head)] + shape[len(shape) - len(tail) :]
                for label, n in zip(head + tail, shape, strict=True):
                    sizes[label] = max(n, sizes.get(label, 1))
            return math.prod(sizes.values())
        # each label of a product is in two of a, b and the result (a batch label is in three: an overestimate)
        total = math.prod(math.prod(shape) for shape in shapes)
        result = np.shape(statement(self, "numpy", operands).run()) if total < 10**13 else ()
        return math.isqrt(total * max(1, math.prod(result)))

    def flops(self, operands: tuple[Any, ...]) -> int:
        """Multiplications and additions of the plain loop."""
        return max(1, len(operands)) * self.visits(operands)


@dataclass(frozen=True)
class Statement:
    """Code ready to be timed, with the names it uses."""

    code: str
    scope: dict[str, Any]

    def run(self) -> Any:
        return eval(self.code, dict(self.scope))

    def compiled(self) -> Callable[[], Any]:
        function: Callable[[], Any] = eval(f"lambda: {self.code}", dict(self.scope))
        return function


def random_array(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Positive values of any numeric dtype; integers up to 9, so that sums of products stay exact in float64."""
    if dtype.kind == "b":
        return rng.random(shape) < 0.3
    if dtype.kind in "iu":
        return rng.integers(0, 10, shape).astype(dtype)
    values = rng.random(shape)
    return (values + 1j * rng.random(shape) if dtype.kind == "c" else values).astype(dtype)


class Suite:
    """Base of the asv classes which time cases; each of them adds a ``time_`` method that calls `call`.

    Implementations are the last parameter, so that their lines stand side by side. The call adds two
    Python frames (about 0.1 us) to every one of them alike; `ratios.py` times without.
    """

    table: dict[str, Case]
    param_names = ["case", "implementation"]

    def setup(self, label: str, implementation: str) -> None:
        case = self.table[label]
        operands = case.build()
        if implementation == "numpy" and case.function == "einsum" and case.visits(operands) > SUITE_VISITS:
            raise NotImplementedError("numpy's default einsum would take too long")
        self.call = statement(case, implementation, operands).compiled()
        self.call()  # planning is timed in `planning`


def load(peer: str) -> ModuleType:
    """Import a peer; asv takes NotImplementedError in `setup` as "not applicable".

    einroute itself is imported plainly: without it a run has to fail, not to skip everything.
    """
    try:
        return importlib.import_module(peer)
    except ModuleNotFoundError as error:
        if error.name != peer:
            raise
        raise NotImplementedError(f"{peer} is not installed") from error


def statement(
    case: Case, implementation: str, operands: tuple[Any, ...], *, own: str = "einroute", variant: int = 0
) -> Statement:
    """The call of `case` as `implementation` would have it written.

    Parameters
    ----------
    own : str
        The module to call for 'einroute'; another name tests the harness itself.
    variant : int
        Which of `case.by_hand`.

    Raises
    ------
    NotImplementedError
        Where the implementation is missing or has no such function.
    """
    scope: dict[str, Any] = {"np": np, **dict(zip(NAMES, operands, strict=False))}
    if case.out:
        scope["out"] = np.empty_like(np.einsum(case.subscripts, *operands, optimize=True), order="C", subok=False)
    if implementation == "by_hand":
        if variant >= len(case.by_hand):
            raise NotImplementedError("no hand-written form")
        hand = case.by_hand[variant]
        if hand.startswith("np.copyto("):
            # returns None; `or` costs 10 ns and makes it an expression with the right value
            return Statement(f"{hand} or out", scope)
        return Statement(_ordered(hand, case.order), scope)

    keywords = [case.keywords] if case.keywords else []
    keywords += ["out=out"] if case.out else []
    wants_order = case.order != "K"
    if wants_order and implementation != "opt_einsum":
        keywords.append(f"order={case.order!r}")
    if implementation == "opt_einsum":
        if case.function != "einsum" or "dtype" in case.keywords:
            raise NotImplementedError("opt_einsum has no such function")
        scope["contract"] = load("opt_einsum").contract
        name = "contract"
    elif implementation == "numpy_optimize":
        if case.function != "einsum":
            raise NotImplementedError("only einsum has optimize=")
        name = "einsum"
        keywords += ["optimize=True"] * ("optimize" not in case.keywords)
    elif implementation == "numpy" and "optimize" in case.keywords:
        raise NotImplementedError("numpy's default einsum does not take this form")
    else:
        name = case.function
    if name != "contract":
        scope[name] = getattr(importlib.import_module(own) if implementation == "einroute" else np, name)
    code = f"{name}({', '.join([_positional(case, len(operands)), *keywords])})"
    return Statement(_ordered(code, case.order) if name == "contract" else code, scope)


def _positional(case: Case, count: int) -> str:
    names = list(NAMES[:count])
    if case.function != "einsum":
        return ", ".join([*names, case.arguments] if case.arguments else names)
    if not case.sublists:
        return ", ".join([repr(case.subscripts), *names])
    terms, _, result = case.subscripts.partition("->")
    lists = [str([ord(label) - ord("a") for label in term]) for term in terms.split(",")]
    pairs = [f"{name}, {labels}" for name, labels in zip(names, lists, strict=True)]
    return ", ".join([*pairs, str([ord(label) - ord("a") for label in result])])


def _ordered(code: str, order: str) -> str:
    return code if order == "K" else f"np.asarray({code}, order={order!r})"


def disagreement(case: Case, got: Any, expected: Any) -> str:
    """Why `got` is not the same answer as `expected`; empty if it is."""
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape:
        return f"shape {got.shape}, expected {expected.shape}"
    if got.dtype != expected.dtype:
        return f"dtype {got.dtype}, expected {expected.dtype}"
    if case.order != "K" and not got.flags[f"{case.order}_CONTIGUOUS"]:
        return f"not in {case.order} order"
    if got.size == 0:
        return ""
    if got.dtype.kind in "biu":
        return "" if np.array_equal(got, expected) else "integers differ"
    scale = float(np.abs(expected).max()) or 1.0
    # float16 would overflow in the difference, and long sums of float32 differ by how they are blocked
    wide = np.result_type(got.dtype, np.float64)
    error = float(np.abs(got.astype(wide) - expected.astype(wide)).max()) / scale
    dtypes = [got.dtype, *map(np.dtype, [case.dtype] if isinstance(case.dtype, str) else case.dtype)]
    # float32 operands beside a float64 scalar may be summed in either
    limit = max(TOLERANCE[np.zeros((), d).real.dtype] for d in dtypes if d.kind in "fc")
    return "" if error <= limit else f"relative error {error:.1e}"
