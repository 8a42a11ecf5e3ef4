"""One module a kind of operand: how it is recognised, its facts, its routes."""
