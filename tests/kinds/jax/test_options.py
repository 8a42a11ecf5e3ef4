"""Every option for JAX's arrays: its effect, or a refusal, as docs/options.md says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er
from tests.config.test_options import BASE
from tests.kinds import library_options
from tests.kinds.jax.helpers import jax, jnp
from tests.kinds.jax.sparse_helpers import BCOO, BCSR

#: Operands of shape (6, 6).
OPERANDS: dict[str, Any] = {
    "Array": lambda b: b,
    "BCOO": BCOO.fromdense,
    "BCSR": BCSR.fromdense,
    "one_hot": lambda b: er.one_hot(jnp.arange(6) * 2 % 6, 6, dtype=float),
    "rolled": lambda b: er.rolled(b[0], 6),
}


def written(x: Any) -> Any:
    for name in ("written", "todense"):
        x = getattr(x, name)() if hasattr(x, name) else x
    return np.asarray(x)


LIBRARY = library_options.Library(written, jax.Array, lambda x: None)


@pytest.mark.parametrize("operand", OPERANDS)
@pytest.mark.parametrize("option", library_options.TABLE)
def test_an_option_has_its_effect_or_is_refused(
    option: str, operand: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = library_options.TABLE[option]["JAX"]
    if option == "`on_densify`" and operand == "Array":
        cell = "-"  # nothing is made dense
    with jax.enable_x64(True):
        x = OPERANDS[operand](jnp.asarray(BASE))
        library_options.check(option, cell, x, LIBRARY, monkeypatch)


def test_the_table_is_whole() -> None:
    library_options.whole()
