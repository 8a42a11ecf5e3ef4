"""Random einsum calls."""

from __future__ import annotations

import re
import string
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrays import DTYPES, Laid, draw_dtype, draw_mode, draw_operand, draw_out, draw_values, lay_out, pick
from .case import Case, laid_operands

LETTERS = string.ascii_uppercase + string.ascii_lowercase
ELLIPSIS = "..."
Term = list[str]
CASTINGS = ("no", "equiv", "safe", "same_kind", "unsafe")


@dataclass(frozen=True)
class Expression:
    """Terms of labels (one of which may be an ellipsis), the output's or None, and the size of each label."""

    terms: list[Term]
    output: Term | None
    sizes: dict[str, int]
    ellipsis: tuple[int, ...]

    @property
    def fragile(self) -> bool:
        """Whether NumPy's einsum may write outside its output.

        Where the output of two or more operands is empty, NumPy 2.4's unbuffered loop may still add a 0 to
        what lies where its first element would be (``einsum("ij,jk->ki", zeros((0, 2)), zeros((1, 2)))``
        under valgrind). malloc's smallest block has room for it, unless it is a complex long double: that
        ruins the heap, and is not drawn.
        """
        return len(self.terms) > 1 and 0 in (*self.sizes.values(), *self.ellipsis)

    def sound(self, dtype: np.dtype) -> np.dtype:
        """`dtype`, or complex128 where NumPy's einsum could not be asked with it."""
        return np.dtype(complex) if self.fragile and dtype.char == "G" else dtype

    def space(self) -> int:
        """How many products the whole expression has."""
        return int(np.prod([*self.sizes.values(), *self.ellipsis, 1], dtype=object))


