"""strict, allow and forbid, and the environment variables that set defaults."""

from __future__ import annotations

import contextvars
import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
import einroute.scipy.linalg as scipys
from einroute._config.options import FACTOR_ROUTES, Config, known_routes
from einroute._config.typed import Options, ProcessOptions
from einroute._kinds.registry import route_names
from tests.processes import printed
from tests.stand_ins import Foreign

A = np.random.default_rng(1).standard_normal((50, 50))
B = A[0].copy()
SMALL = np.ones((3, 3))
INTS = np.arange(250_000).reshape(500, 500) % 7
CSR = scipy.sparse.csr_array(np.eye(50))


@pytest.fixture(autouse=True)
def _empty_caches() -> Iterator[None]:
    er.cache_clear()
    yield
    er.set_config(prepare="auto", strict=False, allow=None, forbid=())
    er.cache_clear()


class Own(np.ndarray):
    """A subclass that changes nothing."""


F = Foreign()
OBJECTS = SMALL.astype(object)
MATRIX = INTS.view(Own)
AXES = [(0, 1), (0, 1), (0, 1)]
FALLBACKS: list[tuple[Callable[[], Any], str]] = [
    (lambda: er.einsum("ij,jk", F, SMALL), "operand 0 is of type Foreign"),
    (lambda: er.einsum("ij,jk", A.astype(object), A), "dtype object"),
    (lambda: er.einsum("ij->j", INTS, out=np.ones(500, int).view(Own)), "out is of type Own"),
    (lambda: er.tensordot(SMALL, F, 1), "operand 1 is of type Foreign"),
    (lambda: er.tensordot(SMALL.astype(object), SMALL, 1), "dtype object"),
    (lambda: er.dot(F, SMALL), "operand 0 is of type Foreign"),
    (lambda: er.inner(F, SMALL), "operand 0 is of type Foreign"),
    (lambda: er.matmul(SMALL, F), "operand 1 is of type Foreign"),
    (lambda: er.vdot(SMALL, F), "operand 1 is of type Foreign"),
    (lambda: er.outer(B, F), "operand 1 is of type Foreign"),
    (lambda: er.vecdot(SMALL, F), "operand 1 is of type Foreign"),
    (lambda: er.matvec(SMALL, F), "operand 1 is of type Foreign"),
    (lambda: er.vecmat(F, SMALL), "operand 0 is of type Foreign"),
    (lambda: er.vecmat(OBJECTS, SMALL), "operand 0 is of dtype object"),
    (lambda: er.matvec(INTS, INTS, axes=[(0, 1), 0, 0]), "integers with axes="),
    (lambda: er.linalg.matrix_power(OBJECTS, 2), "operand 0 is of dtype object"),
    (lambda: er.linalg.multi_dot([SMALL, F]), "operand 1 is of type Foreign"),
    (lambda: er.linalg.tensordot(SMALL, F, axes=1), "operand 1 is of type Foreign"),
    (lambda: er.linalg.matmul(SMALL, F), "operand 1 is of type Foreign"),
    (lambda: er.linalg.outer(B, F), "operand 1 is of type Foreign"),
    (lambda: er.linalg.vecdot(SMALL, F), "operand 1 is of type Foreign"),
    (lambda: er.einsum("ij,jk", OBJECTS, SMALL), "dtype object"),
    (lambda: er.einsum("ij->j", OBJECTS), "dtype object"),
    (lambda: er.dot(OBJECTS, SMALL), "operand 0 is of dtype object"),
    (lambda: er.inner(SMALL, OBJECTS), "operand 1 is of dtype object"),
    (lambda: er.matmul(OBJECTS, SMALL), "operand 0 is of dtype object"),
    (lambda: er.matmul(OBJECTS, OBJECTS, axes=AXES), "operand 0 is of dtype object"),
    (lambda: er.vdot(OBJECTS, SMALL), "operand 0 is of dtype object"),
    (lambda: er.outer(SMALL, OBJECTS), "operand 1 is of dtype object"),
    (lambda: er.vecdot(OBJECTS, SMALL), "operand 0 is of dtype object"),
    (lambda: er.linalg.multi_dot([SMALL, OBJECTS, SMALL]), "operand 1 is of dtype object"),
    (lambda: er.linalg.tensordot(OBJECTS, SMALL, axes=1), "dtype object"),
    (lambda: er.linalg.matmul(OBJECTS, SMALL), "operand 0 is of dtype object"),
    (lambda: er.linalg.outer(OBJECTS[0], SMALL[0]), "operand 0 is of dtype object"),
    (lambda: er.linalg.vecdot(OBJECTS, SMALL), "operand 0 is of dtype object"),
    (lambda: er.dot(np.ones(2, "m8[s]"), np.ones(2)), "dtype timedelta64[s]"),
    (lambda: er.dot(MATRIX, INTS), "operand 0 is of type Own, a class that"),
    (lambda: er.matmul(INTS, np.ma.array(INTS)), "operand 1 is of type MaskedArray"),
    (lambda: er.dot(INTS, INTS, np.empty_like(INTS)), "integers with out="),
    (lambda: er.matmul(INTS, INTS, axes=AXES), "integers with axes="),
    (lambda: er.outer(INTS[0], INTS[0], out=np.empty_like(INTS)), "integers with out="),
    (lambda: er.lstsq(F, B), "operand 0 is of type Foreign"),
    (lambda: er.linalg.solve(A, F), "operand 1 is of type Foreign"),
    (lambda: er.linalg.inv(F), "operand 0 is of type Foreign"),
    (lambda: er.linalg.pinv(F), "operand 0 is of type Foreign"),
]
RIGHT: list[Callable[[], Any]] = [
    lambda: er.einsum("ij,jk->ik", A, A),
    lambda: er.einsum("ij,jk->ik", SMALL, SMALL),
    lambda: er.einsum("ij->j", SMALL),
    lambda: er.einsum("ij->ji", INTS),
    lambda: er.einsum("ij,jk->ik", [[1.0]], [[2.0]]),
    lambda: er.einsum("ij,jk->ik", CSR, A),
    lambda: er.einsum(",ij->ij", 2.0, A),
    lambda: er.tensordot(A, A, 1),
    lambda: er.dot(A, A),
    lambda: er.dot([1, 2], [3, 4]),
    lambda: er.dot(A, 2.0),
    lambda: er.dot(CSR, A),
    lambda: er.inner(INTS, INTS),
    lambda: er.matmul(A, A, out=np.empty((50, 50))),
    lambda: er.vdot(B, B),
    lambda: er.outer(B, B, out=np.empty((50, 50))),
    lambda: er.vecdot(A, A, axis=0),
    lambda: er.matmul(A, A, axes=AXES),
    lambda: er.matmul(INTS, INTS),
    lambda: er.matvec(INTS, INTS),
    lambda: er.vecmat(A, A, axes=[-1, (-2, -1), -1]),
    lambda: er.linalg.matrix_power(INTS, 3),
    lambda: er.linalg.matrix_power(A, -1),
    lambda: er.linalg.matrix_power(CSR, 2),
    lambda: er.dot(A.view(Own), A),
    lambda: er.dot(er.routed(INTS), INTS),
    lambda: er.matmul(np.asarray(A, "g"), A),
    lambda: er.linalg.multi_dot([A, A]),
    lambda: er.lstsq(A, B),
    lambda: er.lstsq(CSR, B),
    lambda: er.linalg.solve(np.stack([A, A]), A),
    lambda: er.linalg.inv(SMALL + np.eye(3)),
    lambda: er.linalg.pinv(A, hermitian=True),
    lambda: scipys.solve(A, B, assume_a="gen"),
]


