"""Real programs that use NumPy through other libraries, run with and without einroute in NumPy's place.

They need libraries that einroute does not: ``tox -e clients`` installs them.
"""
