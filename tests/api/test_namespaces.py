"""The mirrored namespaces hold NumPy's names, all of them, and nothing else."""

import copy
import functools
import importlib
import inspect
import pickle
import pydoc
import sys
import warnings

import numpy
import pytest

import einroute
import einroute.linalg
import einroute.numpy
import einroute.numpy.linalg
from einroute._api import functions
from tests.processes import printed
from tests.routed_names import FLAT, LINALG


class TestNumpy:
    @pytest.mark.parametrize("name", FLAT)
    def test_routed_names_are_einroutes(self, name):
        assert getattr(einroute.numpy, name).__wrapped__ is getattr(einroute, name)
        assert getattr(einroute.numpy, name) is not getattr(numpy, name)

    def test_every_other_name_is_numpys_own_object(self):
        names = {*dir(numpy), *numpy.__all__} - {*FLAT, "linalg"}
        own = {name for name in names if name.startswith("__")}  # a module's own name, file, __getattr__ ...
        assert len(names - own) > 400
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy deprecates some of its names
            assert [n for n in names - own if getattr(einroute.numpy, n) is not getattr(numpy, n)] == []

    def test_binds_no_public_name_that_numpy_lacks(self):
        assert [n for n in vars(einroute.numpy) if not n.startswith("_") and not hasattr(numpy, n)] == []
        assert [n for n in vars(numpy.linalg) if not hasattr(einroute.numpy.linalg, n)] == []

    def test_dir_and_all_are_numpys(self):
        assert dir(einroute.numpy) == dir(numpy)
        assert einroute.numpy.__all__ == list(numpy.__all__)

    @pytest.mark.parametrize("name", ["random", "fft", "testing", "ma", "polynomial", "exceptions", "_core"])
    def test_submodules_are_numpys_own(self, name):
        assert getattr(einroute.numpy, name) is getattr(numpy, name)

    @pytest.mark.parametrize("name", ["__version__", "__array_api_version__"])
    def test_version_attributes(self, name):
        assert getattr(einroute.numpy, name) == getattr(numpy, name)

    @pytest.mark.parametrize("name", ["float", "bool8", "float_", "in1d", "no_such_name", "rolled", "Any"])
    def test_missing_and_expired_names_raise_what_numpy_raises(self, name):
        if hasattr(numpy, name):
            assert getattr(einroute.numpy, name) is getattr(numpy, name)
            return
        with pytest.raises(AttributeError) as theirs:
            getattr(numpy, name)
        with pytest.raises(AttributeError) as ours:
            getattr(einroute.numpy, name)
        assert str(ours.value) == str(theirs.value)

    def test_star_import(self):
        code = (
            "import numpy\nfrom einroute.numpy import *\n"
            "import einroute\nmissing = [n for n in numpy.__all__ if n not in globals()]\n"
            "print(missing, einsum is einroute.numpy.einsum, einsum.__wrapped__ is einroute.einsum)"
        )
        assert printed(code) == "[] True True"

    def test_lazy_submodules_stay_lazy(self):
        code = (
            "import sys, numpy\nbefore = set(sys.modules)\nimport einroute.numpy as np\n"
            "print(sorted(n for n in set(sys.modules) - before if n in ('numpy.testing', 'numpy.f2py')))\n"
            "np.testing.assert_equal(1, 1)"
        )
        assert printed(code) == "[]"

    def test_is_imported_on_its_own(self):
        assert printed("import einroute.numpy as np; print(np.einsum('ij->', np.ones((2, 3))))") == "6.0"


