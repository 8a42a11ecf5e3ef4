"""override(), install() and uninstall(): what stands in NumPy's and SciPy's place, and what is put back."""

from __future__ import annotations

import ast
import copy
import functools
import importlib
import inspect
import itertools
import os
import pickle
import subprocess
import sys
import threading
import types
import warnings
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from einroute._base import numpy_functions as _numpys
from einroute._override.patches import PATCHES
from einroute._override.places import FUNCTIONS
from tests.helpers import EXPRESSIONS, make, public_type
from tests.processes import printed
from tests.routed_names import NAMES

MODULES = {"numpy": np, "numpy.linalg": np.linalg, "scipy.linalg": scipy.linalg}


#: What an override without names replaces: no ufuncs.
UNNAMED = tuple(
    name for name in NAMES if not (name.count(".") == 1 and isinstance(getattr(np, name[6:]), np.ufunc))
)
NUMPYS = {name for name in UNNAMED if name.startswith("numpy")}
LAST = sorted({name.rpartition(".")[2] for name in NAMES})  # all of them, named


def standing(name: str) -> Any:
    """What stands at a full name now."""
    place, _, name = name.rpartition(".")
    return vars(MODULES[place])[name]


ORIGINALS = {name: standing(name) for name in NAMES}


def routed_now() -> set[str]:
    """The full names that are overridden."""
    return {name for name in NAMES if standing(name) is not ORIGINALS[name]}


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """Every test finds and leaves the modules as they were, in the order of their names too."""
    before = {name: [*vars(module).items()] for name, module in MODULES.items()}
    finders = [*sys.meta_path]
    yield
    assert routed_now() == set()
    for name, module in MODULES.items():
        # What a lazy import added meanwhile comes after.
        assert [*vars(module)][: len(before[name])] == [key for key, _ in before[name]]
        assert all(vars(module)[key] is value for key, value in before[name])
    assert [*sys.meta_path] == finders
    assert not PATCHES._public
    assert not PATCHES._scanned
    assert not PATCHES._live


class TestPlaces:
    def test_all_of_them(self) -> None:
        with er.override() as over:
            assert routed_now() == set(UNNAMED)
            assert over.replaced[: len(UNNAMED)] == UNNAMED
        assert over.replaced == ()
        assert routed_now() == set()

    def test_ufuncs_only_where_they_are_named(self) -> None:
        assert set(NAMES) - set(UNNAMED) >= {"numpy.matmul", "numpy.vecdot"}
        for names in ((), ("einsum",)):
            with er.override(*names):
                assert all(
                    standing(name) is ORIGINALS[name]
                    for name in NAMES
                    if isinstance(ORIGINALS[name], np.ufunc)
                )
        assert all(name in UNNAMED for name in er.install() if name in NAMES)
        er.uninstall()
        with er.override(*LAST) as over:
            assert routed_now() == set(NAMES) == set(over.replaced).intersection(NAMES)

    def test_every_routed_function_has_a_place(self) -> None:
        assert {str(function) for function in FUNCTIONS} == set(NAMES)

    @pytest.mark.parametrize("name", NAMES)
    def test_calls_ours(self, name: str) -> None:
        with er.override(name):
            assert routed_now() == {name}
            assert standing(name)._ours is not ORIGINALS[name]
            assert standing(name).__call__ is standing(name)._ours
            ours = standing(name)._ours
            assert getattr(ours, "__self__", ours).__module__.startswith("einroute")
            assert getattr(ours, "__self__", ours).__name__ == ORIGINALS[name].__name__

    @pytest.mark.parametrize(
        ("names", "meant"),
        [
            (("einsum",), {"numpy.einsum"}),
            (("lstsq",), {"numpy.linalg.lstsq", "scipy.linalg.lstsq"}),
            (("linalg.lstsq",), {"numpy.linalg.lstsq"}),
            (("np.linalg.lstsq",), {"numpy.linalg.lstsq"}),
            (("numpy.linalg.lstsq",), {"numpy.linalg.lstsq"}),
            (("scipy.linalg.lstsq",), {"scipy.linalg.lstsq"}),
            (("np.tensordot",), {"numpy.tensordot"}),
            (("tensordot",), {"numpy.tensordot", "numpy.linalg.tensordot"}),
            (("einsum", "einsum", "numpy.einsum"), {"numpy.einsum"}),
            (("einsum", "solve"), {"numpy.einsum", "numpy.linalg.solve", "scipy.linalg.solve"}),
        ],
    )
    def test_a_subset(self, names: Any, meant: set[str]) -> None:
        with er.override(*names) as over:
            assert routed_now() == meant
            assert set(over.replaced) == meant

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("einsun", "'einsun'.*did you mean 'einsum'"),
            ("lstq", "did you mean 'lstsq'"),
            ("linalg.slove", "did you mean 'linalg.solve'"),
            ("scipy.linalg.svd", "none of the functions"),
            ("", "expected one of"),
            ("numpy", "none of the functions"),
        ],
    )
    def test_unknown_names_are_errors(self, name: str, says: str) -> None:
        for function in (er.override, er.install):
            with pytest.raises(ValueError, match=says):
                function("einsum", name)

    @pytest.mark.parametrize("name", [None, 3, b"einsum", ("einsum",), np.einsum])
    def test_what_is_no_name(self, name: Any) -> None:
        for function in (er.override, er.install):
            with pytest.raises(TypeError, match="names of functions"):
                function(name)

    def test_imported_is_a_flag(self) -> None:
        wrong: Any = "my_module"
        for function in (er.override, er.install):
            with pytest.raises(TypeError, match="imported is 'my_module', expected True or False"):
                function("einsum", imported=wrong)

    def test_a_decorator_without_parentheses(self) -> None:
        with pytest.raises(TypeError, match=r"@override\(\)"):

            @er.override
            def function() -> None:
                pass


