"""Tensors of classes that override ``__torch_function__``, and of symbolic sizes: torch.einsum's.

Such a class has a say of its own in each of torch's functions, so the whole contraction is handed to the one
that says most of it, with the operands as they came. Of tracers with sizes that are no numbers nothing can be
planned, and what is traced is to hold for other sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

import torch

from ..._base.cost import Cost
from ..._base.facts import DENSE, Contraction, DType, Operand, Prepared, Step
from ..._base.kinds import Bring, Form, Kind, Term, as_it_is, handed_on
from ..._base.routes import Offer, Refused, Route, Runner
from .dense import LIBRARY, Tensor

__all__ = ["NAME", "override_kind", "overrides", "symbolic"]

NAME = "torch_function"
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: What a class has that overrides nothing.
_DEFAULTS = (Tensor.__torch_function__.__func__, torch._C._disabled_torch_function_impl)


def overrides(cls: type) -> bool:
    """Whether a class of tensors has a ``__torch_function__`` of its own."""
    own = cls.__torch_function__  # type: ignore[attr-defined]
    return getattr(own, "__func__", own) not in _DEFAULTS


def symbolic(x: Tensor) -> bool:
    """Whether a size of a tensor is a symbol."""
    return not all(type(n) is int for n in x.shape)


def _facts(x: Tensor) -> Operand:
    return Operand(tuple(x.shape), LIBRARY.dtypes.of(x), (), NAME, device=x.device)


def _signature(x: Tensor) -> Hashable:
    return None  # what such a class does may depend on anything


def _prepare(
    labels: str, operand: Operand, contraction: Contraction, dtype: DType, *, repeated: str, cast: bool
) -> Prepared:
    return Prepared(None, (), None if operand.dtype == dtype else dtype, labels, operand)


def _bring(p: Prepared, _dtype: DType) -> Bring | None:
    cast = p.cast
    return None if cast is None else lambda x: LIBRARY.cast(x, cast)


def _result(
    terms: Sequence[Term], output: str, layout: str, sizes: Mapping[str, int], dtype: DType
) -> Operand:
    return Operand(tuple(sizes[c] for c in output), dtype, (), NAME)


def _verdict(step: Step) -> Offer | Refused:
    if not step.last:
        return Refused("a class that overrides __torch_function__ is given the whole contraction")
    letters = dict(zip(dict.fromkeys("".join(step.inputs)), _LETTERS, strict=False))
    if not set("".join(step.inputs)) <= letters.keys():
        return Refused("more labels than letters")
    inputs = ",".join("".join(letters[c] for c in labels) for labels in step.inputs)
    spelled = f"{inputs}->{''.join(letters[c] for c in step.output)}"
    # Sizes may be symbols, which are not to be looked at.
    return Offer(Cost(calls=LIBRARY.calls), step.output, spelled, f"torch.einsum({spelled!r})")


def _bind(step: Step, offer: Offer) -> Runner:
    subscripts: str = offer.recipe
    if step.dtype.kind not in "iu":
        return lambda *tensors, out=None: torch.einsum(subscripts, *tensors)
    # Its sums of integers have 64 bits, which it cannot multiply by others.
    wide = LIBRARY.dtypes.named("int64")

    def of_integers(*tensors: Tensor, out: Tensor | None = None) -> Tensor:
        made: Tensor = torch.einsum(subscripts, *(LIBRARY.cast(x, wide) for x in tensors))
        return LIBRARY.cast(made, step.dtype)

    return of_integers


def override_kind(joined: Callable[[Kind, Hashable], Kind | None], met: frozenset[str]) -> Kind:
    """The kind of such tensors.

    Parameters
    ----------
    joined : callable
        As what operands of NumPy's take part.
    met : frozenset of str
        torch's other forms.
    """
    form = Form(
        NAME,
        rank=6,
        routes=(Route("torch.function", _verdict, _bind),),
        holds=lambda _inputs, own, _output: any(own),
        prepare=_prepare,
        bring=_bring,
        result=_result,
        sliceable=False,
        sums_first=False,
        called="a tensor of a class of its own",
        meets=met | {DENSE},
        dtypes=LIBRARY.dtypes,
        eager=False,
    )
    return Kind(
        NAME,
        form,
        lambda cls: Tensor in cls.__mro__,
        _facts,
        _signature,
        precedence=6,
        adopt=as_it_is,
        make=handed_on,
        dispatched=False,
        library=LIBRARY.name,
        device=LIBRARY.device_of,
        joined=joined,
        solvers="_kinds.torch.solvers",
    )
