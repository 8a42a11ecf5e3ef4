"""NumPy's own tests, as they ship in its wheel, run with our functions in the place of NumPy's.

``python -m tests.numpy_suite`` runs them; further arguments go to pytest (``-k``, ``-x``, ...).
"""
