"""Every function of NumPy is routed, named in docs/drop-in.md with a reason, or known to be no contraction.

A function that a new NumPy brings is none of these, and fails here until somebody has looked at it.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from einroute._api.functions import ROUTED

DROP_IN = Path(__file__).parents[2] / "docs" / "drop-in.md"
SECTION = "## Contractions that are not routed"
VERSION = tuple(int(part) for part in np.__version__.split(".")[:2])
SPACES: dict[str, ModuleType] = {"numpy": np, "numpy.linalg": np.linalg}

#: Functions that add up no products: they make, move, select, compare or sort elements, change each by
#: itself, factorize, or say something of arrays.
NO_CONTRACTIONS: dict[str, str] = {
    "numpy": """
    abs absolute acos acosh add all allclose amax amin angle any append arange arccos arccosh arcsin arcsinh
    arctan arctan2 arctanh argmax argmin argpartition argsort argwhere around array array2string array_equal
    array_equiv array_repr array_split array_str asanyarray asarray asarray_chkfinite ascontiguousarray
    asfortranarray asin asinh asmatrix astype atan atan2 atanh atleast_1d atleast_2d atleast_3d bartlett
    base_repr binary_repr bitwise_and bitwise_count bitwise_invert bitwise_left_shift bitwise_not bitwise_or
    bitwise_right_shift bitwise_xor blackman block bmat broadcast_arrays broadcast_shapes broadcast_to
    busday_count busday_offset can_cast cbrt ceil choose clip column_stack common_type compress concat
    concatenate conj conjugate copy copysign copyto cos cosh count_nonzero datetime_as_string datetime_data
    deg2rad degrees delete diag diag_indices diag_indices_from diagflat diagonal diff digitize divide divmod
    dsplit dstack ediff1d empty empty_like equal exp exp2 expand_dims expm1 extract eye fabs fill_diagonal
    fix flatnonzero flip fliplr flipud float_power floor floor_divide fmax fmin fmod format_float_positional
    format_float_scientific frexp from_dlpack frombuffer fromfile fromfunction fromiter frompyfunc fromregex
    fromstring full full_like gcd genfromtxt geomspace get_include get_printoptions getbufsize geterr
    geterrcall gradient greater greater_equal hamming hanning heaviside histogram_bin_edges hsplit hstack
    hypot i0 identity imag in1d indices info insert intersect1d invert is_busday isclose iscomplex
    iscomplexobj isdtype isfinite isfortran isin isinf isnan isnat isneginf isposinf isreal isrealobj
    isscalar issubdtype iterable ix_ kaiser lcm ldexp left_shift less less_equal lexsort linspace load
    loadtxt log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor
    logspace mask_indices matrix_transpose max maximum may_share_memory median meshgrid min min_scalar_type
    minimum mintypecode mod modf moveaxis nan_to_num nanargmax nanargmin nanmax nanmedian nanmin
    nanpercentile nanquantile ndim negative nested_iters nextafter nonzero not_equal ones ones_like packbits
    pad partition percentile permute_dims piecewise place polyadd polysub positive pow power printoptions
    promote_types ptp put put_along_axis putmask quantile rad2deg radians ravel ravel_multi_index real
    real_if_close reciprocal remainder repeat require reshape resize result_type right_shift rint roll
    rollaxis roots rot90 round row_stack save savetxt savez savez_compressed searchsorted select
    set_printoptions setbufsize setdiff1d seterr seterrcall setxor1d shape shares_memory show_config
    show_runtime sign signbit sin sinc sinh size sort sort_complex spacing split sqrt square squeeze stack
    subtract swapaxes take take_along_axis tan tanh test tile transpose tri tril tril_indices
    tril_indices_from trim_zeros triu triu_indices triu_indices_from true_divide trunc typename union1d
    unique unique_all unique_counts unique_inverse unique_values unpackbits unravel_index unstack unwrap
    vsplit vstack where zeros zeros_like
    """,
    "numpy.linalg": """
    cholesky det diagonal eig eigh eigvals eigvalsh matrix_rank matrix_transpose qr slogdet svd svdvals test
    """,
}
#: The first version that lacks a function which the oldest supported one has.
REMOVED: dict[str, tuple[int, int]] = {"in1d": (2, 4), "trapz": (2, 4), "row_stack": (2, 5)}


def functions(place: str) -> set[str]:
    """The public functions, ufuncs among them, of one of NumPy's namespaces."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated names warn
        found = {name: getattr(SPACES[place], name) for name in dir(SPACES[place]) if name[0] != "_"}
    return {name for name, x in found.items() if callable(x) and not isinstance(x, type)}


def routed(place: str) -> set[str]:
    """The names of NumPy's functions for which there are ours."""
    owns = (mirror.own.rpartition(".") for mirror in ROUTED.values())
    return {name for home, _, name in owns if home == place}


def reasons(place: str) -> dict[str, str]:
    """The functions that the page names, each with the reason why it is not routed."""
    _, _, section = DROP_IN.read_text(encoding="utf-8").partition(f"{SECTION}\n")
    found = {}
    for line in section.partition("\n## ")[0].splitlines():
        if line.startswith("| `"):
            names, reason = line.strip("| ").split(" | ")
            for name in re.findall(r"`([\w.]+)`", names):
                home, _, bare = f"numpy.{name}".rpartition(".")
                if home == place:
                    found[bare] = reason
    return found


def there(names: set[str]) -> set[str]:
    """Those that the installed NumPy still has."""
    return {name for name in names if REMOVED.get(name, (99, 0)) > VERSION}


@pytest.mark.parametrize("place", SPACES)
class TestEveryFunction:
    def test_is_one_of_the_three(self, place: str) -> None:
        known = routed(place) | reasons(place).keys() | set(NO_CONTRACTIONS[place].split())
        unknown = sorted(functions(place) - known)
        assert unknown == [], (
            f"{place} of NumPy {np.__version__} has functions that nobody has looked at: route them, give "
            f"the reason in docs/drop-in.md, or list them in NO_CONTRACTIONS"
        )

    def test_is_listed_once(self, place: str) -> None:
        ours, named, others = routed(place), reasons(place).keys(), NO_CONTRACTIONS[place].split()
        assert len(others) == len(set(others))
        assert not ours & named
        assert not (ours | named) & set(others)

    def test_is_there(self, place: str) -> None:
        listed = routed(place) | reasons(place).keys() | set(NO_CONTRACTIONS[place].split())
        assert sorted(there(listed) - functions(place)) == []

    def test_has_a_reason(self, place: str) -> None:
        named = reasons(place)
        assert named
        assert all(len(reason.split()) > 3 for reason in named.values())


def test_the_contractions_that_everybody_thinks_of_are_named() -> None:
    """So that the reading of the page, on which all of this stands, is itself held."""
    assert {"kron", "cross", "trace", "convolve", "correlate", "cov", "corrcoef"} <= reasons("numpy").keys()
    assert {"tensorsolve", "tensorinv", "norm", "cross", "trace"} <= reasons("numpy.linalg").keys()
    assert {"einsum", "matvec", "vecmat"} <= routed("numpy")
    assert {"matrix_power", "multi_dot", "lstsq"} <= routed("numpy.linalg")


def test_a_function_that_is_new_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "contracted", lambda x: x, raising=False)
    with pytest.raises(AssertionError, match="nobody has looked at"):
        TestEveryFunction().test_is_one_of_the_three("numpy")
