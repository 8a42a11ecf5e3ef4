"""``python -m einroute demo --cluster``, at a small size."""

from __future__ import annotations

import argparse

import pytest

from einroute._cli import demo

pytest.importorskip("distributed")
# What clusters warn of while they start and stop (ports, sockets not closed yet) is theirs.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_demo_runs_and_says_what_it_moved(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = argparse.Namespace(cluster=True, full=False, only=None, json=None)
    assert demo.run(arguments, scale=0.05) == 0
    out = capsys.readouterr().out
    assert "dask.tasks" in out
    assert "MiB moved between workers, 0 MiB spilled" in out
    assert "the result is right" in out
