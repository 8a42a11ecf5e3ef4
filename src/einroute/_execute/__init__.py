"""A plan and the operands to the result."""
