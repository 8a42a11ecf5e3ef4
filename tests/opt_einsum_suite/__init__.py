"""opt_einsum's own tests, with our functions in the place of its own."""