class TestEntering:
    def test_nested(self) -> None:
        with er.override("einsum"), er.override("einsum", "dot"):
            with er.override():
                assert routed_now() == set(UNNAMED)
            assert routed_now() == {"numpy.einsum", "numpy.dot"}
        assert routed_now() == set()

    @pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
    def test_leaving_in_any_order(self, order: tuple[int, ...]) -> None:
        overs = [er.override("einsum", "dot"), er.override("dot"), er.override(), er.override("inv")]
        meant = [
            {"numpy.einsum", "numpy.dot"},
            {"numpy.dot"},
            set(UNNAMED),
            {"numpy.linalg.inv", "scipy.linalg.inv"},
        ]
        for over in overs:
            over.__enter__()
        left = {*range(4)}
        for i in order:
            overs[i].__exit__(None, None, None)
            left.remove(i)
            assert routed_now() == set().union(*(meant[j] for j in left))

    def test_one_override_again_and_within_itself(self) -> None:
        over = er.override("einsum")
        for _ in range(3):
            with over, over:
                with over:
                    assert routed_now() == {"numpy.einsum"}
                assert routed_now() == {"numpy.einsum"}
            assert routed_now() == set()

    def test_exceptions(self) -> None:
        for error in (ValueError, KeyboardInterrupt, SystemExit, GeneratorExit):
            with pytest.raises(error), er.override(), er.override("dot"):
                raise error
            assert routed_now() == set()

    def test_an_error_while_entering_leaves_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(PATCHES, "_scan", lambda *_, **__: (_ for _ in ()).throw(MemoryError))
        with pytest.raises(MemoryError), er.override(imported=True):
            pass
        assert routed_now() == set()

    @pytest.mark.parametrize("leaving", [False, True])
    def test_an_interrupt_at_any_step_leaves_nothing_half_done(
        self, leaving: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        own = PATCHES._settle_function
        for step in range(len(FUNCTIONS)):
            over, calls = er.override(), itertools.count()

            def interrupted(*args: Any, step: int = step, calls: Any = calls) -> str:
                if next(calls) == step:
                    raise KeyboardInterrupt
                return own(*args)

            if leaving:
                over.__enter__()
            with monkeypatch.context() as patch:
                patch.setattr(PATCHES, "_settle_function", interrupted)
                with pytest.raises(KeyboardInterrupt):
                    over.__exit__(None, None, None) if leaving else over.__enter__()
            assert routed_now() == set()

    def test_leaving_too_often(self) -> None:
        with er.override("dot"), pytest.raises(RuntimeError, match="left more often than it was entered"):
            er.override("dot").__exit__(None, None, None)

    def test_generators_that_are_closed(self) -> None:
        def numbers() -> Iterator[int]:
            with er.override("dot"):
                yield 1

        made = numbers()
        next(made)
        assert routed_now() == {"numpy.dot"}
        made.close()
        assert routed_now() == set()

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=40))
    def test_any_coming_and_going(self, steps: list[tuple[int, bool]]) -> None:
        sets = [("einsum",), ("einsum", "dot"), ("lstsq",), (), ("scipy.linalg.inv", "dot")]
        overs = [er.override(*names) for names in sets]
        entered = [0] * len(overs)
        for i, enter in steps:
            if enter:
                overs[i].__enter__()
                entered[i] += 1
            elif entered[i]:
                overs[i].__exit__(None, None, None)
                entered[i] -= 1
            meant = {str(f) for over, n in zip(overs, entered, strict=True) if n for f in over._functions}
            assert routed_now() == meant
        for over, n in zip(overs, entered, strict=True):
            for _ in range(n):
                over.__exit__(None, None, None)

    def test_threads(self) -> None:
        start, faults = threading.Barrier(8), []

        def work(seed: int) -> None:
            rng = np.random.default_rng(seed)
            start.wait()
            for _ in range(200):
                names = rng.choice(["einsum", "dot", "lstsq", "inner"], size=2)
                with er.override(*names):
                    for name in names:
                        if not any(str(f).endswith(f".{name}") and str(f) in routed_now() for f in FUNCTIONS):
                            faults.append(name)
                    np.dot([1.0, 2.0], [3.0, 4.0])

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not faults

    def test_a_thread_may_leave_what_another_entered(self) -> None:
        over = er.override("einsum")
        over.__enter__()
        thread = threading.Thread(target=over.__exit__, args=(None, None, None))
        thread.start()
        thread.join()
        assert routed_now() == set()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
    def test_a_forked_child_may_leave(self) -> None:
        code = (
            "import os, threading, numpy as np, einroute as er\n"
            "from einroute._override.patches import PATCHES\n"
            "own = np.einsum\n"
            "over = er.override(); over.__enter__()\n"
            "held = threading.Event(); done = threading.Event()\n"
            "def hold():\n"
            "    with PATCHES._lock: held.set(); done.wait()\n"
            "thread = threading.Thread(target=hold); thread.start(); held.wait()\n"
            "import warnings; warnings.simplefilter('ignore')\n"  # of threads beside a fork
            "child = os.fork()\n"
            "if not child:\n"
            "    over.__exit__(None, None, None)\n"
            "    os._exit(0 if np.einsum is own else 1)\n"
            "done.set(); thread.join()\n"
            "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        )
        assert printed(code) == "0"


class TestDecorator:
    def test_for_the_time_of_each_call(self) -> None:
        @er.override("einsum")
        def depth(n: int) -> int:
            """What it says."""
            assert routed_now() == {"numpy.einsum"}
            return depth(n - 1) + 1 if n else 0

        assert depth(5) == 5
        assert depth.__name__ == "depth"
        assert depth.__doc__ == "What it says."
        assert routed_now() == set()

    def test_of_methods(self) -> None:
        class Model:
            @er.override("einsum")
            def names(self) -> set[str]:
                return routed_now()

            @classmethod
            @er.override("dot")
            def of(cls) -> set[str]:
                return routed_now()

        assert Model().names() == {"numpy.einsum"}
        assert Model.of() == {"numpy.dot"}

    def test_what_runs_later_is_refused(self) -> None:
        def generator() -> Iterator[int]:
            yield 1

        async def coroutine() -> None:
            pass

        async def both() -> Any:
            yield 1

        class Model:
            pass

        class Generates:
            def __call__(self) -> Iterator[int]:
                yield 1

        class Waits:
            async def __call__(self) -> None:
                pass

        for function, what in (
            (generator, "generator"),
            (functools.partial(generator), "generator"),
            (Generates(), "generator"),
            (coroutine, "coroutine"),
            (Waits(), "coroutine"),
            (both, "generator"),
            (Model, "class"),
        ):
            with pytest.raises(TypeError, match=f"is a {what}"):
                er.override()(function)

    @pytest.mark.parametrize("kind", [staticmethod, classmethod])
    def test_above_staticmethod_and_classmethod_is_refused(self, kind: Any) -> None:
        says = rf"write @{kind.__name__} above @override\(\)"
        with pytest.raises(TypeError, match=says):
            er.override()(kind(lambda *_: None))

    def test_what_is_no_function_is_refused(self) -> None:
        wrong: Any = 3
        with pytest.raises(TypeError, match="override decorates functions, not 3"):
            er.override()(wrong)

    def test_callable_objects(self) -> None:
        assert er.override("einsum")(functools.partial(routed_now))() == {"numpy.einsum"}


class TestInstall:
    def test_until_uninstalled(self) -> None:
        assert er.install()[: len(UNNAMED)] == UNNAMED
        assert routed_now() == set(UNNAMED)
        er.uninstall()
        assert routed_now() == set()

    def test_twice(self) -> None:
        assert er.install("einsum") == ("numpy.einsum",)
        with pytest.warns(RuntimeWarning, match=r"installed already, for numpy\.einsum; one uninstall"):
            assert set(er.install("dot", "einsum")) == {"numpy.dot", "numpy.einsum"}
        assert routed_now() == {"numpy.einsum", "numpy.dot"}
        er.uninstall()
        assert routed_now() == set()

    def test_twice_where_warnings_are_errors(self) -> None:
        er.install("einsum")
        with pytest.raises(RuntimeWarning):
            er.install("dot")
        er.uninstall()
        assert routed_now() == set()

    def test_uninstalling_nothing(self) -> None:
        with pytest.raises(RuntimeError, match="nothing is installed"):
            er.uninstall()
        er.install()
        er.uninstall()
        with pytest.raises(RuntimeError, match="nothing is installed"):
            er.uninstall()

    def test_beside_overrides(self) -> None:
        with er.override("einsum"):
            er.install("einsum", "dot")
        assert routed_now() == {"numpy.einsum", "numpy.dot"}
        with er.override("einsum", "inner"):
            er.uninstall()
            assert routed_now() == {"numpy.einsum", "numpy.inner"}


class TestOtherPatches:
    """Other tools replace the same names: theirs is never lost, nor is the original."""

    def test_within_an_override(self) -> None:
        with er.override("einsum"):
            before = np.einsum
            with mock.patch("numpy.einsum", return_value="theirs"):
                assert np.einsum() == "theirs"
            assert np.einsum is before

    def test_around_an_override(self) -> None:
        says = r"numpy\.einsum is overridden though it was .*'einsum'.*, not the library's own function"
        with mock.patch("numpy.einsum", return_value="theirs") as theirs:
            with pytest.warns(RuntimeWarning, match=says):
                over = er.override("einsum", "dot").__enter__()
            assert np.einsum("i->", np.ones(3)) == 3.0
            assert over.replaced == ("numpy.einsum", "numpy.dot")
            with er.override("einsum") as inner:  # which does as the outer one, and has nothing to add
                assert inner.replaced == ("numpy.einsum",)
            over.__exit__(None, None, None)
            assert np.einsum is theirs

    def test_between_two_overrides(self) -> None:
        says = r"numpy\.einsum was replaced by other code inside an override, and stays <.*'einsum'"
        with er.override("einsum", "dot") as outer:
            with mock.patch("numpy.einsum", return_value="theirs") as theirs:
                assert outer.replaced == ("numpy.dot",)
                with pytest.warns(RuntimeWarning, match=says):
                    inner = er.override("einsum", "dot", "inner").__enter__()
                assert inner.replaced == ("numpy.dot", "numpy.inner")
                assert np.einsum is theirs
                with er.override("dot"):  # no word of what it does not mean
                    pass
                inner.__exit__(None, None, None)
                assert np.einsum is theirs
            assert outer.replaced == ("numpy.einsum", "numpy.dot")

    def test_warnings_as_errors_while_entering_leave_nothing(self) -> None:
        with mock.patch("numpy.einsum", return_value="theirs") as theirs, warnings.catch_warnings():
            warnings.simplefilter("error")
            over = er.override()
            with pytest.raises(RuntimeWarning, match=r"numpy\.einsum"):
                over.__enter__()
            assert routed_now() == {"numpy.einsum"}
            assert np.einsum is theirs
            with pytest.raises(RuntimeError, match="left more often"):
                over.__exit__(None, None, None)

    def test_around_what_is_installed(self) -> None:
        with mock.patch("numpy.einsum", return_value="theirs") as theirs:
            with pytest.warns(RuntimeWarning, match=r"numpy\.einsum is overridden though"):
                er.install("einsum")
            er.uninstall()
            assert np.einsum is theirs

    def test_begun_inside_and_ended_outside(self) -> None:
        theirs = mock.patch("numpy.einsum", return_value="theirs")
        says = r"numpy\.einsum was replaced by other code"
        with pytest.warns(RuntimeWarning, match=says), er.override("einsum", "dot"):
            theirs.start()
        assert np.einsum() == "theirs"
        assert routed_now() == {"numpy.einsum"}
        theirs.stop()  # puts our stand-in back, which is not routed any more
        assert type(np.einsum).__name__ == "StandIn"
        with er.record() as calls:
            assert np.einsum("i->", np.ones(3)) == 3.0
        assert calls.calls == 0
        with er.override("einsum"), er.record() as calls:
            assert np.einsum("i->", np.ones(3)) == 3.0
        assert calls.calls == 1
        assert np.einsum is ORIGINALS["numpy.einsum"]  # a later override mends it

    def test_warnings_as_errors_put_everything_else_back(self) -> None:
        own = np.einsum
        with pytest.raises(RuntimeWarning), er.override():
            np.einsum = lambda *args: "theirs"
        assert routed_now() == {"numpy.einsum"}
        np.einsum = own

    def test_a_wrapper_that_calls_what_it_found(self) -> None:
        calls, over = [], er.override("dot")
        over.__enter__()
        found = np.dot

        def wrapper(*args: Any) -> Any:
            calls.append(args)
            return found(*args)

        np.dot = wrapper
        with pytest.warns(RuntimeWarning, match="replaced by other code"):
            over.__exit__(None, None, None)
        assert np.dot(np.ones(2), np.ones(2)) == 2.0
        assert len(calls) == 1
        np.dot = ORIGINALS["numpy.dot"]

    def test_that_put_the_original_back_themselves(self) -> None:
        with er.override("dot"):
            np.dot = ORIGINALS["numpy.dot"]
        assert routed_now() == set()

    def test_a_deleted_name_is_put_back(self) -> None:
        names = [*vars(np)]
        with er.override("dot"):
            del np.dot
        assert np.dot is ORIGINALS["numpy.dot"]
        ordered = {name: vars(np)[name] for name in names}
        vars(np).clear()  # the test itself moved the name to the end
        vars(np).update(ordered)


class TestNamesTaken:
    def test_inside_follow_the_override(self) -> None:
        with er.override("einsum", "matmul"):
            from numpy import einsum, matmul

            class Model:
                product = np.matmul

        x = np.ones((3, 3))
        with er.record() as calls:
            einsum("ij->", x)
            matmul(x, x)
            Model().product(x, x)
        assert calls.calls == 0
        with er.override("einsum", "matmul"), er.record() as calls:
            einsum("ij->", x)
            matmul(x, x)
            Model().product(x, x)
        assert calls.calls == 3

    def module(self, **names: Any) -> types.ModuleType:
        made = types.ModuleType("some_client")
        vars(made).update(names)
        return made

    def test_before_are_left_unless_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        own = self.module(
            einsum=np.einsum, es=np.einsum, lstsq=scipy.linalg.lstsq, keep=np.cross, holder=[np.dot]
        )
        before = [*vars(own).items()]
        monkeypatch.setitem(sys.modules, "some_client", own)
        with er.override():
            assert own.einsum is ORIGINALS["numpy.einsum"]
        with er.override(imported=True) as over:
            found = {name for name in over.replaced if name.startswith("some_client.")}
            assert found == {"some_client.einsum", "some_client.es", "some_client.lstsq"}
            assert own.einsum is own.es is np.einsum
            assert own.lstsq is scipy.linalg.lstsq
            assert own.holder == [ORIGINALS["numpy.dot"]]
        assert [*vars(own).items()] == before
        assert all(vars(own)[name] is value for name, value in before)
        with er.override("dot", imported=True) as over:
            assert own.einsum is ORIGINALS["numpy.einsum"]

    def test_nested_scans(self, monkeypatch: pytest.MonkeyPatch) -> None:
        own = self.module(einsum=np.einsum)
        monkeypatch.setitem(sys.modules, "some_client", own)
        for order in itertools.permutations(range(3)):
            overs = [er.override(imported=True), er.override("einsum", imported=True), er.override("einsum")]
            for over in overs:
                over.__enter__()
            left = {*range(3)}
            for i in order:
                overs[i].__exit__(None, None, None)
                left.remove(i)
                assert (own.einsum is not ORIGINALS["numpy.einsum"]) == bool(left & {0, 1})
            assert own.einsum is ORIGINALS["numpy.einsum"]

    def test_modules_that_others_patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        own = self.module(einsum=np.einsum)
        monkeypatch.setitem(sys.modules, "some_client", own)
        says = r"some_client\.einsum was replaced by other code"
        with pytest.warns(RuntimeWarning, match=says), er.override("einsum", imported=True):
            own.einsum = "theirs"
        assert own.einsum == "theirs"

    def test_a_module_that_is_unloaded_meanwhile(self, monkeypatch: pytest.MonkeyPatch) -> None:
        own = self.module(einsum=np.einsum)
        monkeypatch.setitem(sys.modules, "some_client", own)
        with er.override(imported=True):
            del sys.modules["some_client"]
        assert own.einsum is ORIGINALS["numpy.einsum"]

    def test_a_module_under_two_names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        own = self.module(einsum=np.einsum)
        monkeypatch.setitem(sys.modules, "some_client", own)
        monkeypatch.setitem(sys.modules, "some_client.alias", own)
        with er.override(imported=True) as over:
            assert sum(name.startswith("some_client") for name in over.replaced) == 1
        assert own.einsum is ORIGINALS["numpy.einsum"]

    def test_what_else_stands_in_sys_modules(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Odd:
            def __getattr__(self, name: str) -> Any:
                raise AssertionError("nobody may ask")

            __slots__ = ()

        class Slow(types.ModuleType):
            def __getattribute__(self, name: str) -> Any:
                raise AssertionError("this would load it")

        class Unequal:
            def __eq__(self, other: object) -> bool:
                raise AssertionError("nobody may compare")

            __hash__ = None  # type: ignore[assignment]

        own = self.module(array=np.ones(3), unequal=Unequal(), einsum=np.einsum)
        for name, value in {
            "odd": Odd(),
            "none": None,
            "slow": Slow("slow"),
            "string": "text",
            "own": own,
        }.items():
            monkeypatch.setitem(sys.modules, name, value)
        with er.override(imported=True) as over:
            assert "own.einsum" in over.replaced

    def test_numpys_own_modules_keep_theirs(self) -> None:
        with er.override(imported=True) as over:
            assert np.linalg._linalg.dot is ORIGINALS["numpy.dot"]
            assert _numpys.numpy_einsum is ORIGINALS["numpy.einsum"]
            assert scipy.linalg._basic.lstsq is ORIGINALS["scipy.linalg.lstsq"]
            others = [name for name in over.replaced if name not in NAMES]
            assert not [name for name in others if name.startswith(("numpy.", "einroute.", "scipy.linalg."))]


class TestKept:
    """Functions of NumPy's that libraries keep: replaced where that is sound, else told."""

    @pytest.fixture
    def kept(self) -> Iterator[dict[Any, Any]]:
        """opt_einsum's functions of its backends, as they were taken before any override."""
        from opt_einsum.backends import dispatch

        before = dispatch._cached_funcs.copy()
        dispatch._cached_funcs.clear()
        dispatch._cached_funcs.update(
            {(name, "numpy"): ORIGINALS[f"numpy.{name}"] for name in ("einsum", "tensordot")}
        )
        yield dispatch._cached_funcs
        dispatch._cached_funcs.clear()
        dispatch._cached_funcs.update(before)

    def test_opt_einsum_contracts_by_ours(self, kept: dict[Any, Any]) -> None:
        import opt_einsum

        a = np.arange(12.0).reshape(3, 4)
        before = [*kept.items()]
        for text in ("ij,kj->ik", "ij,ij->j"):
            expected = opt_einsum.contract(text, a, a)
            with er.override() as over, er.record() as calls:
                result = opt_einsum.contract(text, a, a)
            assert calls.calls == 1
            np.testing.assert_allclose(result, expected)
            with er.record() as calls:
                opt_einsum.contract(text, a, a)
            assert calls.calls == 0
        assert all(kept[key] is value for key, value in before)  # it may have looked up more meanwhile
        with er.override("einsum") as over:
            assert over.replaced == (
                "numpy.einsum",
                "opt_einsum.backends.dispatch._cached_funcs[('einsum', 'numpy')]",
            )
            assert kept["tensordot", "numpy"] is ORIGINALS["numpy.tensordot"]
        try:
            assert er.install("tensordot")[:1] == ("numpy.tensordot",)
            assert kept["tensordot", "numpy"] is np.tensordot
        finally:
            er.uninstall()
        assert kept["tensordot", "numpy"] is ORIGINALS["numpy.tensordot"]

    def test_a_cache_that_is_cleared_or_renewed_inside_stays_so(self, kept: dict[Any, Any]) -> None:
        with er.override("einsum", "tensordot"):
            del kept["einsum", "numpy"]
            kept["tensordot", "numpy"] = "theirs"
        assert ("einsum", "numpy") not in kept
        assert kept["tensordot", "numpy"] == "theirs"

    def test_nested_overrides_share_an_entry(self, kept: dict[Any, Any]) -> None:
        outer, inner = er.override("einsum"), er.override()
        for over in (outer, inner):
            over.__enter__()
        for over in (outer, inner):  # the first that came goes first
            assert kept["einsum", "numpy"] is np.einsum is not ORIGINALS["numpy.einsum"]
            over.__exit__(None, None, None)
        assert kept["einsum", "numpy"] is ORIGINALS["numpy.einsum"]

    def test_other_versions_of_a_library_are_left_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for names in ({}, {"_cached_funcs": ("no", "dictionary")}):
            other = types.ModuleType("opt_einsum.backends.dispatch")
            vars(other).update(names)
            monkeypatch.setitem(sys.modules, "opt_einsum.backends.dispatch", other)
            with er.override("einsum") as over:
                assert over.replaced == ("numpy.einsum",)

    def test_autorays_namespaces_and_dasks_tables(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As both keep them; tests/clients runs the libraries themselves."""

        class Namespace:
            pass

        class Dispatch:
            def __init__(self, function: Any) -> None:
                self._lookup = {object: function}

        autoray, dispatch = types.ModuleType("autoray.autoray"), types.ModuleType("dask.array.dispatch")
        root, linalg = Namespace(), Namespace()
        vars(root).update(einsum=np.einsum, linalg=linalg)
        vars(linalg).update(solve=np.linalg.solve)
        vars(autoray).update(_FUNCS={("numpy", "dot"): np.dot}, _NAMESPACE_CACHE={("numpy",): root})
        vars(dispatch).update(einsum_lookup=Dispatch(np.einsum), tensordot_lookup=Dispatch(np.tensordot))
        for module in (autoray, dispatch):
            monkeypatch.setitem(sys.modules, module.__name__, module)

        def kept() -> list[Any]:
            funcs, tables = vars(autoray)["_FUNCS"], vars(dispatch)
            return [
                funcs["numpy", "dot"],
                vars(root)["einsum"],
                vars(linalg)["solve"],
                *(tables[f"{name}_lookup"]._lookup[object] for name in ("einsum", "tensordot")),
            ]

        before = kept()
        with er.override() as over:
            found = ["dot", "einsum", "linalg.solve", "einsum", "tensordot"]
            assert all(
                x is standing(f"numpy.{name}") is not own
                for x, name, own in zip(kept(), found, before, strict=True)
            )
            named = {name for name in over.replaced if name.startswith(("autoray", "dask"))}
            assert named == {
                "autoray.autoray._FUNCS[('numpy', 'dot')]",
                "autoray.autoray.get_namespace('numpy',)['einsum']",
                "autoray.autoray.get_namespace('numpy',).linalg['solve']",
                "dask.array.dispatch.einsum_lookup[object]",
                "dask.array.dispatch.tensordot_lookup[object]",
            }
        assert all(x is own for x, own in zip(kept(), before, strict=True))

    def client(self, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
        made = types.ModuleType("some_client")
        kinds = {"tensordot": staticmethod(np.tensordot), "dot": np.dot, "__module__": "some_client"}
        vars(made).update(einsum=np.einsum, Backend=type("Backend", (), kinds), cross=np.cross)
        monkeypatch.setitem(sys.modules, "some_client", made)
        return made

    def test_what_is_missed_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.client(monkeypatch)
        own = {"some_client.einsum", "some_client.Backend.tensordot", "some_client.Backend.dot"}

        def missed(over: Any) -> set[str]:
            return {name for name in over.missed if name.startswith("some_client")}

        with er.override() as over:
            assert missed(over) == own
        with er.override(imported=True) as over:
            assert missed(over) == own - {"some_client.einsum"}
        with er.override("dot") as over:
            assert over.missed[-1] == "some_client.Backend.dot"
            assert missed(over) == {"some_client.Backend.dot"}
        assert over.missed == ()

    def test_the_log_tells_both_and_nothing_warns(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.client(monkeypatch)
        with caplog.at_level("WARNING", "einroute"), er.override("einsum"):
            pass
        assert not caplog.records
        for begin in (lambda: er.override("einsum").__enter__(), lambda: er.install("einsum")):
            caplog.clear()
            with caplog.at_level("INFO", "einroute"):
                over = begin()
            over.__exit__(None, None, None) if isinstance(over, er.override) else er.uninstall()
            replaced, missed = [record.getMessage() for record in caplog.records]
            assert replaced.startswith("replaced: numpy.einsum")
            assert missed.startswith("not reached, since they were taken before: ")
            assert "some_client.einsum" in missed
            assert {record.levelname for record in caplog.records} == {"INFO"}


class TestStandIns:
    @pytest.mark.parametrize("name", NAMES)
    def test_look_like_what_they_stand_for(self, name: str) -> None:
        own = ORIGINALS[name]
        with er.override(*LAST):
            ours = standing(name)
            assert ours.__name__ == own.__name__
            assert ours.__doc__ == own.__doc__
            assert getattr(ours, "__module__", None) == getattr(own, "__module__", "numpy")
            assert ours == own
            assert own == ours
            assert (ours != own) is False
            assert {own: 1}[ours] == {ours: 1}[own] == 1
            assert ours != np.cross
            assert ours not in (None, "einsum", er.einsum)
            assert str(inspect.signature(ours)).startswith("(")
            assert isinstance(ours, np.ufunc) == isinstance(own, np.ufunc)
            assert callable(ours)
            assert name in repr(ours)
            assert ", routed" in repr(ours)
        assert "not routed now" in repr(ours)

    @pytest.mark.parametrize("name", NAMES)
    def test_can_be_weakly_referenced_if_the_original_can(self, name: str) -> None:
        """numba looks functions up by weak references where it can take one."""

        def outcome(x: Any) -> Any:
            try:
                return weakref.ref(x)
            except TypeError:
                return TypeError

        with er.override(*LAST):
            theirs, ours = outcome(ORIGINALS[name]), outcome(standing(name))
            assert ours == theirs
            assert hash(ours) == hash(theirs)

    @pytest.mark.parametrize("name", NAMES)
    def test_copies_and_pickles_are_by_name(self, name: str) -> None:
        with er.override(*LAST):
            ours = standing(name)
            assert copy.copy(ours) is copy.deepcopy(ours) is ours
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                assert pickle.loads(pickle.dumps(ours, protocol)) is ours
        assert pickle.loads(pickle.dumps(ours)) is ORIGINALS[name]
        assert b"einroute" not in pickle.dumps(ours)

    def test_ufuncs(self) -> None:
        own = ORIGINALS["numpy.matmul"]
        with er.override(*LAST):
            for name in ("nin", "nout", "nargs", "ntypes", "types", "identity", "signature"):
                assert getattr(np.matmul, name) == getattr(own, name)
            assert np.matmul.resolve_dtypes == own.resolve_dtypes
            with pytest.raises(RuntimeError):  # as NumPy's, which has a signature
                np.matmul.reduce(np.ones((2, 2)))

            class Model:
                product = np.matmul
                einsum = np.einsum

            assert Model.product is np.matmul
            assert Model().product(np.eye(2), np.eye(2)).tolist() == [[1, 0], [0, 1]]
            assert Model.einsum is np.einsum
            assert Model().einsum.__self__.__class__ is Model  # NumPy's own binds, too
        assert types.MethodType is type(type("M", (), {"f": ORIGINALS["numpy.einsum"]})().f)

    def test_attributes_are_the_originals(self) -> None:
        with er.override(*LAST):
            assert np.einsum._implementation is ORIGINALS["numpy.einsum"]._implementation
            with pytest.raises(AttributeError):
                np.einsum.no_such_attribute  # noqa: B018
            np.einsum.note = "set meanwhile"
            assert ORIGINALS["numpy.einsum"].note == "set meanwhile"
            del np.einsum.note
        assert not hasattr(np.einsum, "note")

    def test_scipys_default_driver(self) -> None:
        a, b = np.random.default_rng(0).random((5, 3)), np.ones(5)
        with er.override(*LAST):
            assert scipy.linalg.lstsq.default_lapack_driver == "gelsd"
            scipy.linalg.lstsq.default_lapack_driver = "gelsy"
            try:
                for _ in range(5):  # the first call is SciPy's, later ones those of kept factors
                    assert scipy.linalg.lstsq(a, b)[3] is None
            finally:
                scipy.linalg.lstsq.default_lapack_driver = "gelsd"
            assert scipy.linalg.lstsq(a, b)[3] is not None
        assert scipy.linalg.lstsq.default_lapack_driver == "gelsd"


class TestScipy:
    """SciPy is overridden when it is there, and never imported for it."""

    def test_is_not_imported(self) -> None:
        code = (
            "import sys\nimport einroute as er\nbefore = 'scipy' in sys.modules\n"
            "with er.override() as over: names = over.replaced\n"
            "print('scipy' in sys.modules and not before, any('scipy' in name for name in names))"
        )
        assert printed(code) == "False False"

    def test_is_overridden_when_it_is_imported(self) -> None:
        code = (
            "import sys, numpy as np, einroute as er\n"
            "assert 'scipy.linalg' not in sys.modules\n"
            "finders = [*sys.meta_path]\n"
            "with er.override() as over:\n"
            "    from scipy.linalg import lstsq\n"
            "    import scipy.linalg\n"
            "    assert lstsq is scipy.linalg.lstsq\n"
            "    assert 'scipy.linalg.lstsq' in over.replaced\n"
            "    assert 'einroute' not in type(scipy.linalg.__loader__).__module__\n"
            "    assert scipy.linalg.__loader__ is scipy.linalg.__spec__.loader\n"
            "    with er.record() as calls: scipy.linalg.lstsq(np.eye(3), np.ones(3))\n"
            "    assert calls.calls == 1\n"
            "assert scipy.linalg.lstsq.__module__ == 'scipy.linalg._basic'\n"
            "assert type(scipy.linalg.lstsq) is type(lambda: 0)\n"
            "with er.record() as calls: lstsq(np.eye(3), np.ones(3))\n"
            "assert sys.meta_path == finders\n"
            "print(calls.calls)"
        )
        assert printed(code) == "0"

    def test_is_left_if_it_is_imported_later_or_not_meant(self) -> None:
        code = (
            "import sys, einroute as er\n"
            "finders = [*sys.meta_path]\n"
            "with er.override('einsum'): assert sys.meta_path == finders\n"
            "with er.override('lstsq'):\n"
            "    with er.override('lstsq'): assert len(sys.meta_path) == len(finders) + 1\n"
            "    assert len(sys.meta_path) == len(finders) + 1\n"
            "assert sys.meta_path == finders\n"
            "import scipy.linalg\n"
            "print(scipy.linalg.lstsq.__module__)"
        )
        assert printed(code) == "scipy.linalg._basic"

    def test_by_whatever_import(self) -> None:
        for statement in (
            "import scipy; scipy.linalg",
            "import importlib; importlib.import_module('scipy.linalg')",
            "import importlib.util; assert importlib.util.find_spec('scipy.linalg'); import scipy.linalg",
            "import scipy.optimize",
            "import scipy.sparse.linalg",
            "import scipy.stats",
        ):
            code = (
                f"import sys, einroute as er\nwith er.override():\n    {statement}\n    import scipy.linalg\n"
                "    print(type(scipy.linalg.lstsq).__name__)"
            )
            assert printed(code) == "StandIn", statement

    def test_from_several_threads(self) -> None:
        code = (
            "import sys, threading, einroute as er\n"
            "start = threading.Barrier(6); kinds = []\n"
            "def load():\n"
            "    start.wait()\n"
            "    with er.override():\n"
            "        import scipy.linalg\n"
            "        kinds.append(type(scipy.linalg.lstsq).__name__)\n"
            "threads = [threading.Thread(target=load) for _ in range(6)]\n"
            "[t.start() for t in threads]; [t.join(60) for t in threads]\n"
            "import scipy.linalg\n"
            "print(len(kinds), set(kinds), type(scipy.linalg.lstsq).__name__, threading.active_count())"
        )
        assert printed(code) == "6 {'StandIn'} function 1"

    def test_that_may_not_be_imported(self) -> None:
        code = (
            "import sys, numpy as np, einroute as er\n"
            "sys.modules['scipy.linalg'] = None\n"
            "with er.override() as over:\n"
            "    print(len([n for n in over.replaced if n.startswith('numpy')]), np.einsum)\n"
            "print(sys.modules['scipy.linalg'], np.einsum.__name__)"
        )
        assert printed(code) == f"{len(NUMPYS)} <einroute in the place of numpy.einsum, routed>\nNone einsum"

    def test_that_is_forbidden_after_it_was_overridden(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with er.override("lstsq"):
            monkeypatch.setitem(sys.modules, "scipy.linalg", None)
            with er.override() as over:
                assert "scipy.linalg.lstsq" in over.replaced
        assert routed_now() == set()

    def test_that_was_unloaded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with er.override():
            pass
        monkeypatch.delitem(sys.modules, "scipy.linalg")
        with er.override() as over:
            assert {name for name in over.replaced if name in NAMES} == NUMPYS
            assert routed_now() == NUMPYS

    def test_that_is_unloaded_and_loaded_inside(self) -> None:
        for unload in ("'scipy.linalg'", "*[m for m in sys.modules if m.startswith('scipy.linalg')]"):
            code = (
                "import sys, numpy as np, einroute as er, scipy.linalg as first\n"
                "own = first.lstsq\n"
                "with er.override() as over:\n"
                f"    for name in ({unload},): del sys.modules[name]\n"
                "    import scipy.linalg as second\n"
                "    assert second is not first\n"
                "    assert over.replaced.count('scipy.linalg.lstsq') == 1\n"
                "    with er.record() as calls:\n"
                "        for module in (first, second): module.lstsq(np.eye(3), np.ones(3))\n"
                "    assert calls.calls == 2, calls\n"
                "assert first.lstsq is own\n"
                "print(type(second.lstsq).__name__, second.lstsq.__module__, len(sys.meta_path))"
            )
            assert printed(code).startswith("function scipy.linalg._basic "), unload

    def test_that_is_reloaded_inside(self) -> None:
        code = (
            "import sys, importlib, numpy as np, einroute as er, scipy.linalg\n"
            "own, finders = scipy.linalg.lstsq, [*sys.meta_path]\n"
            "for _ in range(2):\n"
            "    with er.override() as over:\n"
            "        assert importlib.reload(scipy.linalg) is scipy.linalg\n"
            "        assert 'scipy.linalg.lstsq' in over.replaced\n"
            "        with er.record() as calls: scipy.linalg.lstsq(np.eye(3), np.ones(3))\n"
            "        assert calls.calls == 1\n"
            "        assert 'einroute' not in type(scipy.linalg.__loader__).__module__\n"
            "    assert scipy.linalg.lstsq is own\n"
            "    assert sys.meta_path == finders\n"
            "print('done')"
        )
        assert printed(code) == "done"

    def test_an_import_that_fails_is_as_without(self) -> None:
        code = (
            "import sys, einroute as er\n"
            "class Broken:\n"
            "    def find_spec(self, name, path, target=None):\n"
            "        if name == 'scipy.linalg': raise ImportError('not today')\n"
            "sys.meta_path.insert(0, Broken())\n"
            "with er.override():\n"
            "    try: import scipy.linalg\n"
            "    except ImportError as error: print(error)\n"
            "print(len([f for f in sys.meta_path if type(f).__module__.startswith('einroute')]))"
        )
        assert printed(code) == "not today\n0"


def _attributes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


class TestNoRecursion:
    """What einroute asks of NumPy is NumPy's own."""

    # The mirrored namespaces hand on NumPy's names; the demo and the benchmarks call NumPy as users do.
    MAY = (
        "_base/numpy_functions.py",
        "_api/scipy_linalg.py",
        "_api/scipy_problems.py",
        "numpy/",
        "scipy/",
        "_demo/",
        "_bench/",
        "_cli/",
    )

    def test_no_module_of_ours_takes_a_function_that_may_be_replaced(self) -> None:
        root = Path(er.__file__).parent
        spelled = {*NAMES, *(name.replace("numpy", "np", 1) for name in NAMES)}
        found = [
            f"{path.relative_to(root)}:{line} takes {name}; import it from einroute._base.numpy_functions"
            for path in sorted(root.rglob("*.py"))
            if not path.relative_to(root).as_posix().startswith(self.MAY)
            for line, name in _attributes(ast.parse(path.read_text(encoding="utf-8")))
            if name in spelled
        ]
        assert found == []

    def test_numpys_holds_every_original(self) -> None:
        held = {id(getattr(_numpys, name)) for name in _numpys.__all__}
        assert held == {id(own) for name, own in ORIGINALS.items() if name.startswith("numpy.")}

    @pytest.mark.parametrize("text", EXPRESSIONS)
    @pytest.mark.parametrize("dtype", ["f8", "i8", "?", "O", "g"])
    def test_einsum_of_any_kind(self, text: str, dtype: str) -> None:
        arrays = make(text, "i8" if dtype == "O" else dtype)
        arrays = [x.astype(dtype) for x in arrays]
        for optimize in (False, True):
            expected = ORIGINALS["numpy.einsum"](text, *arrays, optimize=optimize)
            with er.override(*LAST, imported=True):
                result = np.einsum(text, *arrays, optimize=optimize)
            assert type(result) is type(expected)
            np.testing.assert_array_equal(result, expected)

    @pytest.mark.parametrize("name", [name for name in NAMES if "einsum" not in name])
    @pytest.mark.parametrize("kind", ["plain", "list", "object", "masked", "bad"])
    def test_every_function_with_operands_that_are_numpys(self, name: str, kind: str) -> None:
        square = [[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 5.0]]
        made: Any = {
            "plain": np.array(square),
            "list": square,
            "object": np.array(square, dtype=object),
            "masked": np.ma.masked_array(square, mask=np.eye(3)),
            "bad": "no array",
        }[kind]
        last = name.rpartition(".")[2]
        args: tuple[Any, ...] = {"multi_dot": ([made] * 3,), "inv": (made,), "pinv": (made,)}.get(
            last, (made, made)
        )
        if name == "numpy.linalg.outer":
            args = (made[0], made[0])
        outcomes = []
        for function in (ORIGINALS[name], None):
            # SciPy 1.18's lstsq refuses lists, which its documentation takes, and ours for every version.
            arrays = function is not None and (name, kind) == ("scipy.linalg.lstsq", "list")
            operands = tuple(np.array(x) for x in args) if arrays else args
            with er.override(*LAST, imported=True):
                try:
                    outcomes.append((standing(name) if function is None else function)(*operands))
                except Exception as error:
                    outcomes.append(public_type(error))
        theirs, ours = outcomes
        if isinstance(theirs, type):
            assert ours is theirs
        else:
            assert type(ours) is type(theirs)
            for x, y in zip(*((t if isinstance(t, tuple) else (t,)) for t in (ours, theirs)), strict=True):
                np.testing.assert_allclose(np.asarray(x, float), np.asarray(y, float), atol=1e-12)

    def test_functions_of_numpy_that_use_them(self) -> None:
        rng = np.random.default_rng(0)
        x, y, m = rng.random(20), rng.random(20), rng.random((5, 5))

        def work() -> list[Any]:
            return [
                np.polyfit(x, y, 2),
                np.polynomial.Polynomial.fit(x, y, 2).coef,
                np.cov(m),
                np.corrcoef(m),
                np.linalg.matrix_power(m, 3),
                np.linalg.cond(m),
                np.linalg.matrix_power(m, -2),
                np.linalg.tensorsolve(m, m[0]),
                np.linalg.tensorinv(m, ind=1),
                np.ma.dot(np.ma.array(m), m),
                np.convolve(x, y),
                np.kron(m, m),
                scipy.linalg.expm(m),
                scipy.linalg.logm(m @ m.T + np.eye(5)),
                scipy.linalg.sqrtm(m @ m.T),
                scipy.linalg.solve_sylvester(m, m, m),
                scipy.linalg.null_space(m),
            ]

        expected = work()
        with er.override(*LAST, imported=True):
            for ours, theirs in zip(work(), expected, strict=True):
                assert type(ours) is type(theirs)
                np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-8)


def test_numpys_own_tests_pass_under_it() -> None:
    """A few of NumPy's test classes; the whole suite runs by ``python -m tests.numpy_suite``."""
    rules = Path(__file__).parents[1] / "numpy_suite" / "pytest.ini"
    names = [
        "numpy._core.tests.test_numeric::TestTensordot",
        "numpy._core.tests.test_multiarray::TestDot",
        "numpy._core.tests.test_multiarray::TestMatmul",
        "numpy._core.tests.test_multiarray::TestMatmulInplace",
        *(f"numpy.linalg.tests.test_linalg::Test{x}" for x in ("Solve", "Inv", "Pinv", "Lstsq", "MultiDot")),
    ]
    code = (
        "import sys, pytest, numpy as np, einroute as er\n"
        "own = np.einsum\n"
        f"with er.override(*{LAST!r}, imported=True):\n"
        f"    options = ['-q', '-p', 'no:cacheprovider', '-c', {str(rules)!r}, '--pyargs']\n"
        f"    status = pytest.main([*options, *{names!r}])\n"
        "assert np.einsum is own\n"
        "print(type(sys.modules['numpy.linalg.tests.test_linalg'].multi_dot).__name__)\n"
        "sys.exit(status)"
    )
    small = os.environ | {"NPY_AVAILABLE_MEM": "1 GB"}  # its tests of huge vectors skip themselves
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False, env=small
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "StandIn"  # which NumPy's tests took, and not NumPy's own


def test_the_mirror_can_be_imported_inside() -> None:
    code = (
        "import einroute as er\n"
        "with er.override():\n"
        "    import einroute.numpy as enp, einroute.numpy.linalg, einroute.scipy.linalg\n"
        "    assert enp.einsum.__wrapped__ is er.einsum and enp.linalg.lstsq.__wrapped__ is er.lstsq\n"
        "import numpy as np\n"
        "print(enp.einsum('ij,jk->ik', np.eye(2), np.eye(2)).tolist(), enp.cross is np.cross)"
    )
    assert printed(code) == "[[1.0, 0.0], [0.0, 1.0]] True"


def test_reloading_a_client_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_client_of_numpy.py").write_text("from numpy import einsum\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    client = importlib.import_module("a_client_of_numpy")
    try:
        with er.override(imported=True):
            importlib.reload(client)
        assert client.einsum("i->", np.ones(2)) == 2.0
        with er.record() as calls:
            client.einsum("i->", np.ones(2))
        assert calls.calls == 0
    finally:
        del sys.modules["a_client_of_numpy"]
