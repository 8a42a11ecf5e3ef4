"""Where the core is missing, switched off or asked for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from einroute._native import CORE


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


USE = (
    "import numpy as np, einroute as er\n"
    "from einroute._native import CORE, REASON\n"
    "x = np.arange(18.0).reshape(2, 3, 3)\n"
    "assert np.allclose(er.einsum('bij,bjk->bik', x, x), x @ x)\n"
    "print(CORE is None, REASON or CORE.isa(), er.explain('bij,bjk->bik', x, x).routes)\n"
)
DOCTOR = "import runpy, sys; sys.argv[1:] = ['doctor']; runpy.run_module('einroute', run_name='__main__')"
#: Puts a module in the way of the core.
WITHOUT = "import sys; sys.modules['einroute._native._core'] = None\n"


def test_switched_off() -> None:
    result = run(USE, EINROUTE_NATIVE="0")
    assert result.stderr == ""
    assert result.stdout.startswith("True switched off by EINROUTE_NATIVE=0 (")
    assert "dense.small" not in result.stdout


def test_missing_it_is_done_without() -> None:
    result = run(WITHOUT + USE, EINROUTE_NATIVE="")
    assert result.stderr == ""
    assert result.stdout.startswith("True not built when einroute was installed")


def test_missing_and_asked_for_is_an_error() -> None:
    result = run(WITHOUT + USE, EINROUTE_NATIVE="require")
    assert result.returncode == 1
    assert "ImportError: EINROUTE_NATIVE=require, and the compiled core cannot be loaded" in result.stderr


def test_a_value_that_makes_no_sense_is_warned_of() -> None:
    result = run(USE, EINROUTE_NATIVE="perhaps")
    assert "EINROUTE_NATIVE is 'perhaps' and is ignored; expected 0, auto or require" in result.stderr


def test_doctor_says_why() -> None:
    off = run(DOCTOR, EINROUTE_NATIVE="0").stdout
    assert "core          none: switched off by EINROUTE_NATIVE=0\n" in off
    missing = run(WITHOUT + DOCTOR, EINROUTE_NATIVE="").stdout
    assert "core          none: not built when einroute was installed\n" in missing
    assert "shows why it fails" in " ".join(missing.split())


@pytest.mark.skipif(CORE is None, reason="the compiled core is not there")
class TestWithIt:
    def test_the_instruction_set_is_capped(self) -> None:
        assert CORE is not None
        for isa in CORE.compiled_isas():
            result = run(USE, EINROUTE_ISA=isa)
            assert result.stderr == ""
            assert result.stdout.split()[1] in CORE.compiled_isas()[CORE.compiled_isas().index(isa) :]
        result = run(USE, EINROUTE_ISA="sse9")
        assert "EINROUTE_ISA is 'sse9' and is ignored; expected one of" in result.stderr

    def test_doctor_names_the_instruction_set(self) -> None:
        result = run(
            "import runpy, sys; sys.argv[1:] = ['doctor']; runpy.run_module('einroute', run_name='__main__')",
            EINROUTE_ISA="baseline",
        )
        assert "core          baseline kernels, of " in result.stdout
