"""Writes the pictures and tables that the README and the pages show and link to, of docs/results/*.json."""

from __future__ import annotations

from einroute_docs import committed, ratios, regrets, results

if __name__ == "__main__":
    bench, random = ratios.read(results.FOLDER / "bench.json"), regrets.read(results.FOLDER / "regret.json")
    for path, text in committed.files(bench, random).items():
        path.write_text(text, encoding="utf-8")
