"""The dashboard as people meet it: real benchmarks in a browser. See ``tox -e dashboard-test``."""
