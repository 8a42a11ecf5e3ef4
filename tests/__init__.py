"""einroute's tests: tables against NumPy, a differential fuzz (``python -m tests.fuzz``), laws."""
