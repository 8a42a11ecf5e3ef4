"""What `record` says of calls, and that recording changes nothing that they do."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import json
import os
import pickle
import signal
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sparse

import einroute as er
import einroute._api.einsum as front_end
import einroute.scipy.linalg as scipys
from einroute._base.watch import LISTENERS, WATCH
from einroute._config.state import current
from einroute._record import places
from einroute._record.outlines import TINY
from tests.fuzz.dense import draw
from tests.helpers import forcing
from tests.processes import printed
from tests.routed_names import FLAT, FLAT_OF_LINALG, LINALG, SCIPYS
from tests.stand_ins import Foreign

RNG = np.random.default_rng(3)
A = RNG.standard_normal((50, 50))
B = A[0].copy()
TINY_ONE = np.ones((3, 3))
#: Beside the other: of two dtypes, which the compiled core leaves to be tried.
TINY_OTHER = np.ones((3, 3), np.float32)
INTS = np.arange(250_000).reshape(500, 500) % 7
CSR = scipy.sparse.csr_array(A * (np.abs(A) > 1.5) + 3 * np.eye(50))


@pytest.fixture(autouse=True)
def _empty_caches() -> Iterator[None]:
    er.cache_clear()
    yield
    er.set_config(prepare="auto")
    er.cache_clear()
    assert WATCH.users == 0
    assert front_end._here is front_end._context


def recorded(call: Callable[[], Any], times: int = 1) -> Any:
    """The record of the last of so many calls."""
    with er.record() as r:
        for _ in range(times):
            call()
    assert r.calls == times
    return r.records[-1]


def by_scipy(call: Callable[[], Any]) -> Any:
    """A call as it is without the core's sparse kernels."""
    with er.config(forbid=["sparse.tiles", "sparse.sampled"]):
        return call()


def without_passes(call: Callable[[], Any]) -> Any:
    """A call as it is where the compiled core is not there."""
    with er.config(forbid="dense.one_pass"):
        return call()


