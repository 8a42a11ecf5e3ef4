"""The regret benchmark: calls drawn at random, each by the route that is chosen and by every other way.

``python -m einroute bench --regret`` runs it. `draw` makes the calls, `by_hand` what a user would write for
them with NumPy and SciPy; `measure` finds einroute's own other ways and holds all against each other.
"""