class TestNumpyLinalg:
    @pytest.mark.parametrize("name", LINALG)
    def test_routed_names_are_einroutes(self, name):
        assert getattr(einroute.numpy.linalg, name).__wrapped__ is getattr(einroute.linalg, name)
        assert getattr(einroute.numpy.linalg, name) is not getattr(numpy.linalg, name)

    def test_every_other_name_is_numpys_own_object(self):
        names = {name for name in dir(numpy.linalg) if not name.startswith("__")} - set(LINALG)
        assert len(names) > 24
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            differing = [
                n for n in names if getattr(einroute.numpy.linalg, n) is not getattr(numpy.linalg, n)
            ]
        assert differing == []

    def test_dir_and_all_are_numpys(self):
        assert dir(einroute.numpy.linalg) == dir(numpy.linalg)
        assert einroute.numpy.linalg.__all__ == list(numpy.linalg.__all__)

    def test_dotted_import(self):
        code = (
            "from einroute.numpy.linalg import LinAlgError, lstsq, multi_dot, svd\nimport numpy, einroute\n"
            "print(svd is numpy.linalg.svd, multi_dot.__wrapped__ is einroute.linalg.multi_dot)"
        )
        assert printed(code) == "True True"

    def test_is_the_attribute(self):
        assert einroute.numpy.linalg is sys.modules["einroute.numpy.linalg"]


class TestLinalg:
    def test_holds_the_routed_names_only(self):
        public = {name for name in vars(einroute.linalg) if not name.startswith("_")}
        assert public == set(LINALG) == set(einroute.linalg.__all__)

    @pytest.mark.parametrize("name", LINALG)
    def test_names_come_from_the_front_end(self, name):
        assert functions.ROUTED[getattr(einroute.linalg, name)].own == f"numpy.linalg.{name}"

    def test_answers_as_numpys(self):
        a, b = numpy.arange(6.0).reshape(2, 3), numpy.arange(12.0).reshape(3, 4)
        c = numpy.arange(4.0)
        numpy.testing.assert_array_equal(
            einroute.linalg.multi_dot([a, b, c]), numpy.linalg.multi_dot([a, b, c])
        )
        numpy.testing.assert_array_equal(
            einroute.linalg.tensordot(a, b, axes=1), numpy.linalg.tensordot(a, b, axes=1)
        )
        numpy.testing.assert_array_equal(einroute.linalg.matmul(a, b), numpy.linalg.matmul(a, b))
        numpy.testing.assert_array_equal(
            einroute.linalg.vecdot(a, a, axis=0), numpy.linalg.vecdot(a, a, axis=0)
        )
        numpy.testing.assert_array_equal(einroute.linalg.outer(c, a[0]), numpy.linalg.outer(c, a[0]))


MIRRORED = [("numpy", name) for name in FLAT] + [("numpy.linalg", name) for name in LINALG]


def both(place, name):
    """A function of the mirror, and NumPy's."""
    return getattr(sys.modules[f"einroute.{place}"], name), getattr(sys.modules[place], name)


@pytest.mark.parametrize(("place", "name"), MIRRORED)
class TestEquality:
    """``is`` cannot hold, but ``==`` and tables do."""

    def test_equal_and_hashed_alike(self, place, name):
        ours, theirs = both(place, name)
        assert ours is not theirs
        assert ours == theirs
        assert theirs == ours
        assert (ours != theirs) is (theirs != ours) is False
        assert {theirs: 1}[ours] == {ours: 1}[theirs] == 1
        assert [theirs].index(ours) == [ours].index(theirs) == 0

    def test_to_nothing_else(self, place, name):
        ours, _ = both(place, name)
        others = [theirs for one in MIRRORED for theirs in both(*one) if one != (place, name)]
        assert not [other for other in (*others, numpy.cross, None, name, 1) if ours == other]

    def test_equal_to_what_an_override_puts_there(self, place, name):
        ours, theirs = both(place, name)
        with einroute.override(name):
            _, standing = both(place, name)
            assert standing is not theirs
            assert ours == standing == theirs
            assert hash(ours) == hash(standing)

    def test_copies_and_pickles(self, place, name):
        ours, _ = both(place, name)
        assert copy.copy(ours) is copy.deepcopy(ours) is ours
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(ours, protocol)) is ours

    def test_shows_what_it_is(self, place, name):
        ours, theirs = both(place, name)
        own = getattr(einroute if place == "numpy" else einroute.linalg, name)
        assert ours.__wrapped__ is own
        assert ours.__name__ == name
        assert ours.__module__ == f"einroute.{place}"
        assert ours.__doc__ == own.__doc__
        assert inspect.signature(ours) == inspect.signature(own) or str(inspect.signature(ours)) == str(
            inspect.signature(theirs)
        )
        assert own.__doc__.splitlines()[0] in pydoc.plain(pydoc.render_doc(ours))
        assert functools.wraps(ours)(lambda: None).__name__ == name
        assert isinstance(ours, numpy.ufunc) == isinstance(theirs, numpy.ufunc)

    def test_binds_as_numpys(self, place, name):
        ours, theirs = both(place, name)
        bound = [type("Holder", (), {"f": f})().f for f in (ours, theirs)]
        assert (bound[0] is ours) == (bound[1] is theirs)


