"""JAX's arrays, dense and sparse: kinds and forms; each bound plan is one compiled program."""