CALLS: list[tuple[str, Callable[[], Any], tuple[str, ...]]] = [
    ("einsum", lambda: er.einsum("ij,jk->ik", A, A), ("dense.matmul",)),
    ("einsum", lambda: er.einsum(A, [0, 1], A, [1, 2]), ("dense.matmul",)),
    ("einsum", lambda: er.einsum("ij,jk,kl->il", A, A, A), ("dense.matmul", "dense.matmul")),
    ("einsum", lambda: er.einsum("ij->ji", A), ("numpy.einsum",)),
    ("einsum", lambda: er.einsum("ij,jk->ik", TINY_ONE, TINY_OTHER), ("numpy.einsum",)),
    ("einsum", lambda: er.einsum("ij,jk->ik", CSR, CSR), ("sparse.spgemm",)),
    ("einsum", lambda: by_scipy(lambda: er.einsum("ij,jk->ik", CSR, A)), ("sparse.scipy",)),
    ("einsum_path", lambda: er.einsum_path("ij,jk->ik", A, A), ("numpy.einsum_path",)),
    ("tensordot", lambda: er.tensordot(A, A, 1), ("dense.matmul",)),
    ("tensordot", lambda: by_scipy(lambda: er.tensordot(sparse.COO(A), A, 1)), ("sparse.scipy",)),
    ("dot", lambda: er.dot(A, A), ("numpy.dot",)),
    ("dot", lambda: er.dot(INTS, INTS), ("dense.integer_matmul",)),
    ("dot", lambda: by_scipy(lambda: er.dot(CSR, A)), ("sparse.scipy",)),
    ("matmul", lambda: er.matmul(A, A), ("numpy.matmul",)),
    ("matmul", lambda: er.matmul(INTS, INTS), ("dense.integer_matmul",)),
    ("matmul", lambda: by_scipy(lambda: er.matmul(A, CSR)), ("sparse.scipy",)),
    ("inner", lambda: er.inner(A, A), ("numpy.inner",)),
    ("inner", lambda: er.inner(INTS, INTS), ("dense.integer_matmul",)),
    ("vdot", lambda: er.vdot(A, A), ("numpy.vdot",)),
    ("outer", lambda: er.outer(B, B), ("numpy.outer",)),
    (
        "outer",
        lambda: without_passes(lambda: er.outer(INTS[:2].ravel(), INTS[:2].ravel())),
        ("dense.multiply",),
    ),
    ("vecdot", lambda: er.vecdot(A, A), ("numpy.vecdot",)),
    ("matvec", lambda: er.matvec(A, B), ("numpy.matvec",)),
    ("matvec", lambda: er.matvec(A, np.ones((500, 50))), ("dense.matmul",)),
    ("matvec", lambda: er.matvec(INTS, INTS), ("dense.integer_matmul",)),
    ("matvec", lambda: by_scipy(lambda: er.matvec(CSR, A)), ("sparse.scipy",)),
    ("vecmat", lambda: er.vecmat(B, A), ("numpy.vecmat",)),
    ("vecmat", lambda: er.vecmat(np.ones((500, 50)) * 1j, A + 0j), ("dense.matmul",)),
    ("linalg.matrix_power", lambda: er.linalg.matrix_power(A, 3), ("numpy.linalg.matrix_power",)),
    ("linalg.matrix_power", lambda: er.linalg.matrix_power(INTS, 3), ("dense.integer_matmul",)),
    ("linalg.matrix_power", lambda: er.linalg.matrix_power(CSR, 2), ("sparse.spgemm",)),
    ("linalg.multi_dot", lambda: er.linalg.multi_dot([A, A, A]), ("dense.matmul", "dense.matmul")),
    ("linalg.multi_dot", lambda: er.linalg.multi_dot([A, B]), ("numpy.linalg.multi_dot",)),
    ("linalg.tensordot", lambda: er.linalg.tensordot(A, A, axes=1), ("dense.matmul",)),
    ("linalg.matmul", lambda: er.linalg.matmul(A, A), ("numpy.linalg.matmul",)),
    ("linalg.outer", lambda: er.linalg.outer(B, B), ("numpy.linalg.outer",)),
    ("linalg.vecdot", lambda: er.linalg.vecdot(A, A), ("numpy.linalg.vecdot",)),
    ("lstsq", lambda: er.lstsq(A, B), ("numpy.linalg.lstsq",)),
    ("lstsq", lambda: er.lstsq(CSR, B), ("factors.sparse_lstsq",)),
    ("linalg.solve", lambda: er.linalg.solve(A, B), ("numpy.linalg.solve",)),
    ("linalg.solve", lambda: er.linalg.solve(CSR, B), ("factors.sparse_lu",)),
    ("linalg.inv", lambda: er.linalg.inv(A), ("numpy.linalg.inv",)),
    ("linalg.pinv", lambda: er.linalg.pinv(A), ("numpy.linalg.pinv",)),
    ("scipy.linalg.lstsq", lambda: scipys.lstsq(A, B), ("scipy.linalg.lstsq",)),
    ("scipy.linalg.solve", lambda: scipys.solve(A, B), ("scipy.linalg.solve",)),
    ("scipy.linalg.inv", lambda: scipys.inv(A), ("scipy.linalg.inv",)),
    ("scipy.linalg.pinv", lambda: scipys.pinv(A), ("scipy.linalg.pinv",)),
]


