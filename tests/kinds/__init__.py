"""A folder a kind."""
