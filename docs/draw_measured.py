"""Writes the README's picture, the tables it links to and the home page's figures, of docs/results."""

from einroute_docs import committed

if __name__ == "__main__":
    committed.write()
