"""Contractions whose value may lie beyond the range of floats.

Each intermediate is scaled to a largest entry of one, and the logarithms of the factors are added up, as in
cotengra's ``strip_exponent``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._base.facts import DType
from .._config.state import State
from .._plan.plans import Path
from .._plan.searches import searched
from .contracting import Asked, asked, call_of, computed, path_for
from .folding import PathStep, pairs_of
from .network_labels import Network
from .operands import Fallback, taken_in

__all__ = ["stripped"]

Array = np.ndarray[Any, Any]


def stripped(
    args: Sequence[Any], optimize: Any, memory_limit: Any, kwargs: Mapping[str, Any], state: State
) -> tuple[Any, float]:
    """The result scaled to a largest entry of one, and the exponent: it is ``result * 10**exponent``.

    Raises
    ------
    TypeError
        Operands that are no arrays of floats or complex numbers, an ``out``.
    """
    given = asked(args)
    taken = taken_in(given.operands)
    dtype = None if isinstance(taken, Fallback) or taken.mixed else computed(taken, kwargs)
    if isinstance(taken, Fallback) or dtype is None or isinstance(dtype, Fallback) or dtype.kind not in "fc":
        came = ", ".join(dict.fromkeys(type(x).__name__ for x in given.operands))
        raise TypeError(
            f"strip_exponent is for NumPy's arrays of floats or complex numbers, and the operands are of "
            f"type {came}; drop it, or convert them"
        )
    network = given.network
    path = path_for(optimize, given, memory_limit, taken)
    if isinstance(path, str):
        path = searched(network.inputs, network.output, given.sizes)
    terms: list[Array] = []
    exponent = 0.0
    for x in taken.values:
        scaled, power = _scaled(x.astype(dtype, copy=False))
        terms.append(scaled)
        exponent += power
    last = len(path) - 1
    for number, step in enumerate(pairs_of(network.inputs, network.output, path)):
        chosen = [terms[i] for i in step.positions]
        order = {"order": kwargs["order"]} if number == last and "order" in kwargs else {}
        made = _step(given, step, chosen, dtype, memory_limit, order, state)
        for i in sorted(step.positions, reverse=True):
            del terms[i]
        scaled, power = _scaled(np.asarray(made))
        terms.append(scaled)
        exponent += power
    return terms[0], exponent


def _step(
    given: Asked,
    step: PathStep,
    chosen: list[Array],
    dtype: DType,
    memory_limit: Any,
    kwargs: Mapping[str, Any],
    state: State,
) -> Any:
    """What a step makes of its operands."""
    names = given.network.names
    inputs = tuple(step.inputs)
    taken = taken_in(chosen)
    assert not isinstance(taken, Fallback)
    sizes = {c: 1 for labels in inputs for c in labels}
    for labels, x in zip(inputs, chosen, strict=True):
        for c, n in zip(labels, x.shape, strict=True):
            sizes[c] = max(sizes[c], n) if n else 0
    whole: Path = (tuple(range(len(chosen))),)
    part = Asked(given.text, Network(inputs, step.output, names), sizes, tuple(chosen))
    return call_of(part, taken, dtype, whole, None, memory_limit, kwargs).run(state)


def _scaled(x: Array) -> tuple[Array, float]:
    """An array over its largest entry, and the logarithm of that; as it is where that is 0 or no number."""
    largest = float(np.max(np.abs(x), initial=0.0))
    if not 0.0 < largest < np.inf:
        return x, 0.0
    return x / x.dtype.type(largest), float(np.log10(largest))
