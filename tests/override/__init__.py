"""einroute in NumPy's place."""
