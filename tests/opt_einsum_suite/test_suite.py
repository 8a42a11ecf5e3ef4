"""A part of the suite in every run; `tox -e opt-einsum-suite` runs all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import opt_einsum
import pytest
from opt_einsum.testing import build_views
from opt_einsum.tests import test_sharing

import einroute.opt_einsum as oe


def test_a_part() -> None:
    command = [sys.executable, "-m", "tests.opt_einsum_suite", "-k", "input or edge or blas or parser"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).parents[2], env=os.environ, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "contract: 0 calls" not in done.stdout


@pytest.mark.parametrize("text", test_sharing.equations)
def test_sharing_agrees_to_rounding(text: str) -> None:
    """What `ROUNDING` leaves out of the suite."""
    views = build_views(text)
    expression = oe.contract_expression(text, *[view.shape for view in views])
    expected = expression(*views)
    with opt_einsum.shared_intermediates():
        np.testing.assert_allclose(expression(*views), expected, rtol=1e-12)