class TestStrict:
    @pytest.mark.parametrize(("call", "reason"), FALLBACKS)
    def test_a_fallback_is_refused_and_why(self, call, reason):
        call()  # allowed by default
        with er.config(strict=True), pytest.raises(er.NoRoute, match="strict=True") as raised:
            call()
        assert reason in str(raised.value)
        call()

    @pytest.mark.parametrize(("call", "reason"), FALLBACKS)
    def test_also_the_second_time_and_while_recording(self, call, reason):
        with er.config(strict=True), er.record() as r:
            for _ in range(2):
                with pytest.raises(er.NoRoute):
                    call()
        assert [made.error for made in r.records] == ["NoRoute", "NoRoute"]

    @pytest.mark.parametrize("call", RIGHT)
    def test_what_numpy_is_right_for_is_not(self, call):
        expected = call()
        with er.config(strict=True):
            got = call()
        assert type(got) is type(expected)
        if isinstance(expected, np.ndarray):
            np.testing.assert_array_equal(got, expected)

    def test_no_result_is_half_written(self):
        out = np.zeros((3, 3))
        with er.config(strict=True), pytest.raises(er.NoRoute):
            er.einsum("ij,jk->ik", SMALL.astype(object), SMALL, out=out)
        assert not out.any()

    def test_explain_says_so(self):
        with er.config(strict=True):
            with pytest.raises(er.NoRoute, match="Foreign"):
                er.explain("ij,jk", F, SMALL)
            with pytest.raises(er.NoRoute, match="Foreign"):
                er.explain(er.dot, F, SMALL)
            with pytest.raises(er.NoRoute, match="Foreign"):
                er.explain(er.lstsq, F, SMALL)
            for function in (er.dot, er.inner, er.matmul, er.vdot, er.outer, er.vecdot, er.linalg.matmul):
                with pytest.raises(er.NoRoute, match="dtype object"):
                    er.explain(function, OBJECTS, SMALL)
            with pytest.raises(er.NoRoute, match="dtype object"):
                er.explain(er.linalg.multi_dot, [OBJECTS, SMALL, SMALL])
            with pytest.raises(er.NoRoute, match="integers with axes="):
                er.explain(er.matmul, INTS, INTS, axes=AXES)

    def test_as_the_process_default(self):
        er.set_config(strict=True)
        with pytest.raises(er.NoRoute):
            er.dot(F, SMALL)
        with er.config(strict=False):
            assert er.dot(F, SMALL) == "theirs"


