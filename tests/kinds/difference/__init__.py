"""Pairwise differences."""
