"""Operands with structure: small immutable objects that hold references to arrays, never copies."""
