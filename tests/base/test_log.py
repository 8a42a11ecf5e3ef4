"""The logger ``einroute``: what is told of at which level, and that nothing is said unless asked for."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
import scipy.sparse

import einroute as er
from tests.processes import run_code

RNG = np.random.default_rng(22)


def _fallback() -> Any:
    return er.einsum("ij,j->i", np.ones((70, 70), object), np.ones(70, object))


def _kept() -> Any:
    a = RNG.random((50, 20))
    return [er.lstsq(a, a[:, 0]) for _ in range(3)]


def _doubtful() -> Any:
    a = RNG.random((50, 20))
    a[:, 0] = a[:, 1]  # a singular value near the cutoff
    return [er.lstsq(a, a[:, 0]) for _ in range(4)]


def _overflow() -> Any:
    return er.einsum("i,j->", np.full(5000, 1e308), np.full(5000, 1e-308))


def _tiny() -> Any:
    a = np.ones((2, 3))
    b = a.astype(np.float32)  # of another dtype: the compiled core leaves such calls to be tried
    return [er.einsum("ab,cb->ac", a, b) for _ in range(70)]


def _tried() -> Any:
    a = RNG.random((60, 60))
    with er.config(tune="now"):
        return er.einsum("ij,jk,kl->il", a, a, a)


def _densified() -> Any:
    with er.config(on_densify="allow"):
        return er.einsum("i,j->ij", scipy.sparse.coo_array(([1.0], ([0],)), shape=(4000,)), np.ones(4000))


CASES = {
    "a fallback": (_fallback, logging.DEBUG, "NumPy's own function answers: "),
    "factors kept": (_kept, logging.DEBUG, "made to be kept, in"),
    "factors that do not answer": (_doubtful, logging.DEBUG, "lstsq: kept factors are not used: "),
    "overflow": (_overflow, logging.DEBUG, "overflowed and is repeated in NumPy's order"),
    "trials of other plans": (_tried, logging.DEBUG, " is kept ("),
    "a tiny call's plan": (_tiny, logging.DEBUG, "is planned after 64 calls"),
    "something large written out": (_densified, logging.INFO, "MiB"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_told(case: str, caplog: pytest.LogCaptureFixture) -> None:
    call, level, text = CASES[case]
    er.cache_clear()
    with caplog.at_level(logging.DEBUG, logger="einroute"), np.errstate(all="ignore"):
        call()
    found = [record for record in caplog.records if text in record.getMessage()]
    assert found, caplog.text
    assert {(record.name, record.levelno) for record in found} == {("einroute", level)}


def test_nothing_is_told_of_calls_that_are_found_again(caplog: pytest.LogCaptureFixture) -> None:
    a = RNG.random((40, 40))
    with caplog.at_level(logging.DEBUG, logger="einroute"):
        for _ in range(3):
            er.einsum("ij,jk->ik", a, a)
            er.tensordot(a, a, 1)
            er.matmul(a, a)
            er.dot(a, a)
    assert caplog.records == []


def test_by_default_nothing_is_said() -> None:
    code = "import numpy as np, einroute as er; a = np.ones((70, 70), object); er.einsum('ij,ij->i', a, a)"
    done = run_code(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
