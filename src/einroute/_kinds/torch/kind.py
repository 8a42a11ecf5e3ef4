"""torch's tensors as kinds: dense ones, sparse ones, and those of classes with a say of their own."""

from __future__ import annotations

import importlib
from collections.abc import Hashable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from ..._base.kinds import Kind
from ..array_library import array_form, array_kind
from ..registry import load
from .dense import LIBRARY, Tensor
from .dtypes import mend
from .fake import apart, is_fake
from .graph import node
from .override import override_kind, overrides, symbolic
from .sparse_kind import joining, sparse_kind, sparse_signature, unfit_layout

FORM = array_form(LIBRARY, rank=4)
#: Kinds of structured operands that join.
_STRUCTURED = frozenset({"rolled", "one_hot", "difference"})
_STRIDED, _PARAMETER = torch.strided, torch.nn.Parameter


def _recognises(cls: type) -> bool:
    return Tensor in cls.__mro__


def _signature(x: Tensor) -> Hashable:
    """What a bound plan depends on; None of operands whose plan is not found again."""
    cls = type(x)
    if cls is not Tensor and cls is not _PARAMETER and (overrides(cls) or symbolic(x)):
        return None
    if x.layout is not _STRIDED:
        return sparse_signature(x)
    try:
        shape = x.shape
        hash(shape)
    except (TypeError, RuntimeError):  # of sizes that are symbols, and of nested tensors, which have none
        return None
    if cls is not Tensor and is_fake(x):  # those of two modes do not mix
        return shape, x.dtype, x.device, id(x.fake_mode)
    return shape, x.dtype, x.is_cpu or x.device


def _unfit(x: Tensor) -> str:
    """Why a tensor cannot take part in a contraction."""
    if x.device.type == "meta":
        return "is on device meta and has no elements; make one with torch.empty_like(x, device='cpu')"
    if LIBRARY.dtypes.of(x).kind == "V":
        return f"has dtype {x.dtype}, of which torch has no products; {mend(x)}"
    return "" if x.layout is _STRIDED else unfit_layout(x)


@lru_cache(maxsize=1)
def _mode() -> FakeTensorMode:
    """The mode that what stands in for tensors is of; others may be beside them."""
    return FakeTensorMode(allow_non_fake_inputs=True)


def _stand_in(x: Tensor) -> Tensor:
    """A fake tensor on the host for one on the meta device, which is refused where something is computed."""
    if x.device.type != "meta":
        return x
    with _mode():
        made: Tensor = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="cpu")
    return made


def _refine(x: Any) -> Kind:
    cls = type(x)
    if cls is not Tensor and cls is not _PARAMETER and (overrides(cls) or symbolic(x)):
        return OVERRIDE
    if x.is_nested:
        raise TypeError(
            "a nested tensor has no shape, and takes no part; pad it, with x.to_padded_tensor(0.0)"
        )
    return DENSE_KIND if x.layout is _STRIDED else SPARSE


def _joined(kind: Kind, device: Hashable) -> Kind | None:
    """Sparse and structured operands of NumPy's arrays join as tensors' kinds, loaded when first met."""
    if kind.form.sparse:
        return joining(kind, device)
    if kind.name not in _STRUCTURED:
        return None
    load("torch.structured_kinds")
    made: Kind = importlib.import_module(f"{__package__}.structured_kinds").joining(kind, device)
    return made


DENSE_KIND = replace(
    array_kind(
        LIBRARY, FORM, _recognises, _signature, unfit=_unfit, joined=_joined, solvers="_kinds.torch.solvers"
    ),
    structures="_kinds.torch.structured",
    stand_in=_stand_in,
    apart=apart,
    f_contiguous=lambda x: bool(x.permute(*reversed(range(x.ndim))).is_contiguous()),
)
assert DENSE_KIND.joined is not None
SPARSE = sparse_kind(_signature, _unfit, DENSE_KIND.joined)
OVERRIDE = override_kind(DENSE_KIND.joined, frozenset({FORM.name}))
#: What the registry knows every class of tensors by.
KIND = replace(DENSE_KIND, refine=_refine, refined=(OVERRIDE, SPARSE), node=node)
