"""lstsq, solve, inv and pinv of tensors, with NumPy's signatures and results.

On the host, where no gradient is asked for and nothing is traced, einroute's own functions answer, which keep
factors of matrices that come again; elsewhere torch's own, through which gradients flow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import torch

from ..._base.cost import Cost
from ..._base.linalg import misfit
from ..._base.solvers import Solving, Told
from ..meeting import met
from ..registry import kind_of, other_kind
from .dense import LIBRARY, Tensor, at_hand
from .override import NAME as OVERRIDING

__all__ = [
    "MENDS",
    "explain_inv",
    "explain_lstsq",
    "explain_pinv",
    "explain_solve",
    "inv",
    "lstsq",
    "pinv",
    "solve",
]

#: What to do instead of what is refused.
MENDS: Mapping[str, str] = MappingProxyType(
    {
        "factorize": "lstsq and linalg.solve of dense tensors on the host remember factors, and "
        "torch.linalg.lu_factor gives some on the device; for einroute's, make an array of NumPy's of it, "
        "with x.numpy(force=True)"
    }
)


def lstsq(given: Solving, a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, Any, Any]:
    """`einroute.lstsq` of tensors.

    Where values are not at hand, ``residuals`` are those of every column whatever the rank, since their shape
    cannot depend on it.
    """
    a, b = _tensors(given, a, b)
    rcond = rcond.item() if isinstance(rcond, torch.Tensor) else rcond
    if _remembered(a, b):
        x, residuals, rank, s = given.on_arrays(_array(a), _array(b), rcond)
        return _back(x), _back(residuals), torch.tensor(int(rank)), _back(s)
    eps = torch.finfo(a.dtype).eps
    if rcond is None:
        cutoff = eps * max(a.shape)
    else:  # what is not between 0 and 1 LAPACK reads as its own epsilon, half of NumPy's
        cutoff = float(rcond) if 0 < rcond < 1 else eps / 2
    columns = b if b.ndim == 2 else b[:, None]
    here = at_hand(a) and at_hand(columns)
    if here:
        found = torch.linalg.lstsq(a, columns, rcond=cutoff, driver="gelsd")
        x, rank, s = found.solution, found.rank, found.singular_values
    else:
        u, s, vh = torch.linalg.svd(a, full_matrices=False)
        kept = s > cutoff * s.max() if s.numel() else s > 0
        inverse = torch.where(kept, 1 / torch.where(kept, s, 1), 0)
        x, rank = vh.mH @ (inverse[:, None] * (u.mH @ columns)), kept.sum()
    m, n = a.shape
    residuals = (columns - a @ x).abs().square().sum(0)
    if m <= n or (here and int(rank) < n):
        residuals = residuals[:0]
    return x if b.ndim == 2 else x[:, 0], residuals, rank, s


def solve(given: Solving, a: Any, b: Any) -> Any:
    """`einroute.linalg.solve` of tensors: ``b`` is a vector if and only if it has one dimension."""
    a, b = _tensors(given, a, b)
    if _remembered(a, b):
        return _back(given.on_arrays(_array(a), _array(b)))
    if b.ndim == 1:
        return _checked(given.function, lambda: torch.linalg.solve(a, b[:, None]))[..., 0]
    stacked = b.reshape((1,) * (a.ndim - b.ndim) + tuple(b.shape))
    return _checked(given.function, lambda: torch.linalg.solve(a, stacked))


def inv(given: Solving, a: Any) -> Any:
    """`einroute.linalg.inv` of a tensor."""
    (a,) = _tensors(given, a)
    if _remembered(a):
        return _back(given.on_arrays(_array(a)))
    return _checked(given.function, lambda: torch.linalg.inv(a))


def pinv(
    given: Solving, a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue
) -> Any:
    """`einroute.linalg.pinv` of a tensor."""
    (a,) = _tensors(given, a)
    named = {} if rtol is np._NoValue else {"rtol": rtol}
    if _remembered(a):
        return _back(given.on_arrays(_array(a), rcond, hermitian, **named))
    if rcond is None:
        rcond = 1e-15 if rtol is np._NoValue else rtol
    if rcond is None:
        rcond = max(a.shape[-2:]) * torch.finfo(a.dtype).eps
    return torch.linalg.pinv(a, rtol=rcond, hermitian=hermitian)


def _tensors(given: Solving, *operands: Any) -> tuple[Any, ...]:
    """Tensors of one floating dtype, on one device.

    Raises
    ------
    TypeError
        Operands that do not mix, a dtype that LAPACK does not take.
    ValueError, numpy.linalg.LinAlgError
        Shapes that do not fit, as numpy.linalg's.
    """
    for x in operands:
        kind = other_kind(x)
        if kind is not None and kind.library == "":
            raise TypeError(
                f"{given.function} takes no {type(x).__name__} beside tensors; convert it to an array"
            )
    taken = [x if getattr(kind_of(x), "library", "") else np.asanyarray(x) for x in operands]
    known = [kind_of(x) for x in taken]
    kinds = met(taken, [kind for kind in known if kind is not None])
    dtype = LIBRARY.dtypes.promote(operands)
    if dtype.kind in "biu":
        dtype = LIBRARY.dtypes.named(torch.get_default_dtype())
    shapes = [SimpleNamespace(shape=tuple(x.shape), ndim=len(x.shape), dtype=dtype) for x in taken]
    wrong = misfit(given.function, *shapes)
    if wrong is not None:
        error, message = wrong
        raise error(f"{given.function}: {message}")
    for kind in kinds:
        if kind.form.name not in (LIBRARY.name, OVERRIDING):
            raise TypeError(
                f"{given.function} takes no operand of kind {kind.name} beside tensors; write it out"
            )
    made = [LIBRARY.cast(kind.adopt(x), dtype) for kind, x in zip(kinds, taken, strict=True)]
    return tuple(made)


def _remembered(*tensors: Any) -> bool:
    """Whether einroute's functions of arrays answer: no gradient is asked for, and values are at hand."""
    grad = torch.is_grad_enabled() and any(x.requires_grad for x in tensors)
    return not grad and all(at_hand(x) and type(x) in (Tensor, torch.nn.Parameter) for x in tensors)


