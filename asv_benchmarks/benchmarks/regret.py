"""The share of random calls for which another way than the chosen one would have been better, in percent."""

from __future__ import annotations

from . import load


class Share:
    """A few calls of each family; ``python -m einroute bench --regret`` takes more."""

    params = [["dense", "stacks", "sparse", "one_hot", "rolled", "differences"]]
    param_names = ["family"]
    timeout = 300
    cases = 30

    def setup(self, family: str) -> None:
        from einroute_cases.regret import measure

        load("einroute._config.config_block")  # an einroute without it cannot be measured
        self.measure = measure

    def track_over(self, family: str) -> float:
        found = list(self.measure.run(family, 0, self.cases))
        return 100 * sum(one.over for one in found) / len(found)

    track_over.unit = "%"
