"""What a call means: arguments as they were given to a contraction that can be planned."""
