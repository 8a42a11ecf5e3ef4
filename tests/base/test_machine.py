"""Constants of the cost model: shipped, adapted to the machine, measured; and the file that keeps them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

import einroute as er
from einroute._base import calibration_file, machine
from einroute._base.calibration_file import calibrated, save
from einroute._base.cost import Cost, gemm_rate, moving
from einroute._base.machine import HERE, SHIPPED, Machine, RouteFit, adapted, blas_threads, using

MEASURED = Machine(gemm=12e9, call=1e-6, routes={"numpy.einsum": RouteFit(2e-6, 1.5)})


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A cache folder of the test's own, read as a new process would."""
    monkeypatch.setenv("EINROUTE_CACHE_DIR", str(tmp_path / "cache"))
    HERE.clear()
    er.cache_clear()
    yield tmp_path / "cache" / "calibration.json"
    HERE.put(SHIPPED)
    er.cache_clear()


def test_costs_follow_from_the_constants_in_force():
    cost = Cost(flops=1e6, calls=2.0, rate=1e9)
    with using(SHIPPED):
        assert cost.seconds == pytest.approx(1e-3 + 1.2e-6)
        half = moving(1e9)
    with using(Machine(call=5e-6, memory=SHIPPED.memory / 2)):
        assert cost.seconds == pytest.approx(1e-3 + 10e-6)
        assert moving(1e9) == 2 * half
        fitted = cost.fitted(RouteFit(3e-6, 4.0))
        assert fitted.seconds == pytest.approx(4e-3 + 13e-6)


@pytest.mark.parametrize(
    ("itemsize", "is_complex", "peak"), [(8, False, 1), (4, False, 2), (16, True, 0.25), (8, True, 0.5)]
)
def test_rates_of_blas_by_dtype_and_threads(itemsize, is_complex, peak):
    with using(Machine(more_gemm=0.5, blas_threads=3)):
        one = gemm_rate(1000, 1000, 1000, itemsize, is_complex, 1)
        assert one == pytest.approx(peak * SHIPPED.gemm, rel=0.01)
        assert gemm_rate(1000, 1000, 1000, itemsize, is_complex, 2) == pytest.approx(1.5 * one)
        assert gemm_rate(1000, 1000, 1000, itemsize, is_complex, 8) == pytest.approx(2 * one)
        assert gemm_rate(10, 10, 10, 8, False, 8) == gemm_rate(10, 10, 10, 8, False, 1)


def test_what_blas_packs_for_all_threads_costs_those_that_share_columns():
    def told(rows, columns, threads):
        a, b = np.ones((rows, 528)), np.ones((528, columns))
        with er.config(allow="dense.matmul", threads=threads, tune="never"):
            return er.explain("ij,jk->ik", a, b, order="C").seconds

    with using(Machine(blas_threads=2)):
        assert told(576, 624, 2) - told(624, 576, 2) > 576 * 528 * 8 / 10e9
        assert told(576, 624, 1) == pytest.approx(told(624, 576, 1), rel=0.02)


@pytest.mark.parametrize(
    ("blas", "environ", "threads"),
    [
        ("scipy-openblas", {"OPENBLAS_NUM_THREADS": "3", "OMP_NUM_THREADS": "5"}, 3),
        ("scipy-openblas", {"GOTO_NUM_THREADS": "2", "OMP_NUM_THREADS": "5"}, 2),
        ("openblas64", {"OMP_NUM_THREADS": "5,2"}, 5),
        ("mkl-dynamic", {"OPENBLAS_NUM_THREADS": "3", "MKL_NUM_THREADS": "4"}, 4),
        ("blis", {"BLIS_NUM_THREADS": "6"}, 6),
        ("accelerate", {"VECLIB_MAXIMUM_THREADS": "2", "OMP_NUM_THREADS": "5"}, 2),
        ("openblas", {"OPENBLAS_NUM_THREADS": "0"}, SHIPPED.blas_threads),
        ("openblas", {"OPENBLAS_NUM_THREADS": "many"}, SHIPPED.blas_threads),
        ("unheard", {"OMP_NUM_THREADS": "5"}, SHIPPED.blas_threads),
        ("", {}, SHIPPED.blas_threads),
    ],
)
def test_threads_of_blas_as_the_environment_says(blas, environ, threads):
    assert blas_threads(blas, environ.get) == threads


def test_constants_adapted_to_caches_and_blas(monkeypatch):
    monkeypatch.setattr(machine, "_cache_size", {2: 2 << 20, 3: 512 << 20}.get)
    found = adapted(SHIPPED, "openblas")
    assert (found.own_bytes, found.shared_bytes, found.gemm) == (2 << 20, 40 << 20, SHIPPED.gemm)
    monkeypatch.setattr(machine, "_cache_size", lambda _: 0)
    found = adapted(SHIPPED, "none")
    assert (found.own_bytes, found.shared_bytes) == (SHIPPED.own_bytes, SHIPPED.shared_bytes)
    assert found.gemm < SHIPPED.gemm


def test_what_is_measured_is_used_by_every_later_process(here):
    assert calibrated()[0] is None
    assert save(MEASURED) == str(here)
    HERE.clear()
    found = HERE.get()
    assert (found.gemm, found.call, dict(found.routes)) == (MEASURED.gemm, MEASURED.call, MEASURED.routes)
    assert str(here) in calibration_file.told()
    assert list(here.parent.iterdir()) == [here]


