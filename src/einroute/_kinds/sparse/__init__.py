"""Sparse operands of several libraries, and the form that they meet in."""