class TestEveryFunction:
    def test_none_is_left_out(self):
        flat = {*FLAT, *FLAT_OF_LINALG}
        linalg = {f"linalg.{name}" for name in LINALG if name not in FLAT_OF_LINALG}
        assert {name for name, _, _ in CALLS} == {*flat, *linalg, *SCIPYS}

    @pytest.mark.parametrize(("name", "call", "routes"), CALLS)
    def test_is_recorded_once_with_its_route(self, name, call, routes):
        made = recorded(call)
        assert made.function == name
        assert made.routes == routes
        assert made.seconds > 0
        assert made.error == ""
        assert made.file == __file__
        assert len(made.outline.operands) >= 1

    @pytest.mark.parametrize(("name", "call", "routes"), CALLS)
    def test_a_second_time_too(self, name, call, routes):
        made = recorded(call, times=2)
        assert made.number == 2
        assert made.function == name

    @pytest.mark.parametrize(("name", "call", "routes"), CALLS)
    def test_can_be_shown_in_every_form(self, name, call, routes):
        with er.record() as r:
            call()
        assert name in str(r)
        assert routes[0] in str(r)
        assert routes[0] in str(r.records[0])
        assert routes[0] in r._repr_html_()
        assert json.loads(r.to_json()) == r.to_dict()
        assert r.to_dict()["records"][0]["routes"] == list(routes)

    @pytest.mark.parametrize("function", [er.lstsq, er.linalg.solve, scipys.lstsq, scipys.solve])
    def test_factors_are_seen_made_and_hit(self, function):
        with er.record() as r:
            for _ in range(5):
                function(A, B)
        caches = [made.cache for made in r.records]
        assert caches[0] == "miss, never seen"
        assert caches[-1] == "hit"
        assert sum("factored" in cache for cache in caches) == 1
        assert r.records[-1].routes[0].startswith("factors.")
        info = er.cache_info()
        assert info["hits"] == caches.count("hit")
        assert info["made"] == 1

    @pytest.mark.parametrize("function", [er.linalg.inv, er.linalg.pinv, scipys.inv, scipys.pinv])
    def test_inverses_are_kept_too(self, function):
        with er.record() as r:
            for _ in range(5):
                function(A)
        assert r.records[0].routes[0].endswith(function.__name__)
        assert r.records[-1].cache == "hit"
        assert r.records[-1].routes in {("factors.svd",), ("factors.inverse",)}

    def test_explicit_factors(self):
        factors = er.factorize(A)
        for call in (lambda: er.lstsq(factors, B), lambda: er.linalg.solve(factors, B)):
            made = recorded(call)
            assert made.cache == "explicit factors"
            assert made.routes[0].startswith("factors.")

    def test_structured_operands(self):
        operand = er.one_hot(np.arange(400) % 7, 7)
        made = recorded(lambda: er.einsum("tr,tc->rc", operand, np.ones((400, 5))), times=2)
        assert made.routes[0].startswith("one_hot.")
        assert made.outline.operands[0].kind == "one_hot"
        assert made.routes == er.explain("tr,tc->rc", operand, np.ones((400, 5))).routes


