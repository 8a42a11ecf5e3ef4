"""Of the core's tables of tests a quarter is run for every change; ``EINROUTE_NIGHTLY=1`` runs all."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from zlib import crc32

import pytest

HERE = Path(__file__).parent
#: Files with thousands of combinations of forms, dtypes and layouts.
TABLES = ("test_product.py", "test_one_pass.py", "test_contraction.py", "test_sparse_product.py")
#: Files with operands of pydata/sparse, which stands on numba: some systems that wheels are for have none.
collect_ignore = [] if find_spec("sparse") else ["test_sampled.py", "test_sampled_input.py"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not drawn: by its name, so that every worker draws the same."""
    if os.environ.get("EINROUTE_NIGHTLY", "0") not in ("", "0"):
        return
    kept, left_out = [], []
    for item in items:
        table = item.path.parent == HERE and item.path.name in TABLES and hasattr(item, "callspec")
        drawn = crc32(item.nodeid.rpartition("::")[2].encode()) % 4 == 0
        (kept if drawn or not table else left_out).append(item)
    items[:] = kept
    if left_out:
        config.hook.pytest_deselected(items=left_out)