def _sizes(rng: np.random.Generator, terms: list[Term], budget: float) -> dict[str, int]:
    """A size for each label, the product of all and the size of each term (``iiii``) within `budget`."""
    labels = list(dict.fromkeys(label for t in terms for label in t))
    top = max(2.0, 3 * budget ** (1 / max(len(labels), 1)))
    sizes = {label: int(np.exp(rng.uniform(np.log(2), np.log(top + 1)))) for label in labels}
    for label in labels:
        if rng.random() < 0.08:
            sizes[label] = 1
        elif rng.random() < 0.01:
            sizes[label] = 0
    while any(np.prod([sizes[label] for label in t], dtype=object) > budget for t in (labels, *terms)):
        longest = max(sizes, key=sizes.__getitem__)
        sizes[longest] = max(1, sizes[longest] * 2 // 3)
    return sizes


def _shuffled(rng: np.random.Generator, labels: Sequence[str]) -> Term:
    return [labels[int(i)] for i in rng.permutation(len(labels))]


def _product_like(rng: np.random.Generator) -> tuple[list[Term], Term]:
    """Two operands in the form of a batched matrix product, any of its four groups of labels empty or not."""
    names = iter(_shuffled(rng, LETTERS))
    batch, left, right, contracted = (
        [next(names) for _ in range(pick(rng, (0, 1, 2), p))]
        for p in ([0.5, 0.4, 0.1], [0.15, 0.65, 0.2], [0.25, 0.6, 0.15], [0.15, 0.65, 0.2])
    )
    shuffle = rng.random() < 0.6
    terms = [batch + left + contracted, batch + contracted + right]
    output = batch + left + right
    if shuffle:
        terms, output = [_shuffled(rng, t) for t in terms], _shuffled(rng, output)
    return terms, output


def _chain_like(rng: np.random.Generator) -> tuple[list[Term], Term]:
    """Matrices multiplied in a row, with now and then a vector or a common label."""
    n = int(rng.integers(2, 6))
    names = _shuffled(rng, LETTERS)
    terms = [[names[i], names[i + 1]] for i in range(n)]
    output = [names[0], names[n]] if rng.random() < 0.7 else []
    if rng.random() < 0.3:
        for term in terms:
            if rng.random() < 0.7:
                term.insert(0, names[-1])
        if any(names[-1] in t for t in terms):
            output = [names[-1], *output]
    return terms, output


def draw_expression(rng: np.random.Generator, budget: float) -> Expression:
    """A random expression whose products number at most `budget`."""
    form = rng.random()
    output: Term | None
    if form < 0.25:
        terms, output = _product_like(rng)
    elif form < 0.32:
        terms, output = _chain_like(rng)
    else:
        n = pick(rng, (1, 2, 3, 4, 5), [0.25, 0.4, 0.2, 0.1, 0.05])
        pool = _shuffled(rng, LETTERS)[: int(rng.integers(1, 7))]
        terms = [
            [pick(rng, pool) for _ in range(pick(rng, (0, 1, 2, 3, 4), [0.08, 0.27, 0.35, 0.2, 0.1]))]
            for _ in range(n)
        ]
        if rng.random() < 0.7:  # a label twice in one term is the rarer case
            terms = [list(dict.fromkeys(t)) for t in terms]
        used = list(dict.fromkeys(label for t in terms for label in t))
        output = None
        if rng.random() < 0.7:
            kept = _shuffled(rng, [label for label in used if rng.random() < 0.5])
            output = kept if rng.random() < 0.8 else [label for label in used if label in kept]
    labels = list(dict.fromkeys(label for t in terms for label in t))
    sizes = _sizes(rng, terms, budget)
    if labels and rng.random() < 0.1:  # all alike, so that operands can be one object
        side = min(sizes.values())
        sizes = dict.fromkeys(labels, side)
    ellipsis: tuple[int, ...] = ()
    if rng.random() < 0.2:
        room = budget / max(1, int(np.prod(list(sizes.values()), dtype=object)))
        ellipsis = tuple(int(s) for s in rng.integers(1, 5, int(rng.integers(0, 3))))
        if np.prod(ellipsis, dtype=object) > room:
            ellipsis = (1,) * len(ellipsis)
        chosen = [t for t in terms if rng.random() < 0.7]
        for term in chosen:
            term.insert(pick(rng, (0, len(term), int(rng.integers(0, len(term) + 1)))), ELLIPSIS)
        if output is not None and rng.random() < (0.93 if chosen else 0.2):
            output.insert(pick(rng, (0, len(output))), ELLIPSIS)
        if not chosen:
            ellipsis = ()
    return Expression(terms, output, sizes, ellipsis)


def _shape(rng: np.random.Generator, expression: Expression, term: Term) -> tuple[int, ...]:
    """The shape of one operand: some dimensions 1, to be broadcast, and some ellipses shorter than others."""
    ones = {label for label in term if rng.random() < 0.05}
    shape: list[int] = []
    for label in term:
        if label == ELLIPSIS:
            dims = expression.ellipsis[
                int(rng.integers(0, len(expression.ellipsis) + 1)) if rng.random() < 0.3 else 0 :
            ]
            shape += [1 if rng.random() < 0.15 else s for s in dims]
        else:
            shape.append(1 if label in ones and rng.random() < 0.97 else expression.sizes[label])
    if shape and rng.random() < 0.004:  # a size that fits nothing
        shape[int(rng.integers(0, len(shape)))] += 1
    return tuple(shape)


def _operands(rng: np.random.Generator, expression: Expression) -> list[Any]:
    n = len(expression.terms)
    mode, common = draw_mode(rng), draw_dtype(rng)
    if rng.random() < 0.01:
        common = np.dtype(object)
    mixed = rng.random() < 0.3
    laid: list[Any] = []
    for term in expression.terms:
        shape = _shape(rng, expression, term)
        dtype = expression.sound(draw_dtype(rng) if mixed and rng.random() < 0.7 else common)
        alike = [o for o in laid if isinstance(o, Laid) and o.array.shape == shape]
        turned = [o for o in laid if isinstance(o, Laid) and o.array.shape == shape[::-1]]
        if alike and rng.random() < 0.4:
            laid.append(pick(rng, alike))
        elif turned and rng.random() < 0.2:
            other = pick(rng, turned)
            laid.append(Laid(other.array.T, other.root))
        elif rng.random() < 0.03 or (not shape and rng.random() < 0.4):
            values = draw_values(rng, shape, dtype.newbyteorder("="), mode, n)
            if not shape and rng.random() < 0.5:
                laid.append(values[()])  # a NumPy scalar
            elif values.size and values.size < 10_000:
                laid.append(values.tolist())  # a Python scalar or nested lists
            else:
                laid.append(lay_out(rng, values, "C"))
        else:
            laid.append(draw_operand(rng, shape, dtype, mode, n))
    return laid


def _options(rng: np.random.Generator, n: int) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if rng.random() < 0.08:
        options["dtype"] = pick(rng, (np.dtype(pick(rng, DTYPES)), "f8", np.float64, complex, "f4", None))
    if rng.random() < (0.4 if "dtype" in options else 0.05):
        options["casting"] = pick(rng, CASTINGS)
    if rng.random() < 0.15:
        options["order"] = pick(rng, "KCFA")
    if rng.random() < 0.3:
        options["optimize"] = _optimize(rng, n)
    return options


def _optimize(rng: np.random.Generator, n: int) -> Any:
    form = rng.random()
    if form < 0.6:
        return pick(rng, (False, True, True, "greedy", "optimal", None))
    if form < 0.75:
        return (pick(rng, ("greedy", "optimal")), pick(rng, (0, 1, 10, 1000, 10**9, 1e6)))
    if form < 0.97:
        path: list[Any] = ["einsum_path"]
        left = n
        while left > 1:
            take = 2 if rng.random() < 0.8 else int(rng.integers(1, left + 1))
            path.append(tuple(int(i) for i in rng.permutation(left)[:take]))
            left -= take - 1
            if take == 1 and rng.random() < 0.5:
                break  # a path that may not reduce to one operand
        if n == 1 or rng.random() < 0.03:
            path.append((0,))
        return path
    return pick(rng, ((), 0, 1, [(0, 1)], "nonsense", ("greedy",), ["einsum_path"], ("greedy", "10"), 2.0))


def _call_form(rng: np.random.Generator, expression: Expression) -> tuple[Any, bool]:
    """The function from operands to positional arguments, and whether its string was tampered with."""
    if rng.random() < 0.2:

        def numbered(term: Term) -> list[Any]:
            return [Ellipsis if label == ELLIPSIS else LETTERS.index(label) for label in term]

        lists = [numbered(t) for t in expression.terms]
        tail = [] if expression.output is None else [numbered(expression.output)]
        return (lambda xs: (*(v for x, t in zip(xs, lists, strict=True) for v in (x, t)), *tail)), False
    text = ",".join("".join(t) for t in expression.terms)
    if expression.output is not None:
        text += "->" + "".join(expression.output)
    if rng.random() < 0.1:
        tokens = re.findall(r"\.\.\.|->|.", text)
        text = "".join(token + " " * int(rng.random() < 0.2) for token in tokens)
    tampered = rng.random() < 0.02
    if tampered:
        at = int(rng.integers(0, len(text) + 1))
        text = (
            text[:at]
            + pick(rng, ["", "i", "Z", ",", "->", ".", "...", "1", "é", "-", ">"])
            + text[at + int(rng.random() < 0.5) :]
        )
    return (lambda xs: (text, *xs)), tampered


def draw_einsum(rng: np.random.Generator, large: bool) -> Case:
    """A random call of einsum: of at most 2e5 products, or of up to 1e6 where `large`."""
    low, high = (2e5, 1e6) if large else (1, 3000) if rng.random() < 0.45 else (3000, 2e5)
    budget = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    expression = draw_expression(rng, budget)
    laid = _operands(rng, expression)
    counted = len(laid) == 1 and rng.random() < 0.2  # booleans
    if counted:
        shape = np.shape(laid[0].array if isinstance(laid[0], Laid) else laid[0])
        laid = [draw_operand(rng, shape, np.dtype(bool), "small", 1)]
    operands, roots = laid_operands(laid)
    bind, tampered = _call_form(rng, expression)
    options = _options(rng, len(operands))
    if counted:
        options["dtype"] = pick(rng, (np.intp, "i4", "u8"))
    if options.get("dtype") is not None:
        options["dtype"] = expression.sound(np.dtype(options["dtype"]))
    case = Case("einsum", operands, bind, options, expression.space(), roots)
    out: Laid | None = None
    overlaps = False
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            like = (
                np.asarray(case.call(np, order="K")) if not tampered or rng.random() < 0.5 else np.zeros(())
            )
    except Exception:
        like = np.zeros(())
    contracted = (
        max(1, expression.space() // max(1, like.size)) if not tampered else max(1, expression.space())
    )
    # einsum obeys errstate nowhere; NumPy's does at other settings of optimize, where it calls matmul.
    raising = rng.random() < 0.05 and "optimize" not in options
    if rng.random() < 0.15:
        dtype = like.dtype if rng.random() < 0.75 else expression.sound(draw_dtype(rng))
        if rng.random() < 0.04:
            like = np.zeros((*like.shape, 2))
        out, overlaps = draw_out(rng, like, dtype, [o for o in laid if isinstance(o, Laid)])
        options["out"] = out.array
        if dtype != like.dtype and rng.random() < 0.6:
            options["casting"] = pick(rng, CASTINGS[2:])
        _, roots = laid_operands([*laid, out])
    elif rng.random() < 0.01:
        options["out"] = pick(rng, (None, [1.0], 3, "x"))
    return Case(
        "einsum", operands, bind, options, contracted, roots, out.array if out else None, overlaps, raising,
        f"K = {contracted}",
    )  # fmt: skip
