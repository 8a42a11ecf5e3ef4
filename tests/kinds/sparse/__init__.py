"""Sparse operands."""
