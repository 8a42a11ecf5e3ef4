"""Writes the picture and the tables that the README shows and links to, of docs/results/bench.json."""

from __future__ import annotations

from einroute_docs import committed, ratios, results

if __name__ == "__main__":
    for path, text in committed.files(ratios.read(results.FOLDER / "bench.json")).items():
        path.write_text(text, encoding="utf-8")
