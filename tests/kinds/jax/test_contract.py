"""`contract` and its expressions with arrays of JAX."""

from __future__ import annotations

from tests.kinds import library_contract
from tests.kinds.jax.helpers import as_numpy, jnp

F = jnp.arange(9.0).reshape(3, 3)


def test_out_is_refused_before_any_work() -> None:
    library_contract.check_out(F)


def test_numpys_constants_join() -> None:
    library_contract.check_constants(F, as_numpy)


def test_options_of_opt_einsums() -> None:
    library_contract.check_options(F, "jax", as_numpy)
