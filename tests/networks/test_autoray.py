"""autoray: `einroute.numpy` is a backend by its name; with an alias `einroute` is one too."""

from __future__ import annotations

import numpy as np
import pytest

import einroute as er
from tests.processes import printed

autoray = pytest.importorskip("autoray")

A, B = np.random.default_rng(0).standard_normal((2, 5, 5))


def test_backend() -> None:
    with er.record() as record:
        made = autoray.do("einsum", "ij,jk->ik", A, B, like="einroute.numpy")
        turned = autoray.do("transpose", made, like="einroute.numpy")
    np.testing.assert_allclose(turned, (A @ B).T)
    assert record.calls == 1


def test_alias() -> None:
    code = (
        "import autoray.autoray, numpy as np, einroute as er\n"
        "autoray.autoray.register_module_alias('einroute', 'einroute.numpy')\n"
        "with er.record() as r:\n"
        "    x = autoray.do('tensordot', np.ones((2, 3)), np.ones((3, 2)), 1, like='einroute')\n"
        "print(r.calls, autoray.do('sum', x, like='einroute'))\n"
    )
    assert printed(code).split() == ["1", "12.0"]


def test_override_reaches_what_was_kept() -> None:
    autoray.do("einsum", "ij,jk->ik", A, B)
    with er.override(), er.record() as record:
        got = autoray.do("einsum", "ij,jk->ik", A, B)
    np.testing.assert_allclose(got, A @ B)
    assert record.calls == 1