def test_only_where_nothing_has_changed(here):
    save(MEASURED)
    content = json.loads(here.read_text())
    for name in content["measured_on"]:
        changed = content | {"measured_on": content["measured_on"] | {name: "other"}}
        here.write_text(json.dumps(changed))
        HERE.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert HERE.get().gemm == SHIPPED.gemm
        assert f"{name} was 'other'" in calibration_file.told()
    here.write_text(json.dumps(content | {"version": 99}))
    assert "calibrate again" in calibration_file.told()


def _nested(depth):
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"text"',
        _nested(200_000),
        "1" * 10_000,
        '{"format": "einroute calibration", "version": 1}',
        b"\xff\xfe",
        " " * (17 << 20),
        {"constants": []},
        {"constants": {}},
        {"constants": {"gemm": "fast"}},
        {"constants": {"gemm": True}},
        {"constants": {"gemm": 0}},
        {"constants": {"gemm": -1.0}},
        {"constants": {"gemm": 10**400}},
        {"constants": {"call": 1e300}},
        {"routes": {"numpy.einsum": 3}},
        {"routes": {"numpy.einsum": {"overhead": -1.0, "scale": 1.0}}},
        {"routes": {"numpy.einsum": {"overhead": 0.0, "scale": 1e9}}},
        {"measured_on": 3},
    ],
    ids=range(22),
)
def test_a_damaged_file_is_warned_of_once_and_ignored(here, text):
    save(MEASURED)
    if isinstance(text, dict):
        content = json.loads(here.read_text())
        for name, change in text.items():
            both = isinstance(change, dict) and change
            content[name] = content[name] | change if both else change
        text = json.dumps(content)
    here.write_bytes(text if isinstance(text, bytes) else text.encode())
    HERE.clear()
    with pytest.warns(UserWarning, match="calibration is ignored") as told:
        HERE.get()
    assert HERE.get().gemm == SHIPPED.gemm
    assert len(told) == 1
    assert len(str(told[0].message)) < 1000


def test_where_warnings_are_errors_the_first_call_alone_fails(here):
    here.parent.mkdir()
    here.write_text("{")
    HERE.clear()
    a = np.ones((20, 30))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="calibration is ignored"):
            er.einsum("ij,kj->ik", a, a)
        np.testing.assert_array_equal(er.einsum("ij,kj->ik", a, a), a @ a.T)
    assert HERE.get().gemm == SHIPPED.gemm


@pytest.mark.skipif(sys.platform == "win32", reason="the home is another variable's there")
def test_a_folder_below_the_home_may_be_given(here, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("EINROUTE_CACHE_DIR", " ~/caches/mine ")
    assert calibration_file.path_of_calibration() == str(tmp_path / "caches" / "mine" / "calibration.json")
    monkeypatch.setenv("EINROUTE_CACHE_DIR", "~nobody of that name/caches")
    assert calibration_file.path_of_calibration().endswith("caches/calibration.json")
    monkeypatch.setenv("EINROUTE_CACHE_DIR", str(here.parent))
    assert calibration_file.path_of_calibration() == str(here)


def test_what_a_file_lacks_is_named(here):
    save(MEASURED)
    content = json.loads(here.read_text())
    del content["constants"]["call"]
    here.write_text(json.dumps(content))
    assert calibrated()[1].endswith("it lacks 'call'")


def test_no_link_and_no_pipe_is_followed(here, tmp_path):
    save(MEASURED)
    here.rename(tmp_path / "elsewhere.json")
    here.symlink_to(tmp_path / "elsewhere.json")
    assert calibrated()[2]
    here.unlink()
    os.mkfifo(here)
    assert calibrated()[2]


def test_a_folder_that_cannot_be_written_is_no_error(here, monkeypatch):
    here.parent.parent.joinpath("file").write_text("")
    monkeypatch.setenv("EINROUTE_CACHE_DIR", str(here.parent.parent / "file" / "below"))
    assert save(MEASURED) is None
    assert HERE.get() is MEASURED  # used all the same in this process
    HERE.clear()
    assert HERE.get().gemm == SHIPPED.gemm


def test_an_interrupted_write_leaves_the_old_file(here, monkeypatch):
    save(MEASURED)
    old = here.read_text()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(Machine(gemm=1e9))
    assert here.read_text() == old
    assert list(here.parent.iterdir()) == [here]


SAVING = """
import sys
from einroute._base.calibration_file import save
from einroute._base.machine import Machine, RouteFit
for i in range(30):
    save(Machine(gemm=float(sys.argv[1]), routes={f"route.{j}": RouteFit() for j in range(200)}))
"""


def test_processes_that_save_at_once_leave_one_whole_file(here):
    running = [subprocess.Popen([sys.executable, "-c", SAVING, rate]) for rate in ("1e10", "2e10")]
    whole = 0
    while any(one.poll() is None for one in running):
        found, why, damaged = calibrated()
        assert not damaged, why
        whole += found is not None
    assert [one.wait() for one in running] == [0, 0]
    assert calibrated()[0].gemm in (1e10, 2e10)
    assert list(here.parent.iterdir()) == [here]


def test_reproducible_plans_by_the_shipped_constants_alone(here):
    a, b = np.ones((2, 40, 40))
    call = ("ij,jk->ik", a, b)
    HERE.put(Machine(routes={"dense.matmul": RouteFit(1.0)}))
    assert er.explain(*call).routes != ("dense.matmul",)
    with er.config(reproducible=True):
        assert er.explain(*call).routes == ("dense.matmul",)
