"""Differential fuzz of einroute against NumPy.

Each case is drawn from ``default_rng([seed, index])`` alone, so that any one of them can be run again
by its number: ``python -m tests.fuzz --seed S --only I``.

- `arrays`: values and memory layouts.
- `expressions`, `products`: the cases: einsum's, and those of tensordot, dot, matmul and their relatives.
- `case`: one call, with what is needed to repeat it and to put its memory back.
- `judge`: what NumPy answers, the long double reference, and whether a result agrees.
- `runner`: the loop, through the chosen route and through every forced one, and the table of coverage.
"""
