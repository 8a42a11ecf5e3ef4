"""How contractions are planned."""
