"""What type checkers see of einroute: checked by mypy and pyright with the sources, and never run.

Each ignored error must be one: both warn of those that are none.
"""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import einroute as er
import einroute.numpy as enp

a: NDArray[np.float64] = np.ones((3, 3))
b: NDArray[np.float64] = np.ones(3)
single: NDArray[np.float32] = np.ones((3, 3), np.float32)
whole: NDArray[np.int64] = np.ones((3, 3), np.int64)
unreal: NDArray[np.complex128] = np.ones((3, 3), np.complex128)


class Other:
    """An array of a library that NumPy's types know nothing of."""

    shape = (3, 3)


with er.config(threads=1, memory_limit=None, reproducible=True, on_densify="warn", strict=False):
    pass
with er.config(allow="dense.matmul", forbid=["numpy.einsum"]):
    pass
er.set_config(cache_bytes=1 << 20, prepare="never", threads=2)

er.config(thread=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
er.config(threads="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
er.config(on_densify="quiet")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
er.config(cache_bytes=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
er.set_config(prepare="sometimes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

_ = er.tensrdot  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
_ = er.wisdom.lode  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]

# Arrays have NumPy's types, or closer ones.
assert_type(er.tensordot(a, a), NDArray[np.float64])
assert_type(er.tensordot(single, single, axes=1), NDArray[np.float32])
assert_type(er.tensordot(a, whole, ([0], [1])), NDArray[np.floating])
assert_type(er.tensordot([1, 2], [3, 4], 1), NDArray[np.integer])
assert_type(er.linalg.tensordot(unreal, unreal, axes=1), NDArray[np.complex128])
assert_type(er.outer(whole, whole), NDArray[np.int64])
assert_type(er.outer(a, single, out=a), NDArray[np.float64])
assert_type(er.linalg.outer(single, single), NDArray[np.float32])
assert_type(er.vdot(a, whole), np.floating)
assert_type(er.vdot(unreal, whole), np.complexfloating)
assert_type(er.einsum("ij,jk->ik", a, a), Any)
assert_type(er.einsum("ij,jk->ik", a, a, out=single, casting="unsafe"), NDArray[np.float32])
assert_type(er.einsum_path("ij,jk->ik", a, a), tuple[list[Any], str])
assert_type(er.dot(a, a, out=a), NDArray[np.float64])
assert_type(er.matmul(a, a), Any)
assert_type(er.matmul(a, a, out=a), NDArray[np.float64])
assert_type(er.matmul.signature, str)
assert_type(er.linalg.multi_dot([a, a, a], out=a), NDArray[np.float64])
assert_type(er.linalg.solve(a, a), NDArray[np.float64])
assert_type(er.linalg.inv(unreal), NDArray[np.complexfloating])
assert_type(er.linalg.pinv(single), NDArray[np.floating])
x, residuals, rank, s = er.lstsq(a, b)
assert_type(x, NDArray[np.float64])
assert_type(s, NDArray[np.float64])
number: np.int32 = rank
of_numpy: tuple[NDArray[np.floating], NDArray[np.floating], np.int32, NDArray[np.floating]] = er.lstsq(
    a, single
)

# What NumPy's functions take is taken: the same calls with NumPy's own types.
like_numpys: NDArray[np.floating] = np.tensordot(a, single, 1)
like_numpys = er.tensordot(a, single, 1)
like_numpys = np.linalg.solve(a, single)
like_numpys = er.linalg.solve(a, single)
like_numpys = enp.tensordot(a, single, 1)

# Operands of other libraries, and ours, are taken; of the result nothing is said.
assert_type(er.einsum("ij,jk->ik", Other(), a), Any)
assert_type(er.tensordot(Other(), a, 1), Any)
assert_type(er.matmul(a, Other()), Any)
assert_type(er.dot(er.one_hot([0, 1], 3), a), Any)
assert_type(er.tensordot(er.rolled(a[0], 2), a, 1), Any)
assert_type(er.linalg.inv(Other()), Any)
assert_type(er.lstsq(Other(), a), tuple[Any, Any, Any, Any])

er.einsum("ij,jk->ik", a, a, optimise=True)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
er.einsum("ij->ji", a, order="Z")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
er.tensordot(a, a, axis=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
er.linalg.tensordot(a, a, 1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
er.inner(a=a, b=a)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
er.matmul(a)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]

explained: er.Explanation = er.explain("ij,jk->ik", a, a, verbose=True)
explained.show(verbose=False)
recorded: er.Recording
with er.record() as recorded:
    er.einsum("ij,jk->ik", a, a)
factors: er.Factorized = er.factorize(a)
answer: tuple[Any, ...] = er.lstsq(factors, a[0])
er.explain("ij,jk->ik", a, a, verbose="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