class TestAllowAndForbid:
    def test_names_are_those_of_the_registry(self):
        assert set(known_routes()) == set(route_names()) | set(FACTOR_ROUTES)

    def test_names_load_no_library_of_operands(self):
        code = "import sys, einroute._config.options as o; o.known_routes(); print('sparse' in sys.modules)"
        assert printed(code) == "False"

    @pytest.mark.parametrize("forbid", ["dense.matmul", ["dense.matmul"], {"dense.matmul", "dense.vecdot"}])
    def test_a_forbidden_route_is_not_taken(self, forbid):
        assert er.explain("ij,jk->ik", A, A).routes == ("dense.matmul",)
        with er.config(forbid=forbid), er.record() as r:
            result = er.einsum("ij,jk->ik", A, A)
            assert "dense.matmul" not in er.explain("ij,jk->ik", A, A).routes
        assert r.records[0].routes == ("numpy.einsum",)
        np.testing.assert_allclose(result, A @ A)

    def test_only_what_is_allowed_is_taken(self):
        with er.config(allow=["dense.multiply", "dense.reduce", "numpy.einsum"]), er.record() as r:
            er.einsum("ij,jk->ik", A, A)
        assert set(r.records[0].routes) <= {"dense.multiply", "dense.reduce", "numpy.einsum"}

    def test_forbid_takes_from_allow(self):
        with er.config(allow=["dense.matmul", "numpy.einsum"], forbid=["dense.matmul"]), er.record() as r:
            er.einsum("ij,jk->ik", A, A)
        assert r.records[0].routes == ("numpy.einsum",)

    @pytest.mark.parametrize(
        ("options", "call"),
        [
            ({"allow": []}, lambda: er.einsum("ij,jk->ik", A, A)),
            ({"allow": ()}, lambda: er.einsum("ij,jk->ik", SMALL, SMALL)),
            ({"allow": "sparse.join"}, lambda: er.einsum("ij,jk->ik", A, A, optimize=True)),
            ({"forbid": ["dense.matmul", "numpy.einsum"]}, lambda: er.tensordot(A, A, 1)),
            ({"allow": "dense.copy"}, lambda: er.linalg.multi_dot([A, A, A])),
            ({"allow": "dense.matmul"}, lambda: er.einsum("ij,jk->ik", CSR, CSR)),
            ({"allow": "dense.matmul"}, lambda: er.tensordot(CSR, A, 1)),
            ({"allow": "dense.matmul"}, lambda: er.lstsq(CSR, B)),
            ({"forbid": "factors.sparse_lu"}, lambda: er.linalg.solve(CSR, B)),
        ],
    )
    def test_nothing_left_is_an_error_that_names_the_option(self, options, call):
        call()
        with er.config(**options):
            for _ in range(2):
                with pytest.raises(er.NoRoute, match=r"config\(allow=, forbid=\)"):
                    call()
        call()

    def test_tiny_calls_obey(self):
        with er.config(forbid="numpy.einsum"), er.record() as r:
            for _ in range(3):
                er.einsum("ij,jk->ik", SMALL, SMALL)
                er.einsum("ij->j", SMALL)
        assert "numpy.einsum" not in {route for made in r.records for route in made.routes}

    def test_numpys_own_tensordot_stays_where_no_route_warns_as_it_does(self):
        a = np.ones((4, 4), "f2")
        plain, changed = er.tensordot(a, a, 1), None
        with er.config(forbid="sparse.tiles"):
            changed = er.tensordot(a, a, 1)
        np.testing.assert_array_equal(plain, changed)

    def test_products_of_integers(self):
        with er.config(forbid=["dense.integer_matmul", "dense.split_integer_matmul"]), er.record() as r:
            result = er.dot(INTS, INTS)
        np.testing.assert_array_equal(result, INTS @ INTS)
        assert "dense.integer_matmul" not in r.records[0].routes

    @pytest.mark.parametrize(
        ("function", "args", "route"),
        [
            (er.lstsq, (A, B), "factors.svd"),
            (er.linalg.pinv, (A,), "factors.svd"),
            (er.linalg.solve, (A, B), "factors.lu"),
            (er.linalg.inv, (A,), "factors.inverse"),
            (scipys.lstsq, (A, B), "factors.svd"),
            (scipys.solve, (A, B), "factors.lu"),
        ],
    )
    def test_kept_factors(self, function, args, route):
        er.set_config(prepare="now")
        with er.config(forbid=route), er.record() as r:
            for _ in range(4):
                function(*args)
            assert er.explain(function, *args).cache == "not asked"
        assert er.cache_info()["made"] == 0
        assert {made.routes[0].partition(".")[0] for made in r.records} == {"numpy"} or {
            made.routes[0].partition(".")[0] for made in r.records
        } == {"scipy"}
        with er.config(allow=[route]), er.record() as r:
            function(*args)
        assert r.records[0].routes == (route,)

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"forbid": "dense.matmull"}, "did you mean 'dense.matmul'"),
            ({"allow": ["dense.matmul", "sparse.tile"]}, "did you mean 'sparse.tiles'"),
            ({"forbid": ["numpy.dot"]}, "see strict"),
            ({"forbid": ["factors.sdv"]}, "factors.svd"),
            ({"forbid": [3]}, "name of a route"),
            ({"forbid": None}, "name of a route"),
            ({"allow": 3}, "or None"),
            ({"allow": {"dense.matmul": 1}}, "name of a route"),
            ({"strict": 1}, "True or False"),
            ({"strict": "yes"}, "True or False"),
        ],
    )
    def test_bad_values_change_nothing(self, options, says):
        before = er.get_config()
        with pytest.raises(ValueError, match="|".join(options)) as raised, er.config(**options):
            pass
        assert says in str(raised.value)
        with pytest.raises(ValueError, match="|".join(options)):
            er.set_config(**options)
        assert er.get_config() == before

    def test_unknown_options_are_named(self):
        with pytest.raises(TypeError, match="did you mean 'strict'"), er.config(strickt=True):
            pass
        with pytest.raises(TypeError, match="did you mean 'forbid'"):
            er.set_config(forbidd=[])

    def test_get_config_shows_them(self):
        with er.config(forbid=["sparse.tiles", "dense.matmul"], allow=None, strict=True):
            shown = er.get_config()
        assert shown["forbid"] == ("dense.matmul", "sparse.tiles")
        assert shown["allow"] is None
        assert shown["strict"] is True


