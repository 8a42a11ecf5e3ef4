"""The one table of cases, for ``python -m einroute bench``, the asv suite, the README and the docs."""

from __future__ import annotations

from ..case import Case
from ..spelled import Spelled
from .contractions import batched, networks, tccg, tensordots
from .elementwise import elementwise
from .integers import integers
from .lstsq import columns, once, repeated, sparse_systems, square
from .numpy_asv import numpy_asv
from .one_hot import counts, fields, gathers, places
from .pairwise import forms, indefinite, sums
from .rolled import convolutions, rollings, several, vectors
from .small import stacks, tiny, tiny_functions
from .sparse import by_stacks, first_products, patterns, products
from .strided import strided
from .tensor_networks import tensor_networks

__all__ = ["CASES", "GROUPS", "AnyCase", "in_suite"]

AnyCase = Case | Spelled

#: What the cases of each group are.
GROUPS: dict[str, str] = {
    "tiny": "2x2 to 10x10, one to five operands",
    "tiny-functions": "tensordot, dot, matmul and their relatives, of 3-vectors and 3x3 matrices",
    "stacks": "stacks of 2x2 to 32x32, float32 to complex128, in each order of memory",
    "numpy-asv": "NumPy's own benchmarks",
    "tccg": "tensor contractions of 0.1 to 1 GFLOP, order K and C",
    "batched": "stacks of matrices, attention-like forms",
    "networks": "chains, MTTKRP, quadratic forms",
    "tensor-networks": "20 to 2000 small tensors along a given path, an expression made beforehand",
    "elementwise": "elementwise products and reductions",
    "integers": "integers, bools and float16",
    "strided": "transposed, sliced, broadcast and overlapping operands",
    "tensordot": "tensordot, the summed axes at every place",
    "lstsq": "a matrix seen before, a new right-hand side",
    "lstsq-once": "lstsq of a matrix at first sight",
    "lstsq-columns": "a matrix seen before, by the number of right-hand sides",
    "solve": "solve, inv and pinv of a matrix seen before",
    "solve-once": "solve, inv and pinv of a matrix at first sight",
    "solve-sparse": "sparse systems and sparse least squares, of a matrix seen before",
    "sparse": "dense by sparse products, and sparse patterns",
    "sparse-first": "the first dense by sparse product of a program, planned and done",
    "rolled": "every rolling of one tensor against another, circular convolution",
    "one-hot": "histograms, segment sums, gathers by label",
    "pairwise": "quadratic forms of differences between points",
}

CASES: tuple[AnyCase, ...] = (
    *tiny(), *tiny_functions(), *stacks(), *numpy_asv(), *tccg(), *batched(), *networks(), *tensor_networks(), *elementwise(), *integers(), *strided(),
    *tensordots(), *repeated(), *once(), *columns(), *square(), *sparse_systems(),
    *products(), *first_products(), *patterns(), *by_stacks(), *rollings(), *vectors(), *several(), *convolutions(), *counts(), *gathers(), *places(),
    *fields(), *forms(), *indefinite(), *sums(),
)  # fmt: skip


def in_suite(*groups: str) -> dict[str, AnyCase]:
    """The cases of `groups` that belong to the asv suite, by label."""
    return {case.label: case for case in CASES if case.asv and case.group in groups}
