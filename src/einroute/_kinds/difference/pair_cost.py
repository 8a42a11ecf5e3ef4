"""What sums over pairs take, and whether the weights meet the points in a matrix product of BLAS."""

from __future__ import annotations

from ..._base.cost import Cost, gemm_rate
from ..._base.facts import Step
from ..._native import CORE
from ..dense.core_program import has_blas
from .pair_form import PairSum, crosses, total

#: Seconds that the core takes for a pair and for each of its features, of sums that are made of differences;
#: for a feature where squares are summed over all; for a weight by itself, and to look at what cancels.
_PAIR, _FEATURE, _TOTAL, _WEIGHT, _LOOK = 1e-10, 1e-10, 8e-11, 2.2e-10, 4e-12
#: What a weight takes besides that is not of double precision and has a neighbour; a row of weights, and each
#: of its sums.
_PACKED, _ROW, _SUM = 2.2e-10, 1e-8, 3e-9
#: Weights of a row up to which rows are summed side by side, in half of that.
_SHORT = 64
#: Seconds of a coordinate of points that only differences are made of, of one that is centred, and besides
#: GEMMs of a product of different features.
_TURNED, _COORDINATE, _CROSSED = 4e-10, 1.2e-9, 2.5e-9
#: The same of a coordinate where pairs are not weighed, and of a point.
_ALIKE, _POINT = 7e-10, 3.5e-9
#: How many times that where the points' products are formed of what the core hands over; without weights.
_MOMENTS, _ALONE = 4.0, 1.5
#: Of products by BLAS: seconds of a weight in double precision that is brought in order for it, of a
#: coordinate, of a row, and of a number of it that is made of them.
_ORDERED, _BY_BLAS, _SUMMED, _FINISHED = 3.4e-10, 2e-9, 2e-8, 3e-9
#: Seconds from which threads share the work.
_SHARED = 1e-4


def cost(form: PairSum, step: Step) -> Cost:
    """What the sums take."""
    if CORE is None:
        return _without_core(form, step)
    return _cost(form, step, by_blas=by_blas(form, step))


def by_blas(form: PairSum, step: Step) -> bool:
    """Whether the weights meet the points in a matrix product: they lie so, and it pays."""
    if not form.rest or not (crosses(form, step) or _direct(form, step)):
        return False
    if len(form.rest) == 1:
        op = step.operands[form.rest[0]]
        if op.dtype != step.dtype or op.dtype.itemsize not in op.strides:
            return False
    product, own = (_cost(form, step, by_blas=way) for way in (True, False))
    return product.seconds < own.seconds and has_blas()


def _direct(form: PairSum, step: Step) -> bool:
    """Whether the core takes the sums of differences, unless BLAS multiplies the points."""
    return bool(form.rest) and (bool(form.kept) or (len(form.features) == 2 and not crosses(form, step)))


def _cost(form: PairSum, step: Step, *, by_blas: bool) -> Cost:
    n, m = (step.sizes[c] for c in form.points)
    features = step.sizes[form.features[0]]
    products = 0.0
    crossed = crosses(form, step)
    direct = not by_blas and _direct(form, step)
    coordinate = _ALIKE if not form.rest else _TURNED if direct else _BY_BLAS if by_blas else _COORDINATE
    points = (n + m) * (features * coordinate + (_POINT if form.kept and not form.rest else 0.0))
    if direct:
        products = n * m * (_PAIR + (_TOTAL if total(form, step) else _FEATURE) * features)
    elif by_blas:
        products = n * m * (_WEIGHT + _LOOK * features) + _product(form, step)
        products += n * _SUMMED
        points += n * features * _FINISHED if form.kept else 0.0
    elif form.rest:
        products = n * m * (_WEIGHT + (_FEATURE if crossed else _LOOK) * features)
    if form.rest and not by_blas:
        sums = 1 if total(form, step) else features if direct or crossed else 0
        products += n * (_ROW + _SUM * sums * (0.5 if m <= _SHORT else 1.0))
        products += n * m * _PACKED if _packed(form, step) else 0.0
    shared = min(step.threads, 2) * 0.8 if step.threads > 1 and products > _SHARED else 1.0
    if not crossed:
        return Cost((products / shared + points) * 1e9, 0.0, 3.0, 1e9)
    points *= _MOMENTS if form.rest else _ALONE
    gemms = sum(q / gemm_rate(features, features, q, 8, False, 1) for q in (n, m))
    points += features**2 * (_CROSSED + gemms)
    return Cost((products / shared + points) * 1e9, 0.0, 30.0, 1e9)


def _product(form: PairSum, step: Step) -> float:
    """Seconds of the matrix product."""
    n, m = (step.sizes[c] for c in form.points)
    columns = features = step.sizes[form.features[0]]
    if form.square and form.kept:
        columns += 1 if total(form, step) else features
    item = step.dtype.itemsize
    return n * m * (columns / gemm_rate(n, columns, m, item, False, 1) + _ORDERED * item / 8)


def _packed(form: PairSum, step: Step) -> bool:
    """Whether the weights are copied before they are summed."""
    if len(form.rest) > 1:
        return step.dtype.char != "d"
    op = step.operands[form.rest[0]]
    return op.dtype.char != "d" or op.dtype.itemsize not in op.strides


def _without_core(form: PairSum, step: Step) -> Cost:
    n, m = (step.sizes[c] for c in form.points)
    features = step.sizes[form.features[0]]
    products = 0.0
    if form.rest:
        products = 2.5 * n * m * features / gemm_rate(n, 2 * features, m, 8, False, 1)
        products += 4e-9 * n * m  # absolute values, sums, and the weights in double precision
    if not form.square and len(form.features) == 2:
        products += 3.0 * (n + m) * features**2 / gemm_rate(features, features, n, 8, False, 1)
    points = 1e-8 * (n + m) * features
    return Cost((products + points) * 1e9, 0.0, 60.0, 1e9)
