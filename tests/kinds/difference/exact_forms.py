"""Squared and linear forms of differences, exact enough to judge by, and the bound that they are held to."""

from __future__ import annotations

from typing import Any

import numpy as np

import einroute as er
from tests.helpers import forcing

WIDE = np.longdouble
#: Routes for squared and for linear forms of floats, of which each is asked; blocks take everything.
SQUARED = (
    "difference.compiled",
    "difference.product",
    "difference.expansion",
    "difference.tiles",
    "difference.blocks",
)
LINEAR = ("difference.linear", "difference.blocks")


def differences(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``x_i - y_j``, rounded as NumPy rounds it, in extended precision from then on."""
    with np.errstate(all="ignore"):
        return np.subtract(x[:, None], y[None]).astype(WIDE)


def squared(x: np.ndarray, y: np.ndarray, m: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The form, and ``sum_kl |d_k| |M_kl| |d_l|``."""
    d = differences(x, y)
    if m is None or m.ndim == 1:
        w = np.ones(x.shape[1], WIDE) if m is None else m.astype(WIDE)
        return (d * w * d).sum(axis=-1), (np.abs(d) * np.abs(w) * np.abs(d)).sum(axis=-1)
    wide = m.astype(WIDE)
    flat = d.reshape(-1, d.shape[-1])
    q = ((flat @ wide) * flat).sum(axis=-1)
    size = ((np.abs(flat) @ np.abs(wide)) * np.abs(flat)).sum(axis=-1)
    return q.reshape(d.shape[:2]), size.reshape(d.shape[:2])


def linear(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The form, and ``sum_k |d_k| |w_k|``."""
    d = differences(x, y)
    return (d * w.astype(WIDE)).sum(axis=-1), (np.abs(d) * np.abs(w.astype(WIDE))).sum(axis=-1)


def assert_within(
    got: np.ndarray, right: np.ndarray, size: np.ndarray, times: float = 64, metric: np.ndarray | None = None
) -> None:
    """Each entry is within ``times * eps * size``, or a few of the smallest numbers off.

    So many times the entries of a metric: NumPy's einsum multiplies the differences first, which may round to
    a smallest number before an entry multiplies that.
    """
    info = np.finfo(got.dtype)
    few = WIDE(64 * max(1, got.ndim)) + (0 if metric is None else np.abs(metric).sum(dtype=WIDE))
    allowed = times * WIDE(info.eps) * size + few * WIDE(info.smallest_subnormal)
    off = np.abs(got.astype(WIDE) - right)
    worst = np.unravel_index(np.argmax(off - allowed), off.shape)
    assert (off <= allowed).all(), (
        f"{got[worst]!r} at {worst}, off by "
        f"{float(off[worst] / (info.eps * size[worst])):.3g} eps of the size"
    )


def form_of(d: Any, m: np.ndarray | None, **options: Any) -> np.ndarray:
    """The squared form by einroute."""
    if m is None:
        return er.einsum("ijk,ijk->ij", d, d, **options)
    if m.ndim == 1:
        return er.einsum("ijk,k,ijk->ij", d, m, d, **options)
    return er.einsum("ijk,kl,ijl->ij", d, m, d, **options)


def through(route: str, call: Any) -> Any:
    """What ``call()`` gives through a route; None where that refuses or declines."""
    try:
        with forcing(route) as ran:
            got = call()
    except er.NoRoute:
        return None
    return got if route in ran else None