class TestBlocks:
    def test_config_blocks_that_end_in_turn(self):
        def configured(**options: Any) -> Iterator[None]:
            with er.config(**options):
                yield

        before = er.get_config()
        first, second = configured(threads=3), configured(memory_limit=1 << 20, forbid="dense.matmul")
        next(first), next(second)
        assert er.get_config()["threads"] == 3
        first.close()
        assert er.get_config() == before | {"memory_limit": 1 << 20, "forbid": ("dense.matmul",)}
        with er.config(threads=5):
            second.close()
            assert er.get_config() == before | {"threads": 5}
        assert er.get_config() == before

    def test_a_config_block_left_in_another_context(self):
        before = er.get_config()
        block = er.config(threads=7)
        contextvars.copy_context().run(block.__enter__)
        block.__exit__(None, None, None)
        assert er.get_config() == before
        with pytest.raises(RuntimeError, match="left more often"):
            block.__exit__(None, None, None)

    @settings(max_examples=60)
    @given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=24))
    def test_any_coming_and_going(self, steps):
        """What is in force is the defaults changed by the open blocks, in the order in which they began."""
        choices = ({"threads": 3}, {"memory_limit": 9}, {"threads": 5, "strict": True}, {"strict": False})
        defaults = er.get_config()
        blocks = [er.config(**options) for options in choices]
        opened: list[int] = []
        for which, enters in steps:
            if enters:
                blocks[which].__enter__()
                opened.append(which)
            elif which in opened:
                blocks[which].__exit__(None, None, None)
                del opened[len(opened) - 1 - opened[::-1].index(which)]
            expected = dict(defaults)
            for open_one in opened:
                expected |= choices[open_one]
            assert er.get_config() == expected
        for which in opened:
            blocks[which].__exit__(None, None, None)
        assert er.get_config() == defaults

    def test_a_block_says_that_it_wants_a_with(self):
        assert repr(er.config(threads=7)) == "<config(threads=7), in force inside a with block>"

    def test_one_block_again_and_within_itself(self):
        block = er.config(threads=7)
        for _ in range(2):
            with block, er.config(threads=5), block:
                assert er.get_config()["threads"] == 7
        assert er.get_config()["threads"] != 7

    def test_above_a_function(self):
        @er.config(threads=7)
        def threads():
            return er.get_config()["threads"]

        assert threads() == 7
        assert er.get_config()["threads"] != 7

    def test_above_a_generator_function_is_refused(self):
        def generator():
            yield er.get_config()

        with pytest.raises(TypeError, match=r"config cannot decorate .*with config\(\):"):
            er.config(threads=7)(generator)

    @pytest.mark.parametrize(
        ("options", "error"),
        [({"thread": 2}, TypeError), ({"threads": 0}, ValueError), ({"forbid": "x"}, ValueError)],
    )
    def test_what_makes_no_sense_is_refused_before_the_block(self, options, error):
        with pytest.raises(error):
            er.config(**options)

    def test_any_integer_is_a_number(self):
        with er.config(threads=np.int64(2), memory_limit=np.uint8(5)):
            found = er.get_config()
        assert (found["threads"], found["memory_limit"]) == (2, 5)
        assert type(found["threads"]) is type(found["memory_limit"]) is int
        before = er.get_config()["cache_bytes"]
        er.set_config(cache_bytes=np.int32(100))
        assert er.get_config()["cache_bytes"] == 100
        er.set_config(cache_bytes=before)

    def test_more_threads_than_any_machine_has(self):
        with er.config(threads=2**70):
            assert er.einsum("ijk->j", np.ones((80, 80, 80))).tolist() == [6400.0] * 80

    @pytest.mark.parametrize("value", [np.True_, True, 1.0, "2", None, np.ones(2, int), 0])
    def test_what_is_no_number_of_threads(self, value):
        with pytest.raises(ValueError, match=r"threads must be a number of threads \(an int >= 1\), not "):
            er.config(threads=value)


