"""Calls with NumPy's arrays, scalars and lists."""

from __future__ import annotations

import numpy as np

from einroute._kinds.registry import form_of

from .case import Case
from .expressions import draw_einsum
from .products import draw_product
from .source import Source


def draw(seed: int, index: int) -> Case:
    """Case `index` of the sequence that `seed` starts."""
    rng = np.random.default_rng([seed, index])
    large = rng.random() < 0.05
    case = draw_einsum(rng, large) if rng.random() < 0.75 else draw_product(rng, large)
    case.save()
    return case


def source() -> Source:
    """Dense cases, through every dense route but that of networks, which has tests of its own."""
    routes = tuple(route.name for route in form_of("dense").routes if not route.network)
    return Source("dense", draw, routes)
