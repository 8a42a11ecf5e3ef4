"""Inner loops, and the form in which sparse operands reach them."""
