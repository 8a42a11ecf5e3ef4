"""``python -m einroute demo --libraries``: a line for each library, and a case where it is installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from einroute.__main__ import main
from einroute._demo import libraries


def test_each_library_is_shown_or_said_to_be_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--libraries"]) == 0
    said = capsys.readouterr().out
    for library in libraries.LIBRARIES:
        assert f"{library.name}: " in said
        if find_spec(library.name) is None:
            assert f"{library.name}: not installed" in said
            assert library.extra in said
    if find_spec("torch") is not None:
        assert "torch: ij,ik,jk-> of 20000 entries" in said
        assert "right" in said
        assert "torch_sparse.gather" in said


def test_a_missing_library_is_no_failure() -> None:
    outcome = libraries.run(
        libraries.Library("a_module_of_nobodys", "einroute[none]", libraries.LIBRARIES[0].show)
    )
    assert outcome.ok
    assert "not installed" in outcome.said
