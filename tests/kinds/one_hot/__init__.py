"""One-hot operands."""
