"""Import times, each in a fresh interpreter."""

from __future__ import annotations


class Import:
    number = 1  # a second import in the same interpreter would time a dictionary look-up
    repeat = (3, 20, 10.0)
    warmup_time = 0.0

    def timeraw_numpy(self) -> str:
        return "import numpy"

    def timeraw_einroute(self) -> str:
        return "import einroute"

    def timeraw_einroute_after_numpy(self) -> tuple[str, str]:
        return "import einroute", "import numpy"

    def timeraw_einroute_numpy_after_numpy(self) -> tuple[str, str]:
        return "import einroute.numpy", "import numpy"

    def timeraw_opt_einsum_after_numpy(self) -> tuple[str, str]:
        return "import opt_einsum", "import numpy"
