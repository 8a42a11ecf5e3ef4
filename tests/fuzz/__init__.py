"""Differential fuzz of einroute against NumPy.

Each case is drawn from its seed and number alone, so that any one of them can be run again:
``python -m tests.fuzz --kind K --seed S --only I``.

- `arrays`: values and memory layouts.
- `dense` (with `expressions`, `products`), `sparse`, `structured`: where cases come from.
- `case`: one call, with what is needed to repeat it and to put its memory back.
- `meaning`: what a call of operands that are no arrays means, as an einsum of arrays.
- `expected`: what NumPy answers, and the long double reference.
- `judge`: whether a result agrees.
- `source`, `runner`: what a sort of cases is, and the loop over them, through the chosen route and through
  every forced one, with the table of coverage.
"""
