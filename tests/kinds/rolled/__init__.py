"""Rolled operands."""
