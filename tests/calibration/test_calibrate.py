"""Measuring the machine: what is measured, kept and used; interrupted; and told of."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np
import pytest

import einroute as er
from einroute.__main__ import main
from einroute._base.calibration_file import calibrated
from einroute._base.machine import EVERY, HERE, SHIPPED, Machine, RouteFit, using
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
    monkeypatch.setattr(calibrating, "wrong", lambda *_: 1.0)  # what is made up tells nothing of calls
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


def _sample(route, work, took, shipped=0.0):
    return Sample(DRAWN, route, 1e-6, work, took, chosen=True, shipped=shipped)


DRAWN = draw("dense", 0, 0)
WORK = 10 ** np.random.default_rng(3).uniform(-6, -2, 40)


@pytest.mark.parametrize(("overhead", "scale"), [(0.0, 1.0), (3e-6, 2.0), (12e-6, 0.5)])
def test_fits_find_what_estimates_leave_out(overhead, scale):
    found = [_sample("some.route", work, 1e-6 + overhead + scale * work) for work in WORK]
    found += [_sample(name, work, 1e-6 + work) for name in "abcd" for work in WORK]
    found += [_sample("few", 1e-3, 1.0)] * 3
    made = fits.fits(found)
    if (overhead, scale) == (0.0, 1.0):
        assert made == {}
        return
    assert set(made) == {"some.route"}
    assert made["some.route"].overhead == pytest.approx(overhead, abs=1e-6)
    assert made["some.route"].scale == pytest.approx(scale, rel=0.05)
    assert fits.wrong(found[:-3], made) < fits.wrong(found[:-3], {})


def test_what_all_routes_take_more_is_every_ones_fit():
    found = [_sample(name, work, 1e-6 + 3 * work) for name in "abcd" for work in WORK]
    (every,) = fits.fits(found).items()
    assert every[0] == EVERY
    assert every[1].scale == pytest.approx(3, rel=0.05)
    with using(Machine(routes={EVERY: RouteFit(1.0)})):
        assert er.explain("ij,jk->ik", *np.ones((2, 40, 40))).seconds > 1.0


def test_what_is_noise_is_no_fit():
    noise = np.exp(np.random.default_rng(5).normal(0, 1, 200))
    found = [_sample(f"r{n % 20}", WORK[n % 40], (1e-6 + WORK[n % 40]) * noise[n]) for n in range(200)]
    assert len(fits.fits(found)) <= 3


def test_a_figure_that_differs_each_time_stays_as_it_was(monkeypatch):
    measured = iter([20e9, 21e9, 1e9, 9e9, 2e9, 11e9])
    stages = {"gemm": lambda _: next(measured), "memory": lambda _: next(measured)}
    monkeypatch.setattr(rates, "_STAGES", stages)
    first, last = rates.rates(SHIPPED, 2)
    assert (first.name, first.steady, first.machine.gemm) == ("gemm", True, 21e9)
    assert (last.name, last.steady) == ("memory", False)
    assert last.machine.memory == SHIPPED.memory


def test_no_cache_is_slower_than_memory(monkeypatch):
    monkeypatch.setattr(rates, "_STAGES", {"own": lambda _: 20e9})
    (found,) = rates.rates(SHIPPED, 1)
    assert found.machine.own == found.machine.shared == SHIPPED.shared


@pytest.mark.parametrize("better", [True, False])
def test_all_stays_as_shipped_where_that_tells_more(tmp_path, monkeypatch, better):
    monkeypatch.setenv("EINROUTE_CACHE_DIR", str(tmp_path))
    measured = replace(SHIPPED, gemm=12e9)
    took = [1e-6 + (2 if better else 1) * work for work in WORK]
    known = [_sample("r", 2 * work, t, 1e-6 + work) for work, t in zip(WORK, took, strict=True)]
    if not better:
        known += [
            _sample("s", 2 * work, 1e-6 + work * (5 if n % 2 else 0.2), 1e-6 + work)
            for n, work in enumerate(WORK)
        ]
    old = HERE.get()
    monkeypatch.setattr(calibrating, "rates", lambda *_: [rates.Stage(measured, "gemm", True)])
    monkeypatch.setattr(calibrating, "collected", lambda: iter([known]))
    try:
        with (
            contextlib.nullcontext() if better else pytest.warns(UserWarning, match="all figures as shipped")
        ):
            er.calibrate()
        found, _, _ = calibrated()
        assert found.gemm == (12e9 if better else SHIPPED.gemm)
        assert (dict(found.routes) == {}) or better
    finally:
        HERE.put(old)
        er.cache_clear()
