"""The guide's example of matrices larger than memory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("dask.array")


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "least-squares.md").read_text(encoding="utf-8")
    code = re.search(r"## Matrices larger than memory.*?```python\n(.*?)```", page, re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)
    assert "factors.tsqr" in capsys.readouterr().out
    for x in (names["x"], names["f"].lstsq(names["b"])[0]):
        np.testing.assert_allclose(x.compute(), np.arange(20.0), atol=1e-11)
