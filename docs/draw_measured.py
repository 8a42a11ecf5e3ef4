"""Writes what the README and the pages show of docs/results: pictures, tables, the home page's figures."""

from einroute_docs import committed

if __name__ == "__main__":
    committed.write()
