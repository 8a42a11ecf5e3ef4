"""Measuring the machine: what is measured, kept and used; interrupted; and told of."""

from __future__ import annotations

import numpy as np
import pytest

import einroute as er
from einroute.__main__ import main
from einroute._base.machine import HERE
from einroute._bench.estimates.samples import Sample
from einroute._bench.regret.draw import draw
from einroute._calibration import calibrate as calibrating
from einroute._calibration import fits, rates
from tests.processes import printed


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """A folder of its own, no time for what is measured, and the constants of before afterwards."""
    monkeypatch.setenv("EINROUTE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(calibrating, "_ROUTES", 1e-3)
    monkeypatch.setattr(rates, "_best", lambda run, seconds=0.0: (run(), 1e-3)[1])
    monkeypatch.setattr(rates, "_MEMORY", 1 << 20)
    old = HERE.get()
    yield tmp_path / "cache" / "calibration.json"
    HERE.put(old)
    er.cache_clear()


def test_every_constant_is_measured_and_kept(quick):
    shares = []
    assert er.calibrate(shares.append) == quick
    assert quick.exists()
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)
    assert len(shares) >= rates.STAGES


def test_interrupted_it_leaves_the_old_figures(quick):
    er.calibrate()
    old = quick.read_bytes()

    def interrupted(share):
        if share > 0.1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        er.calibrate(interrupted)
    assert quick.read_bytes() == old
    assert list(quick.parent.iterdir()) == [quick]


def test_the_command(quick, capsys):
    assert main(["calibrate"]) == 0
    assert str(quick) in capsys.readouterr().out


def test_the_command_interrupted_or_without_a_folder(quick, capsys, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("EINROUTE_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert main(["calibrate"]) == 1
    assert "EINROUTE_CACHE_DIR" in capsys.readouterr().err

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(calibrating, "save", interrupted)
    assert main(["calibrate"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_it_is_not_loaded_before_it_is_asked_for():
    code = "import sys, einroute as er; print([m for m in sys.modules if '_calibration' in m]); er.calibrate"
    assert printed(code).strip() == "[]"


@pytest.mark.parametrize(("overhead", "scale"), [(0.0, 1.0), (3e-6, 2.0), (12e-6, 0.5)])
def test_fits_find_what_estimates_leave_out(overhead, scale):
    drawn = draw("dense", 0, 0)
    rng = np.random.default_rng(3)
    found = [
        Sample(drawn, "some.route", 1e-6, work, 1e-6 + overhead + scale * work, chosen=True)
        for work in 10 ** rng.uniform(-6, -2, 40)
    ]
    found += [Sample(drawn, "other", 1e-6, 1e-3, 1.0, chosen=False)] * 3
    (found_fit,) = fits.fits(found).items()
    assert found_fit[0] == "some.route"
    assert found_fit[1].overhead == pytest.approx(overhead, abs=1e-6)
    assert found_fit[1].scale == pytest.approx(scale, rel=0.05)
