"""The performance page of the documentation and ``python -m einroute bench`` judge alike."""

from __future__ import annotations

from einroute_docs import ratios, results

from einroute._bench import race


def test_the_performance_page_counts_as_the_command_does() -> None:
    bench = ratios.read(results.FOLDER / "bench.json")
    for case in bench.cases:
        behind = case.seconds[ratios.OURS] * (1 - case.best)
        assert 1 / case.best > race.ALLOWED_RATIO or not case.slow, case.label
        assert case.slow or 1 / case.best <= race.ALLOWED_RATIO or behind < 3e-6, case.label
