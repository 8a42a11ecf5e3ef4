"""The options, and the state that depends on them."""
