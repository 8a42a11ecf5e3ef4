"""How plans are run."""