class TestWhatIsTold:
    def test_operands(self):
        made = recorded(lambda: er.einsum("ij,jk->ik", CSR, A.astype("f4")))
        first, second = made.outline.operands
        assert (first.kind, first.shape, first.dtype, first.nnz) == (
            "scipy_sparse",
            (50, 50),
            "float64",
            CSR.nnz,
        )
        assert (second.kind, second.shape, second.dtype) == ("dense", (50, 50), "float32")
        assert made.outline.subscripts == "ij,jk->ik"

    def test_lists_are_not_read(self):
        made = recorded(lambda: er.einsum("ij,jk", [[1.0, 2.0]], [[1.0], [2.0]]))
        assert [op.shape for op in made.outline.operands] == [(1, 2), (2, 1)]

    def test_plans_are_hit_if_they_would_have_been(self):
        assert recorded(lambda: er.einsum("ij,jk->ik", A, A)).cache == "miss"
        er.einsum("ij,kj->ik", A, A)  # planned while nobody records
        with er.record() as r:
            er.einsum("ij,kj->ik", A, A)
            er.einsum("ij,jk->ik", A, A)  # seen in the recording before
            er.einsum("ij,ik->jk", A, A)
        assert [made.cache for made in r.records] == ["hit", "hit", "miss"]

    def test_a_plan_that_is_made_again_to_be_watched_is_not_the_calls_time(self):
        three = (A, A, A[:, :3])

        def seconds() -> tuple[float, float]:
            for _ in range(3):
                er.einsum("ij,jk,kl->il", *three)
            made = recorded(lambda: er.einsum("ij,jk,kl->il", *three))
            er.cache_clear()
            afresh = recorded(lambda: er.einsum("ij,jk,kl->il", *three))
            assert made.cache == "hit"
            return made.seconds, afresh.seconds

        best = [min(x) for x in zip(*(seconds() for _ in range(9)), strict=True)]  # of a busy machine
        assert best[0] < best[1]

    def test_tiny_calls_earn_their_plan_as_without(self):
        def routes(times: int) -> list[str]:
            with er.record() as r:
                for _ in range(times):
                    er.einsum("ij,jk->ik", TINY_ONE, TINY_OTHER)
            return [made.routes[0] for made in r.records]

        counted = routes(100)
        er.cache_clear()
        for _ in range(40):
            er.einsum("ij,jk->ik", TINY_ONE, TINY_OTHER)
        assert routes(60) == counted[40:]
        assert counted[0] == "numpy.einsum"
        assert counted[-1] != "numpy.einsum"
        er.cache_clear()
        for _ in range(100):
            er.einsum("ij,jk->ik", TINY_ONE, TINY_OTHER)
        assert routes(1) == counted[-1:]  # planned before anybody recorded

    def test_a_trial_that_begins_while_recording_ends_without(self):
        with er.record():
            for _ in range(10):
                er.einsum("ij,jk->ik", TINY_ONE, TINY_OTHER)
        for _ in range(60):
            er.einsum("ij,jk->ik", TINY_ONE, TINY_OTHER)
        (run,) = current().plans.young.values()
        assert not hasattr(run, "counts")

    def test_tiny_says_so(self):
        made = recorded(lambda: er.einsum("ij->ji", TINY_ONE))
        assert made.reason == TINY
        assert made.cache == ""
        assert ", tiny" in str(_recording(lambda: er.einsum("ij->ji", TINY_ONE)))

    @pytest.mark.parametrize(
        ("call", "reason"),
        [
            (lambda: er.einsum("ij->ji", INTS), "a view of the operand"),
            (lambda: er.einsum("ij,jk", A.astype(object), A), "dtype object"),
            (lambda: er.einsum("ij,jk", Foreign(), A), "operand 0 is of type Foreign"),
            (lambda: er.tensordot(A, Foreign(), 1), "operand 1 is of type Foreign"),
            (lambda: er.dot(Foreign(), A), "operand 0 is of type Foreign"),
            (lambda: er.matmul(A, Foreign()), "operand 1 is of type Foreign"),
            (lambda: er.vecdot(A, Foreign()), "operand 1 is of type Foreign"),
            (lambda: er.lstsq(Foreign(), B), "operand 0 is of type Foreign"),
            (lambda: er.linalg.pinv(Foreign()), "operand 0 is of type Foreign"),
            (lambda: er.linalg.solve(A, Foreign()), "operand 1 is of type Foreign"),
        ],
    )
    def test_why_numpys_own_function_answers(self, call, reason):
        for times in (1, 2):
            made = recorded(call, times)
            assert reason in made.reason
            assert made.routes[0].startswith("numpy.")

    def test_a_guard_that_declines_is_told(self):
        large = INTS + 2**40
        made = recorded(lambda: er.einsum("ij,jk->ik", large, large), times=2)
        (step,) = made.steps
        gave_up = dict(step.gave_up)
        assert "2**53" in gave_up["dense.integer_matmul"]
        assert step.route not in gave_up
        assert step.route == "numpy.einsum"
        assert "dense.integer_matmul gave up" in str(made)
        sums = {found.route: found for found in _recording(lambda: er.matmul(large, large)).by_route()}
        assert sums["dense.integer_matmul"].gave_up == 1
        assert sums["dense.integer_matmul"].calls == 0

    def test_kept_factors_that_decline_are_told(self):
        er.set_config(prepare="now")
        a = np.diag([1.0, 1e-3, 1e-5])
        er.lstsq(a, B[:3])
        made = recorded(lambda: er.lstsq(a, B[:3], rcond=1.1e-5))
        assert made.cache == "hit"
        assert made.routes == ("numpy.linalg.lstsq",)
        assert made.steps[0].gave_up[0][0] == "factors.svd"

    def test_refusals_are_explains(self):
        made = recorded(lambda: er.einsum("ij,jk->ik", A, A))
        explained = er.explain("ij,jk->ik", A, A)
        assert made.steps[0].refused == explained.outline.steps[0].refused
        assert made.estimated == explained.seconds

    def test_steps_share_the_calls_time(self):
        made = recorded(lambda: er.einsum("ij,jk,kl->il", A, A, A), times=2)
        assert len(made.steps) == 2
        assert sum(step.seconds for step in made.steps) == pytest.approx(made.seconds)
        assert all(step.seconds > 0 for step in made.steps)

    def test_slices_on_threads(self):
        x = np.ones((40, 4000, 30))
        with er.config(threads=2, forbid=["dense.small", "dense.one_pass", "numpy.einsum"]):
            made = recorded(lambda: er.einsum("ijk,ijk->ij", x, x))
        assert made.outline.slices
        assert made.routes == ("dense.vecdot",)
        assert made.steps[0].seconds == pytest.approx(made.seconds)

    @pytest.mark.parametrize(
        ("call", "options", "reason"),
        [
            (lambda: er.einsum_path("ij->ji", A), (), "a path is asked for"),
            (lambda: er.einsum_path("ij->ji", A, optimize=True), ("optimize",), "a path is asked for"),
            (lambda: scipys.inv(A), (), ""),
            (lambda: scipys.lstsq(A, B, cond=1e-3), ("cond",), ""),
            (lambda: scipys.solve(A, B, assume_a="sym"), ("assume_a",), "SciPy's to judge"),
            (lambda: scipys.solve(A, B, check_finite=False), ("check_finite",), ""),
            (lambda: er.linalg.pinv(A, hermitian=True), ("hermitian",), "hermitian=True"),
        ],
    )
    def test_options_and_reasons_of_what_libraries_answer(self, call, options, reason):
        made = recorded(call)
        assert made.options == options
        assert reason in made.reason
        assert bool(made.reason) == bool(reason)

    def test_options_are_named(self):
        out = np.empty((50, 50))
        made = recorded(lambda: er.einsum("ij,jk->ik", A, A, out=out, order="C"))
        assert made.options == ("order", "out")

    def test_where_the_call_came_from(self):
        with er.record() as r:
            er.einsum("ij,jk->ik", A, A)
            er.einsum("ij,jk->ik", A, A)
        lines = [made.line for made in r.records]
        assert lines[1] == lines[0] + 1
        assert [(site.line, site.calls) for site in sorted(r.by_site(), key=lambda s: s.line)] == [
            (lines[0], 1),
            (lines[1], 1),
        ]

    def test_an_error_is_recorded_and_raised(self):
        with er.record() as r:
            with pytest.raises(ValueError, match="j"):
                er.einsum("ij,jk->ik", A, TINY_ONE)
            with pytest.raises(np.linalg.LinAlgError):
                er.linalg.solve(np.zeros((40, 40)), np.ones(40))
        assert [made.error for made in r.records] == ["ValueError", "LinAlgError"]
        assert r.to_dict()["errors"] == 2
        assert r.by_route() == ()
        assert "raised ValueError" in str(r)


