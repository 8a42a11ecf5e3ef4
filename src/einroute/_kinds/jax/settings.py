"""JAX's settings that what a call means depends on."""

from __future__ import annotations

from collections.abc import Hashable

import jax

__all__ = ["settings"]

_config = jax.config


def settings() -> Hashable:
    """Those under which dtypes promote."""
    return _config.jax_enable_x64, _config.jax_numpy_dtype_promotion
