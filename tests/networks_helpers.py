"""Random tensor networks: subscripts of opt_einsum's letters, and operands that fit."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
from opt_einsum import get_symbol

__all__ = ["chain", "lattice", "random_network", "tree"]

Network = tuple[str, list[Any]]


def _of_edges(nodes: int, edges: list[tuple[int, int]], size: int, outer: int, seed: int) -> Network:
    """A tensor a node, a label an edge; the labels of the first edges are also the result's."""
    rng = np.random.default_rng(seed)
    terms = [""] * nodes
    for number, ends in enumerate(edges):
        for node in ends:
            terms[node] += get_symbol(number)
    output = "".join(get_symbol(number) for number in range(outer))
    operands = [rng.standard_normal((size,) * len(term)) * size ** (-len(term) / 4) for term in terms]
    return ",".join(terms) + "->" + output, operands


def chain(nodes: int, size: int, *, seed: int = 0) -> Network:
    """Matrices and two vectors at the ends."""
    return _of_edges(nodes, [(i, i + 1) for i in range(nodes - 1)], size, 0, seed)


def tree(nodes: int, size: int, *, outer: int = 0, seed: int = 0) -> Network:
    """Each node hangs on one before it, three at most on each."""
    chosen = random.Random(seed)
    children = [0] * nodes
    edges = []
    for node in range(1, nodes):
        parent = chosen.choice([i for i in range(max(0, node - 9), node) if children[i] < 3])
        children[parent] += 1
        edges.append((parent, node))
    return _of_edges(nodes, edges, size, outer, seed)


def lattice(rows: int, columns: int, size: int, *, outer: int = 0, seed: int = 0) -> Network:
    """A tensor at each place of a square lattice."""
    at = {place: i for i, place in enumerate(itertools.product(range(columns), range(rows)))}
    edges = [(i, at[x, y + 1]) for (x, y), i in at.items() if (x, y + 1) in at]
    edges += [(i, at[x + 1, y]) for (x, y), i in at.items() if (x + 1, y) in at]
    return _of_edges(len(at), edges, size, outer, seed)


def random_network(seed: int, dtypes: tuple[str, ...] = ("f8",)) -> Network:
    """Any operands: repeated labels, labels in many operands, scalars, axes of length 1, odd layouts."""
    chosen, rng = random.Random(seed), np.random.default_rng(seed)
    count = chosen.choice([1, 2, 3, 4, 6, 8, 9, 12, 16])
    first = chosen.choice([0, 40, 110, 200, 56000])
    labels = [get_symbol(first + i) for i in range(chosen.randint(1, count + 3))]
    sizes = {label: chosen.choice([1, 2, 2, 3] if count < 9 else [1, 2, 2]) for label in labels}
    while True:
        terms = [chosen.sample(labels, chosen.randint(0, min(4, len(labels)))) for _ in range(count)]
        used = sorted(set(itertools.chain.from_iterable(terms)))
        if np.prod([sizes[c] for c in used], dtype=float) < 1e6:
            break
        labels = labels[:-1]
    for term in terms:
        if term and chosen.random() < 0.1:
            term.append(chosen.choice(term))
    operands = []
    for term in terms:
        unique = len(set(term)) == len(term)
        shape = tuple(1 if unique and chosen.random() < 0.05 else sizes[c] for c in term)
        dtype = np.dtype(chosen.choice(dtypes))
        x = rng.integers(-3, 4, shape) + (0 if dtype.kind in "iub" else rng.standard_normal(shape))
        x = np.asarray(
            x > 0 if dtype.kind == "b" else x + 1j * rng.standard_normal(shape) * (dtype.kind == "c")
        )
        x = np.asarray(x if dtype.kind == "c" else x.real).astype(dtype)
        if x.ndim > 1 and chosen.random() < 0.3:
            x = np.asfortranarray(x)
        operands.append(x)
    text = ",".join("".join(term) for term in terms)
    if chosen.random() < 0.8:
        text += "->" + "".join(chosen.sample(used, chosen.randint(0, min(4, len(used)))))
    return text, operands
