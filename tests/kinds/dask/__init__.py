"""Tests of dask operands."""