def _recording(call: Callable[[], Any]) -> Any:
    with er.record() as r:
        call()
    return r


class TestNothingChanges:
    """The same results inside and outside, to the bit: values, types, layouts, errors, warnings."""

    @pytest.mark.parametrize("start", range(0, 600, 100))
    def test_results_of_the_fuzz(self, start):
        for index in range(start, start + 100):
            case = draw(11, index)
            er.cache_clear()
            outside = [_outcome(case) for _ in range(2)]
            er.cache_clear()
            with er.record() as r:
                inside = [_outcome(case) for _ in range(2)]
            assert inside == outside, case.text()
            assert r.calls == 2
            assert _outcome(case) == outside[1], case.text()

    def test_earned_plans(self):
        for _ in range(100):
            er.einsum("ij,jk->ik", TINY_ONE, TINY_ONE)
        with er.record():
            inside = er.einsum("ij,jk->ik", TINY_ONE, TINY_ONE)
        np.testing.assert_array_equal(inside, er.einsum("ij,jk->ik", TINY_ONE, TINY_ONE))

    def test_forcing_still_sees_its_routes(self):
        with forcing("dense.matmul") as ran, er.record() as r:
            er.einsum("ij,jk->ik", A, A)
        assert ran == ["dense.matmul"]
        assert r.records[0].routes == ("dense.matmul",)
        with er.record() as r, forcing(None) as ran:
            er.einsum("ij,jk->ik", TINY_ONE, TINY_ONE)
        assert ran == list(r.records[0].routes)

    def test_errstate_holds(self):
        huge = np.full((2, 2), 1e308)
        with er.record(), np.errstate(all="raise"), pytest.raises(FloatingPointError):
            er.matmul(huge, huge)  # not dot, which raises nothing before NumPy 2.3

    def test_no_operand_is_kept(self):
        a = A.copy()
        gone = weakref.ref(a)
        with er.record() as r:
            for call in (er.einsum, er.lstsq, er.dot, er.tensordot):
                call(*(("ij,jk->ik", a, a) if call is er.einsum else (a, a)))
            del a
            gc.collect()
            assert gone() is None
        assert r.calls == 4

    def test_pickle_finds_the_functions(self):
        with er.record():
            for function in (er.einsum, er.dot, er.matmul, er.lstsq):
                assert pickle.loads(pickle.dumps(function)) is function


def _outcome(case: Any) -> list[Any]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result, error = case.call(er), None
        except Exception as raised:
            result, error = None, (type(raised), str(raised))
    told: list[Any] = [error, sorted((w.category.__name__, str(w.message)) for w in caught)]
    if isinstance(result, np.ndarray | np.generic):
        array = np.asarray(result)
        # Long doubles have bytes that mean nothing.
        same = repr(array.tolist()) if array.dtype.char in "gGO" else array.tobytes()
        told += [type(result), array.dtype, array.shape, array.strides, same]
    else:
        told.append(repr(result))
    case.restore()
    return told