class TestProtocols:
    """Code with ``import einroute.numpy as np`` that tells NumPy's functions apart."""

    def test_array_function_tables(self):
        np, done = einroute.numpy, {}

        class Tagged:
            def __array_function__(self, func, types, args, kwargs):
                return done[func](*args, **kwargs)

            def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
                return f"ufunc {method}" if ufunc == np.matmul else NotImplemented

        functions = [np.einsum, np.tensordot, np.dot, np.inner, np.vdot, np.outer]
        functions += [np.linalg.solve, np.linalg.lstsq, np.linalg.inv, np.linalg.pinv]
        for function in functions:
            done[function] = lambda *args, name=function.__name__, **kwargs: name
        x = Tagged()
        calls = {"einsum": ("ij->", x), "inv": (x,), "pinv": (x,)}
        for function in functions:
            args = calls.get(function.__name__, (x, x))
            assert function(*args) == function.__name__
            _, theirs = both(function.__module__.removeprefix("einroute."), function.__name__)
            assert theirs(*args) == function.__name__
        assert np.matmul(x, x) == numpy.matmul(x, x) == "ufunc __call__"

    def test_attributes_are_numpys(self):
        assert einroute.numpy.matmul.types == numpy.matmul.types
        assert einroute.numpy.matmul.signature == numpy.matmul.signature
        assert einroute.numpy.einsum._implementation is numpy.einsum._implementation
        with pytest.raises(AttributeError):
            einroute.numpy.einsum.no_such_attribute  # noqa: B018  # the access is what is tested

    def test_calls_are_routed(self):
        counts = numpy.arange(10_000).reshape(100, 100)
        with einroute.record() as calls:
            einroute.numpy.dot(counts, counts)
        assert calls.records[0].routes == ("dense.integer_matmul",)

    def test_explain_takes_them(self):
        x = numpy.ones((3, 3))
        for function, args in (("dot", (x, x)), ("matmul", (x, x)), ("tensordot", (x, x, 1))):
            mirrored = einroute.explain(getattr(einroute.numpy, function), *args)
            assert mirrored.routes == einroute.explain(getattr(einroute, function), *args).routes


@pytest.mark.parametrize(
    "place",
    ["einroute", "einroute.linalg", "einroute.numpy", "einroute.numpy.linalg", "einroute.scipy.linalg"],
)
def test_public_functions_name_a_public_module(place):
    """Where users, pickles and tools find them; NumPy's own objects name theirs."""
    module = importlib.import_module(place)
    checked = 0
    for name in module.__all__:
        function = getattr(module, name)
        home = getattr(function, "__module__", None) or ""
        if isinstance(function, type) or not callable(function) or not home.startswith("einroute"):
            continue
        checked += 1
        assert "._" not in home, f"{place}.{name} says {home}"
        assert getattr(importlib.import_module(home), name) is function
        assert pickle.loads(pickle.dumps(function)) is function
        assert function.__name__ == name
    assert checked >= 4
