"""The entries of sparse operands in one form, and the checks of their index arrays."""