class TestContexts:
    def test_nested_recordings_each_get_the_call(self):
        with er.record() as outer:
            er.einsum("ij,jk->ik", A, A)
            with er.record() as inner:
                er.einsum("ij,jk->ik", A, A)
            er.einsum("ij,jk->ik", A, A)
        assert (outer.calls, inner.calls) == (3, 1)

    def test_generators_that_take_turns(self):
        def recording() -> Iterator[Any]:
            with er.record() as r:
                while True:
                    yield r

        first, second = recording(), recording()
        one, two = next(first), next(second)
        er.dot(A, A)
        first.close()
        er.dot(A, A)
        second.close()
        er.dot(A, A)
        with er.record() as other:
            er.dot(A, A)
        assert (one.calls, two.calls, other.calls) == (1, 2, 1)
        assert WATCH.users == 0
        assert LISTENERS.get() == ()

    def test_what_has_ended_is_told_nothing_in_copies_of_the_context(self):
        with er.record() as r:
            context = contextvars.copy_context()
        with er.record() as other:
            context.run(er.dot, A, A)
        assert (r.calls, other.calls) == (0, 0)

    def test_left_in_another_context(self):
        entered = er.record()
        r = contextvars.copy_context().run(entered.__enter__)
        entered.__exit__(None, None, None)
        assert r.over
        assert WATCH.users == 0

    def test_one_again_and_within_itself(self):
        block = er.record(keep=5)
        with block as outer:
            with block as inner:
                er.dot(A, A)
            er.dot(A, A)
        with block as later:
            er.dot(A, A)
        assert (outer.calls, inner.calls, later.calls) == (2, 1, 1)
        with pytest.raises(RuntimeError, match="left more often"):
            block.__exit__(None, None, None)

    def test_config_inside_and_outside(self):
        with er.record() as r, er.config(forbid="dense.matmul"):
            er.einsum("ij,jk->ik", A, A)
        with er.config(forbid="dense.matmul"), er.record() as other:
            er.einsum("ij,jk->ik", A, A)
        for found in (r, other):
            assert found.records[0].routes != ("dense.matmul",)
            assert ("dense.matmul", "forbidden by config(allow=, forbid=)") in found.records[0].steps[
                0
            ].refused

    def test_set_config_inside(self):
        with er.record() as r:
            er.set_config(forbid=["dense.matmul"])
            try:
                er.einsum("ij,jk->ik", A, A)
                assert er.get_config()["forbid"] == ("dense.matmul",)
            finally:
                er.set_config(forbid=())
            er.einsum("ij,jk->ik", A, A)
        assert r.records[0].routes != r.records[1].routes

    def test_reproducible(self):
        with er.record() as r, er.config(reproducible=True):
            for _ in range(4):
                er.lstsq(A, B)
                er.einsum("ij,jk->ik", TINY_ONE, TINY_ONE)
        assert {made.routes for made in r.records if made.function == "lstsq"} == {("numpy.linalg.lstsq",)}
        assert TINY not in {made.reason for made in r.records}

    def test_a_thread_is_recorded_in_a_copy_of_the_context_only(self):
        def work() -> None:
            er.einsum("ij,jk->ik", A, A)

        with er.record() as r:
            copied = contextvars.copy_context()
            for target, args in ((contextvars.Context().run, (work,)), (copied.run, (work,))):
                thread = threading.Thread(target=target, args=args)
                thread.start()
                thread.join()
        assert r.calls == 1

    def test_many_threads_at_once(self):
        def work() -> None:
            for _ in range(200):
                er.einsum("ij,jk->ik", A, A)
                er.lstsq(A, B)

        with er.record() as r:
            threads = [
                threading.Thread(target=contextvars.copy_context().run, args=(work,)) for _ in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert r.calls == 8 * 400
        assert sorted(made.number for made in r.records) == list(range(1, 3201))
        assert sum(found.calls for found in r.by_route()) == 3200
        assert {made.routes for made in r.records if made.function == "einsum"} == {("dense.matmul",)}

    def test_tasks_have_recordings_of_their_own(self):
        async def one(times: int) -> int:
            with er.record() as r:
                for _ in range(times):
                    await asyncio.sleep(0)
                    er.einsum("ij,jk->ik", A, A)
            return r.calls

        async def several() -> list[int]:
            return await asyncio.gather(*(one(times) for times in range(1, 5)))

        assert asyncio.run(several()) == [1, 2, 3, 4]

    def test_an_exception_ends_it(self):
        def leave() -> None:
            with er.record() as r:
                found.append(r)
                er.einsum("ij,jk->ik", A, A)
                raise KeyError

        found: list[Any] = []
        with pytest.raises(KeyError):
            leave()
        (r,) = found
        er.einsum("ij,jk->ik", A, A)
        assert r.calls == 1

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
    def test_a_forked_child_goes_on(self):
        code = (
            "import os, threading, numpy as np, einroute as er\n"
            "a = np.ones((50, 50))\n"
            "with er.record() as r:\n"
            "    er.einsum('ij,jk->ik', a, a)\n"
            "    held, done = threading.Event(), threading.Event()\n"
            "    def hold():\n"  # as if another thread were adding a record
            "        with r._lock:\n"
            "            held.set()\n"
            "            done.wait()\n"
            "    thread = threading.Thread(target=hold)\n"
            "    thread.start()\n"
            "    held.wait()\n"
            "    child = os.fork()\n"
            "    if child == 0:\n"
            "        er.einsum('ij,jk->ik', a, a)\n"
            "        os._exit(0 if r.calls == 2 else 1)\n"
            "    done.set()\n"
            "    status = os.waitpid(child, 0)[1]\n"
            "print(status, r.calls)\n"
        )
        assert printed(code, warnings="ignore").split() == ["0", "1"]

    @pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no such timer")
    def test_a_signals_handler_may_call(self):
        busy = threading.Lock()  # where a call takes longer than the timer, handlers would nest without end

        def call(*_):
            if busy.acquire(blocking=False):
                er.einsum("ij,jk->ik", A, A)
                busy.release()

        before = signal.signal(signal.SIGALRM, call)
        try:
            with er.record(keep=5) as r:
                signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
                for _ in range(2000):
                    er.einsum("ij,jk->ik", A, A)
                signal.setitimer(signal.ITIMER_REAL, 0)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert r.calls >= 2000
        assert len(r.records) == 5


class TestBounds:
    def test_records_are_bounded_and_sums_go_on(self):
        with er.record(keep=3) as r:
            for _ in range(10):
                er.einsum("ij,jk->ik", A, A)
        assert [made.number for made in r.records] == [1, 2, 3]
        assert (r.calls, r.dropped) == (10, 7)
        (found,) = r.by_route()
        assert (found.calls, found.steps) == (10, 10)
        assert found.seconds == pytest.approx(r.seconds)
        assert "records of the first 3" in str(r)
        assert len(json.loads(r.to_json())["records"]) == 3

    def test_places_are_bounded(self, monkeypatch):
        monkeypatch.setattr("einroute._record.sums.MOST_SITES", 2)
        with er.record() as r:
            er.einsum("ij,jk->ik", A, A)
            er.einsum("ij,jk->ik", A, A)
            er.einsum("ij,jk->ik", A, A)
            er.einsum("ij,jk->ik", A, A)
        assert sorted(site.calls for site in r.by_site()) == [1, 1, 2]

    @pytest.mark.parametrize("keep", [-1, 1.5, True, "many", None, np.ones(2), np.True_])
    def test_a_bad_number_of_records(self, keep):
        with pytest.raises(ValueError, match="keep must be a number of records"):
            er.record(keep=keep)

    def test_any_integer_is_a_number_of_records(self):
        with er.record(keep=np.uint8(1)) as r:
            for _ in range(3):
                er.dot(A, A)
        assert (r.calls, len(r.records)) == (3, 1)

    def test_nothing_recorded(self):
        with er.record() as r:
            pass
        assert str(r).startswith("0 calls")
        assert r.by_route() == r.by_site() == r.records == ()
        assert r._repr_html_()

    def test_sums_are_copies(self):
        r = _recording(lambda: er.einsum("ij,jk->ik", A, A))
        r.by_route()[0].calls = 99
        r.by_site()[0].routes.clear()
        assert r.by_route()[0].calls == 1
        assert r.by_site()[0].routes == {"dense.matmul": 1}

    def test_equal_calls_share_a_line(self):
        with er.record() as r:
            for _ in range(30):
                er.einsum("ij,jk->ik", A, A)
        assert "2 x29" in str(r)  # the first is a miss

    def test_text_keeps_to_80_columns(self):
        with er.record() as r:
            er.einsum("ij,jk,kl,lm,mn,no,op->ip", *[A] * 7)
            er.tensordot(scipy.sparse.csr_array(np.eye(3)), np.ones((3, 1000, 2, 2)), axes=1)
            with contextlib.suppress(ValueError):
                er.einsum("ij,jk->ik", A, np.ones((777, 2)))
        lines = str(r).splitlines()
        assert max(map(len, lines)) <= 80
        assert sum("test_record.py:" in line for line in lines) == 3

    def test_a_record_in_a_list_is_short(self):
        with er.record() as r:
            er.einsum("ij,jk->ik", A, A)
            with contextlib.suppress(ValueError):
                er.einsum("ij,jk->ik", A, np.ones((777, 2)))
        done, raised = map(repr, r.records)
        assert done.startswith("<Record 1: einsum ij,jk->ik, by dense.")
        assert raised.startswith("<Record 2: einsum ij,jk->ik, raised ValueError, ")


class Hostile:
    """Raises whenever it is asked anything."""

    @property
    def shape(self) -> Any:
        raise RuntimeError("no")

    @property
    def dtype(self) -> Any:
        raise RuntimeError("no")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return "theirs"


class TestHostileOperands:
    def test_operands_that_raise(self):
        with er.record() as r:
            assert er.einsum("ij,jk", Hostile(), A) == "theirs"
            assert er.dot(Hostile(), A) == "theirs"
        assert [made.function for made in r.records] == ["einsum", "dot"]
        assert [op.shape for op in r.records[0].outline.operands] == [None, (50, 50)]

    @pytest.mark.parametrize(
        "call",
        [
            er.dot, er.einsum, er.tensordot, er.linalg.multi_dot, er.lstsq, er.matmul, er.vecdot, er.outer,
            lambda: er.einsum(3), lambda: er.einsum("ij", None), lambda: er.linalg.multi_dot(iter([A, A])),
            lambda: er.linalg.multi_dot(5), lambda: er.tensordot(A), lambda: er.dot(A, axes=3),
            lambda: er.inner(None, None), lambda: er.lstsq(None, None), lambda: er.matmul(A),
        ],
    )  # fmt: skip
    def test_bad_calls_raise_what_they_raise_without(self, call):
        with pytest.raises(Exception) as outside:
            call()
        with er.record() as r, pytest.raises(Exception) as inside:
            call()
        assert type(inside.value) is type(outside.value)
        assert str(inside.value) == str(outside.value)
        assert r.calls in {0, 1}  # 0 where the arguments are none of the function's
        assert r.to_json()

    def test_names_are_escaped(self):
        odd = type("<script>alert(1)</script>&", (Foreign,), {})()
        html = _recording(lambda: er.einsum("ij,jk", odd, A))._repr_html_()
        assert "<script" not in html
        assert "&lt;script&gt;" in html


class TestPlaces:
    def test_the_line_of_an_instruction_is_looked_up_once(self, monkeypatch):
        """Python counts lines from the begin of the code: 60 us a call at the end of a long script."""
        asked = []
        real = sys._getframe

        class Frame:
            def __init__(self, frame):
                self.frame = frame

            def __getattr__(self, name):
                asked.append(name)
                found = getattr(self.frame, name)
                return Frame(found) if name == "f_back" and found is not None else found

        monkeypatch.setattr(places.sys, "_getframe", lambda depth: Frame(real(depth + 1)))
        known = places.Places()
        found = [known.here() for _ in range(5)]
        assert set(found) == {(__file__, found[0][1])}
        assert asked.count("f_lineno") == 1

    def test_lines_of_one_function_and_of_codes_that_come_and_go(self):
        known = places.Places()
        first = known.here()
        assert known.here() == (first[0], first[1] + 1)
        seen = set()
        for k in range(50):
            scope = {"here": known.here}
            exec(compile("\n" * k + "place = here()", f"<{k}>", "exec"), scope)
            seen.add(scope["place"])
        assert seen == {(f"<{k}>", k + 1) for k in range(50)}

    def test_places_that_are_remembered_are_bounded(self, monkeypatch):
        monkeypatch.setattr(places, "MOST", 4)
        known = places.Places()
        for k in range(20):
            scope = {"here": known.here}
            exec(compile("place = here()", f"<{k}>", "exec"), scope)
            assert scope["place"] == (f"<{k}>", 1)
        assert len(known._known) <= 4