def _array(x: Any) -> np.ndarray[Any, Any]:
    """The elements of a tensor on the host, which are shared."""
    array: np.ndarray[Any, Any] = x.detach().resolve_conj().resolve_neg().numpy()
    return array


def _back(x: Any) -> Any:
    return torch.from_numpy(x if type(x) is np.ndarray and x.flags.writeable else np.array(x))


def _checked(function: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except torch.linalg.LinAlgError as error:
        raise np.linalg.LinAlgError(
            f"{function}: a is singular to working precision; lstsq and pinv give the answer of least norm"
        ) from error


def _told(given: Solving, *operands: Any) -> Told:
    tensors = [x for x in operands if isinstance(x, torch.Tensor)]
    if _remembered(*tensors):
        return Told(
            f"einroute.{given.function}", "not asked", "by kept factors, of the tensors' own memory", Cost()
        )
    return Told(f"torch.linalg.{given.function}", "no cache", "torch's own, with its gradient", Cost())


def explain_lstsq(given: Solving, a: Any, b: Any, rcond: Any = None) -> Told:
    """What `lstsq` would do."""
    return _told(given, a, b)


def explain_solve(given: Solving, a: Any, b: Any) -> Told:
    """What `solve` would do."""
    return _told(given, a, b)


def explain_inv(given: Solving, a: Any) -> Told:
    """What `inv` would do."""
    return _told(given, a)


def explain_pinv(
    given: Solving, a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue
) -> Told:
    """What `pinv` would do."""
    return _told(given, a)
