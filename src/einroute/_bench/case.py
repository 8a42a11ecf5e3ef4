"""A case of the einsum family: one call, and how each implementation writes it."""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .statement import ALLOWED_SECONDS, NAMES, Statement, load, member

Operands = tuple[Any, ...]

#: What np.einsum without a path costs for each combination of label values it visits, in seconds, roughly.
SECONDS_PER_VISIT = 1e-9
#: By real dtype: how far two right answers may be apart, relative to the largest entry. All values are
#: positive, so nothing cancels.
TOLERANCE = {np.dtype("f2"): 2e-2, np.dtype("f4"): 1e-3, np.dtype("f8"): 1e-9}


@dataclass(frozen=True, slots=True)
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
        Part of the asv suite, which has to stay quick.
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
        """The case's name in tables, reports and asv."""
        return f"{self.group}: {self.name}" + (f" order={self.order}" if self.order != "K" else "")

    @property
    def implementations(self) -> tuple[str, ...]:
        """Who could execute it; what the libraries refuse is found on trying."""
        others = ("opt_einsum", "by_hand", "torch", "jax")
        if self.function != "einsum":
            return ("einroute", "numpy", "by_hand")
        return ("einroute", "numpy", "numpy_optimize", *others)

    @property
    def prepared(self) -> tuple[str, ...]:
        """Nobody does anything beforehand."""
        return ()

    @property
    def allowed(self) -> float:
        """How many seconds einroute may be behind the best."""
        return ALLOWED_SECONDS

    def build(self) -> Operands:
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

    def too_slow(self, implementation: str, operands: Operands, seconds: float) -> bool:
        """Whether one call would take longer: np.einsum without a path, where it has many labels."""
        plain = implementation == "numpy" and self.function == "einsum"
        return plain and self.visits(operands) * SECONDS_PER_VISIT > seconds

    def visits(self, operands: Operands) -> int:
        """How often the innermost statement of einsum's plain loop runs: the product of all label sizes."""
        sizes: dict[str, int] = {}
        for term, operand in zip(self.subscripts.split("->")[0].split(","), operands, strict=True):
            shape = np.shape(operand)
            head, dots, tail = term.strip().partition("...")
            if dots:
                middle = shape[len(head) : len(shape) - len(tail)]
                sizes |= {f".{k}": max(n, sizes.get(f".{k}", 1)) for k, n in enumerate(reversed(middle))}
                shape = shape[: len(head)] + shape[len(shape) - len(tail) :]
            for label, n in zip(head + tail, shape, strict=True):
                sizes[label] = max(n, sizes.get(label, 1))
        return math.prod(sizes.values())

    def statement(self, implementation: str, operands: Operands, variant: int = 0) -> Statement:
        """The call as `implementation` would have it written.

        Parameters
        ----------
        implementation : str
        operands : tuple
            Of `build`.
        variant : int
            Which of `by_hand`.

        Raises
        ------
        NotImplementedError
            Where the implementation is missing or has no such function.
        """
        if implementation not in self.implementations or (variant and implementation != "by_hand"):
            raise NotImplementedError(f"{implementation} has no {self.function}")
        scope: dict[str, Any] = {"np": np, **dict(zip(NAMES, operands, strict=False))}
        if self.out:
            result = np.einsum(self.subscripts, *operands, optimize=True)
            scope["out"] = np.empty_like(result, order="C", subok=False)
        if implementation == "by_hand":
            return self._by_hand(scope, variant)
        if implementation in LIBRARIES:
            return self._elsewhere(implementation, operands, scope)
        keywords = self._keywords()
        keywords += [f"order={self.order!r}"] if self.order != "K" else []
        if implementation == "numpy_optimize":
            keywords += ["optimize=True"] * ("optimize" not in self.keywords)
        elif implementation == "numpy" and "optimize" in self.keywords:
            raise NotImplementedError("numpy's default einsum does not take this form")
        module = importlib.import_module("einroute") if implementation == "einroute" else np
        scope[self.function] = member(module, self.function)
        return Statement(self._call(self.function, len(operands), keywords), scope)

    def disagreement(self, got: Any, expected: Any) -> str:
        """Why `got` is not the same answer as `expected`; empty if it is."""
        got, expected = np.asarray(got), np.asarray(expected)
        if got.shape != expected.shape:
            return f"shape {got.shape}, expected {expected.shape}"
        if got.dtype != expected.dtype:
            return f"dtype {got.dtype}, expected {expected.dtype}"
        if self.order != "K" and not got.flags[f"{self.order}_CONTIGUOUS"]:
            return f"not in {self.order} order"
        given = (self.dtype,) if isinstance(self.dtype, str) else self.dtype
        # float32 operands beside a float64 scalar may be summed in either
        return difference(got, expected, tolerance(got.dtype, *map(np.dtype, given)))

    def _by_hand(self, scope: dict[str, Any], variant: int) -> Statement:
        if variant >= len(self.by_hand):
            raise NotImplementedError("no hand-written form")
        hand = self.by_hand[variant]
        if hand.startswith("np.copyto("):
            # returns None; `or` costs 10 ns and makes it an expression with the right value
            return Statement(f"{hand} or out", scope)
        return Statement(self._ordered(hand), scope)

    def _elsewhere(self, library: str, operands: Operands, scope: dict[str, Any]) -> Statement:
        """The call by a library that has an einsum of its own, without ``order=``."""
        if "dtype" in self.keywords or (library != "opt_einsum" and (self.keywords or self.out)):
            raise NotImplementedError(f"{library}'s einsum takes no such keywords")
        contract, theirs, after = LIBRARIES[library](operands)
        scope |= {"contract": contract, **dict(zip(NAMES, theirs, strict=False))}
        code = self._call("contract", len(operands), self._keywords())
        return Statement(self._ordered(code + after), scope)

    def _keywords(self) -> list[str]:
        return list(filter(None, (self.keywords, "out=out" if self.out else "")))

    def _call(self, name: str, count: int, keywords: list[str]) -> str:
        return f"{name}({', '.join([self._positional(count), *keywords])})"

    def _positional(self, count: int) -> str:
        names = list(NAMES[:count])
        if self.function != "einsum":
            return ", ".join([*names, self.arguments] if self.arguments else names)
        if not self.sublists:
            return ", ".join([repr(self.subscripts), *names])
        terms, _, result = self.subscripts.partition("->")
        lists = [str([ord(label) - ord("a") for label in term]) for term in terms.split(",")]
        pairs = [f"{name}, {labels}" for name, labels in zip(names, lists, strict=True)]
        return ", ".join([*pairs, str([ord(label) - ord("a") for label in result])])

    def _ordered(self, code: str) -> str:
        return code if self.order == "K" else f"np.asarray({code}, order={self.order!r})"


