"""Mirrors of SciPy's namespaces: `einroute.scipy.linalg`."""
