"""Tensor networks of 20 to 2000 small tensors, contracted many times along one path."""

from __future__ import annotations

from ..spelled import Spelled, Way, Ways

#: The edges of each network, by its name; nodes are numbers.
GRAPHS = {
    "chain 100": "[(i, i + 1) for i in range(99)]",
    "chain 1000": "[(i, i + 1) for i in range(999)]",
    "tree 200": "[((i - 1) // 2, i) for i in range(1, 200)]",
    "tree 2000": "[((i - 1) // 2, i) for i in range(1, 2000)]",
    "lattice 4x5": "grid(4, 5)",
    "lattice 6x6": "grid(6, 6)",
    "lattice 4x150": "grid(4, 150)",
    "lattice 2x1000": "grid(2, 1000)",
    "ring with chords 60": "ring(60) + [(i, (i + 7) % 60) for i in range(0, 60, 5)]",
    "regular 60": "ring(60) + list(zip(*rng.permutation(60).reshape(2, 30)))",
    "hyper 80": "[(i, (i + 1) % 80, (i + 2) % 80) for i in range(80)]",
    "overlap of states 2x60": "grid(2, 60)",
    "circuit 8x10": "circuit(8, 10)",
    "circuit 60x4": "circuit(60, 4)",
}
#: Bond dimensions of each.
SIZES = {
    "chain": 8,
    "tree": 4,
    "lattice": 2,
    "ring": 3,
    "regular": 2,
    "hyper": 2,
    "overlap": 8,
    "circuit": 2,
}
GIVEN = """
symbol = load("opt_einsum").get_symbol
def grid(rows, columns):
    down = [(r + rows * c, r + 1 + rows * c) for c in range(columns) for r in range(rows - 1)]
    return down + [(r + rows * c, r + rows * (c + 1)) for c in range(columns - 1) for r in range(rows)]
def ring(nodes):
    return [(i, (i + 1) % nodes) for i in range(nodes)]
def circuit(bits, layers):
    last, found, node = list(range(bits)), [], bits
    for layer in range(layers):
        for bit in range(layer % 2, bits - 1, 2):
            found += [(last[bit], node), (last[bit + 1], node)]
            last[bit] = last[bit + 1] = node
            node += 1
    return found + [(end, node + i) for i, end in enumerate(last)]
edges = {edges}
terms = [""] * (max(map(max, edges)) + 1)
for number, ends in enumerate(edges):
    for node in ends:
        terms[node] += symbol(number)
text = ",".join(terms) + "->"
operands = [rng.random(({size},) * len(term)) * {size} ** (-len(term) / 2) * 2 for term in terms]
shapes = [x.shape for x in operands]
path = load("opt_einsum").contract_path(text, *shapes, shapes=True, optimize="greedy")[0]
"""
WAYS: Ways = {
    "einroute": Way(
        "expression(*operands)", "expression = er.contract_expression(text, *shapes, optimize=path)"
    ),
    "opt_einsum": Way(
        "expression(*operands)",
        'expression = load("opt_einsum").contract_expression(text, *shapes, optimize=path)',
    ),
    "cotengra": Way(
        "tree.contract(operands)",
        'cotengra = load("cotengra")\n'
        "inputs, output = cotengra.utils.eq_to_inputs_output(text)\n"
        "sizes = {c: n for term, shape in zip(inputs, shapes) for c, n in zip(term, shape)}\n"
        "tree = cotengra.ContractionTree.from_path(inputs, output, sizes, path=path)\n"
        "tree.contract(operands)",
    ),
    "sesum": Way("sesum(text, *operands, path=path)", 'sesum = load("sesum.sr").sesum'),
}


def tensor_networks() -> list[Spelled]:
    """Each network by an expression that is made beforehand."""
    return [
        Spelled(
            "tensor-networks",
            name,
            GIVEN.format(edges=edges, size=SIZES[name.split()[0]]),
            WAYS,
            answer="np.asarray(result)",
            tolerance=1e-8,
            asv=name in {"tree 200", "lattice 6x6", "lattice 2x1000"},
        )
        for name, edges in GRAPHS.items()
    ]
