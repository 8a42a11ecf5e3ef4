"""The public functions: signatures, docstrings, and the way into a call."""
