"""Structured operands of a library's arrays as a form and as kinds."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from ..._base.facts import Contraction, DType, Operand, Prepared
from ..._base.kinds import Bring, Form, Kind, handed_on
from .form import bring_dense
from .library import ArrayLibrary
from .operands import ArrayOperand, alike

__all__ = ["Structures", "bring_structured", "preparing"]


def preparing(form: str) -> Callable[..., Prepared]:
    """What prepares operands of a form, which come as they are or written out."""

    def prepare(
        labels: str, operand: Operand, contraction: Contraction, dtype: DType, *, repeated: str, cast: bool
    ) -> Prepared:
        """An operand as it is; written out, if a label repeats or an axis is broadcast."""
        unique = "".join(dict.fromkeys(labels))
        shape = tuple(operand.shape[labels.index(c)] for c in unique)
        squeeze = tuple(i for i, c in enumerate(unique) if shape[i] != contraction.sizes[c])
        kept = "".join(c for i, c in enumerate(unique) if i not in squeeze)
        regular = kept == labels
        facts = Operand(
            tuple(contraction.sizes[c] for c in kept),
            dtype,
            (),
            form,
            structure=operand.structure if regular else ("written",),
            alias=operand.alias if regular else None,
            device=operand.device,
        )
        diagonal = None if unique == labels else f"{labels}->{unique}"
        return Prepared(diagonal, squeeze, None if operand.dtype == dtype else dtype, kept, facts)

    return prepare


def bring_structured(library: ArrayLibrary) -> Callable[[Prepared, DType], Bring | None]:
    """What brings an operand: as it is, or written out; routes cast what they take of it."""

    def bring(p: Prepared, _dtype: DType) -> Bring | None:
        if p.diagonal is None and not p.squeeze:
            return None
        dense = bring_dense(library, p)
        assert dense is not None
        return lambda x: dense(x.written() if isinstance(x, ArrayOperand) else x)

    return bring


@dataclass(frozen=True, slots=True)
class Structures:
    """The structured operands of a library, and the forms that they have.

    Attributes
    ----------
    library : ArrayLibrary
    base : type
        Of their classes.
    one_hot, rolled, difference : type
    form : Form
        Of rolled operands and differences.
    one_hot_form : Form
    """

    library: ArrayLibrary
    base: type
    one_hot: Any
    rolled: Any
    difference: Any
    form: Form
    one_hot_form: Form

    def kinds(self, dense: Kind) -> tuple[Kind, Kind]:
        """The kind of rolled operands and differences, and that of one-hot ones.

        Parameters
        ----------
        dense : Kind
            Of the library's arrays.
        """
        base = self.base
        kind = Kind(
            self.form.name,
            self.form,
            lambda cls: issubclass(cls, base),
            self._facts,
            lambda x: x.signature(),
            precedence=3,
            make=handed_on,
            alike=alike,
            references=lambda x: x.arrays,
            dispatched=False,
            library=self.library.name,
            device=lambda x: x.device,
            apart=dense.apart,
            joined=dense.joined,
            solvers=dense.solvers,
            scalar=dense.scalar,
        )
        return kind, replace(kind, name=self.one_hot_form.name, form=self.one_hot_form, alike=None)

    def joining(self, kind: Kind, device: Hashable) -> Kind:
        """The kind as which structured operands of NumPy's arrays take part: of arrays, on the device."""

        def facts(x: Any) -> Operand:
            dtype = x.dtype
            if kind.name == "one_hot":
                return Operand(x.shape, dtype, (), self.one_hot_form.name, x.labels.size, device=device)
            told = x.y is x.x if kind.name == "difference" else None
            structure = ("rolled", x.k, x.axis, x.shift) if told is None else ("pairwise_difference", told)
            return Operand(x.shape, dtype, (), self.form.name, structure=structure, device=device)

        form = self.one_hot_form if kind.name == "one_hot" else self.form
        return replace(
            kind, form=form, facts=facts, adopt=lambda x: self._of_numpys(x, device), make=handed_on
        )

    def _of_numpys(self, x: Any, device: Any) -> Any:
        library, name = self.library, type(x).kind
        if name == "rolled":
            return self.rolled(library.from_numpy(x.base, device), x.k, x.axis, x.shift)
        dtype = library.native(library.dtypes.of(x))
        if name == "one_hot":
            return self.one_hot(library.from_numpy(x.labels, device), x.depth, dtype)
        first = library.from_numpy(x.x, device)
        return self.difference(first, None if x.y is x.x else library.from_numpy(x.y, device), dtype)

    def _facts(self, x: ArrayOperand) -> Operand:
        dtype = self.library.dtypes.of(x)
        if isinstance(x, self.one_hot):
            count = prod(x.shape[:-1])
            return Operand(x.shape, dtype, (), self.one_hot_form.name, count, device=x.device)
        return Operand(x.shape, dtype, (), self.form.name, structure=x.structure(), device=x.device)