def random_array(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Positive values of any numeric dtype; integers up to 9, so that float64 holds sums of products."""
    if dtype.kind == "b":
        return rng.random(shape) < 0.3
    if dtype.kind in "iu":
        return rng.integers(0, 10, shape).astype(dtype)
    values = rng.random(shape)
    return (values + 1j * rng.random(shape) if dtype.kind == "c" else values).astype(dtype)


def tolerance(*dtypes: np.dtype[Any]) -> float:
    """How far right answers may be apart, relative to the largest entry; 0 for integers."""
    return max((TOLERANCE[np.zeros((), d).real.dtype] for d in dtypes if d.kind in "fc"), default=0.0)


def difference(got: Any, expected: Any, limit: float) -> str:
    """How far two arrays of one shape are apart, in words where that is beyond `limit`; else empty."""
    if got.size == 0:
        return ""
    if got.dtype.kind in "biu":
        return "" if np.array_equal(got, expected) else "integers differ"
    scale = float(np.abs(expected).max()) or 1.0
    # float16 would overflow in the difference
    wide = np.result_type(got.dtype, np.float64)
    error = float(np.abs(got.astype(wide) - expected.astype(wide)).max()) / scale
    return "" if error <= limit else f"relative error {error:.1e}"


def _opt_einsum(operands: Operands) -> tuple[Any, Operands, str]:
    return load("opt_einsum").contract, operands, ""


def _torch(operands: Operands) -> tuple[Any, Operands, str]:
    torch = load("torch")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a view cannot be written to
            tensors = tuple(torch.from_numpy(np.asarray(x)) for x in operands)
    except (TypeError, ValueError) as error:  # negative strides, unknown dtypes
        raise NotImplementedError(f"torch does not take such an array: {error}") from error
    return torch.einsum, tensors, ".numpy()"


def _jax(operands: Operands) -> tuple[Any, Operands, str]:
    jax = load("jax")
    jax.config.update("jax_enable_x64", True)
    return jax.numpy.einsum, tuple(jax.numpy.asarray(x) for x in operands), ".block_until_ready()"


#: Libraries with an einsum: from operands to their function, their operands, and what makes the result ready.
LIBRARIES: dict[str, Callable[[Operands], tuple[Any, Operands, str]]] = {
    "opt_einsum": _opt_einsum,
    "torch": _torch,
    "jax": _jax,
}
