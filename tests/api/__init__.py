"""The public functions against NumPy's and SciPy's."""
