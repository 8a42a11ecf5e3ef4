"""One fuzz case: a call, and what is needed to judge it, to repeat it and to put its memory back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .arrays import Laid
from .meaning import Meaning


@dataclass(frozen=True, eq=False)
class Case:
    """A call of `function` with `bind(operands)` and `options`.

    `contracted` is how many products make up one element of the result: the K of the error bound.  Where
    operands are no arrays, `meaning` says what NumPy is asked instead.  `change` puts other numbers into the
    operands: nothing may be left of the old ones.
    """

    function: str
    operands: tuple[Any, ...]
    bind: Callable[[Sequence[Any]], tuple[Any, ...]]
    options: dict[str, Any]
    contracted: int = 1
    roots: tuple[np.ndarray, ...] = ()
    out: np.ndarray | None = None
    overlaps: bool = False
    raising: bool = False
    label: str = ""
    meaning: Meaning | None = None
    change: Callable[[], None] | None = None
    saved: list[bytes] = field(default_factory=list)
    saved_out: list[np.ndarray] = field(default_factory=list)

    def call(self, namespace: Any, **changes: Any) -> Any:
        """The call itself, on `namespace`'s function, with options changed."""
        target = namespace
        for name in self.function.split("."):
            target = getattr(target, name)
        return target(*self.bind(self.operands), **{**self.options, **changes})

    def save(self) -> None:
        """Remember every byte that the call could reach."""
        self.saved[:] = [root.tobytes() for root in self.roots]
        self.saved_out[:] = [_raw(self.out).copy()] if self.out is not None else []

    def restore(self) -> list[str]:
        """Put all memory back, and name what has changed since `save` besides ``out``."""
        if self.out is not None:
            _raw(self.out)[...] = self.saved_out[0]
        found = []
        for i, (root, before) in enumerate(zip(self.roots, self.saved, strict=True)):
            if root.tobytes() != before:
                found.append(f"memory outside out changed (root {i})")
                if not root.dtype.hasobject:
                    _raw(root)[...] = np.frombuffer(before, _raw(root).dtype).reshape(root.shape)
        return found

    def text(self) -> str:
        """The call and its operands, to reproduce it by."""
        names = [f"x{i}" for i in range(len(self.operands))]
        stand_ins = [_Name(name) for name in names]
        parts = [repr(a) for a in self.bind(stand_ins)]
        parts += [
            f"{k}={'out' if k == 'out' and self.out is not None else repr(v)}"
            for k, v in self.options.items()
        ]
        lines = [
            f"{self.function}({', '.join(parts)})"
            + ("  # under errstate(all='raise')" if self.raising else "")
        ]
        lines += [f"    {name}: {describe(o)}" for name, o in zip(names, self.operands, strict=True)]
        if self.out is not None:
            lines.append(
                f"    out: {describe(self.out)}" + (", in an operand's memory" if self.overlaps else "")
            )
        return "\n".join([*lines, f"    {self.label}"])


def meant(
    function: str,
    head: tuple[Any, ...],
    tail: tuple[Any, ...],
    meaning: Meaning,
    options: dict[str, Any],
    change: Callable[[], None] | None = None,
) -> Case:
    """The call of `function` with `head`, the operands, `tail` and `options`, for what it means."""
    case = Case(
        function,
        meaning.operands,
        lambda xs: (*head, *xs, *tail),
        options,
        roots=meaning.bases,
        out=options.get("out"),
        label=f"{meaning.inputs} -> {meaning.output}",
        meaning=meaning,
        change=change,
    )
    case.save()
    return case


class _Name:
    """Stands for an operand in the text of a call."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


def _raw(array: np.ndarray) -> np.ndarray:
    """`array` as bytes to be copied: a long double has padding, which a copy of its value may lose."""
    return array if array.dtype.hasobject else array.view(f"V{array.dtype.itemsize}")


def describe(operand: Any) -> str:
    """An operand's facts in a line."""
    if not isinstance(operand, np.ndarray):
        text = " ".join(repr(operand).split())
        whole = len(text) < 60 or hasattr(operand, "ndim")  # not a list, whose text is its elements
        return f"{type(operand).__name__} {text if whole else '...'}"
    flags = operand.flags
    notes = ("" if flags.aligned else " unaligned") + ("" if flags.writeable else " read-only")
    values = f" = {operand.tolist()}" if operand.size <= 6 else ""
    return f"{operand.dtype.str} {operand.shape} strides {operand.strides}{notes}{values}"


def laid_operands(laid: Sequence[Laid | Any]) -> tuple[tuple[Any, ...], tuple[np.ndarray, ...]]:
    """The operands themselves, and the distinct roots of those that have one."""
    roots: list[np.ndarray] = []
    for item in laid:
        if isinstance(item, Laid) and not any(item.root is r for r in roots):
            roots.append(item.root)
    return tuple(i.array if isinstance(i, Laid) else i for i in laid), tuple(roots)