def configured(**environment: str) -> subprocess.CompletedProcess[str]:
    """What a fresh interpreter's defaults are."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EINROUTE_")}
    return subprocess.run(
        [sys.executable, "-c", "import einroute as er; print(er.get_config())"],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class TestEnvironment:
    @pytest.mark.parametrize(
        ("name", "value", "option", "expected"),
        [
            ("EINROUTE_NUM_THREADS", "3", "threads", 3),
            ("EINROUTE_NUM_THREADS", "3,2", "threads", 3),
            ("EINROUTE_MEMORY_LIMIT", "1000", "memory_limit", 1000),
            ("EINROUTE_CACHE_BYTES", "0", "cache_bytes", 0),
            ("EINROUTE_KEEP_BYTES", "5", "keep_bytes", 5),
            ("EINROUTE_PREPARE", "never", "prepare", "never"),
            ("EINROUTE_REPRODUCIBLE", "1", "reproducible", True),
            ("EINROUTE_REPRODUCIBLE", "no", "reproducible", False),
            ("EINROUTE_ON_DENSIFY", "raise", "on_densify", "raise"),
            ("EINROUTE_STRICT", "TRUE", "strict", True),
            ("EINROUTE_TUNE", "never", "tune", "never"),
            ("EINROUTE_FORBID", "sparse.tiles, dense.matmul", "forbid", ("dense.matmul", "sparse.tiles")),
            ("EINROUTE_ALLOW", "dense.matmul,factors.svd", "allow", ("dense.matmul", "factors.svd")),
            ("EINROUTE_ALLOW", "", "allow", None),
        ],
    )
    def test_a_variable_sets_the_default(self, name, value, option, expected):
        done = configured(**{name: value})
        assert done.stderr == ""
        assert eval(done.stdout)[option] == expected

    @pytest.mark.parametrize(
        ("name", "value", "option"),
        [
            ("EINROUTE_NUM_THREADS", "many", "threads"),
            ("EINROUTE_NUM_THREADS", "0", "threads"),
            ("EINROUTE_NUM_THREADS", "-2", "threads"),
            ("EINROUTE_MEMORY_LIMIT", "1e9", "memory_limit"),
            ("EINROUTE_MEMORY_LIMIT", "-5", "memory_limit"),
            ("EINROUTE_CACHE_BYTES", "1G", "cache_bytes"),
            ("EINROUTE_KEEP_BYTES", "-1", "keep_bytes"),
            ("EINROUTE_PREPARE", "soon", "prepare"),
            ("EINROUTE_REPRODUCIBLE", "perhaps", "reproducible"),
            ("EINROUTE_ON_DENSIFY", "shout", "on_densify"),
            ("EINROUTE_STRICT", "2", "strict"),
            ("EINROUTE_TUNE", "always", "tune"),
            ("EINROUTE_FORBID", "dense.matmull", "forbid"),
            ("EINROUTE_ALLOW", "everything", "allow"),
            ("EINROUTE_ALLOW", ",", "allow"),
            ("EINROUTE_FORBID", ",,", "forbid"),
            ("EINROUTE_NUM_THREADS", "\N{SUPERSCRIPT TWO}", "threads"),
        ],
    )
    def test_a_wrong_value_is_warned_of_and_ignored(self, name, value, option):
        done = configured(**{name: value})
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("UserWarning") == 1
        assert f"{name} is {value!r} and is ignored; expected" in done.stderr
        assert done.stderr.startswith("<string>:1: ")  # where it is imported, not a line of ours
        assert eval(done.stdout)[option] == eval(configured().stdout)[option]

    @pytest.mark.parametrize("value", ["\N{SUPERSCRIPT TWO}", "0", "-1", "many", ","])
    def test_a_strange_omp_num_threads_is_ignored(self, value):
        done = configured(OMP_NUM_THREADS=value)
        assert (done.returncode, done.stderr) == (0, "")
        assert eval(done.stdout)["threads"] == len(os.sched_getaffinity(0))

    def test_omp_num_threads_is_obeyed(self):
        assert eval(configured(OMP_NUM_THREADS="7,2").stdout)["threads"] == 7

    def test_a_close_name_is_suggested(self):
        assert "did you mean 'dense.matmul'" in configured(EINROUTE_FORBID="dense.matmull").stderr


def test_type_checkers_see_every_option() -> None:
    own = {f.name for f in dataclasses.fields(Config)}
    assert set(Options.__annotations__) == own
    assert own | set(ProcessOptions.__annotations__) == set(er.get_config())
