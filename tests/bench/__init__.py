"""The benchmarks' table and command."""
