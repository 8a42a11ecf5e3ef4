"""Histograms, segment sums, gathers, and a field in layers: what labels do as an operand."""

from __future__ import annotations

from ..spelled import Spelled, Way, Ways

#: Places, classes and columns of the weights; no column is a vector.
SIZES = (
    (1_000, 8, 0), (1_000, 8, 16), (100_000, 8, 0), (100_000, 1_000, 0), (100_000, 1_000, 4), (100_000, 1_000, 64),
    (1_000_000, 8, 0), (1_000_000, 1_000, 0), (1_000_000, 100_000, 0), (1_000_000, 8, 4), (1_000_000, 1_000, 16),
)  # fmt: skip
IN_SUITE = ((1_000, 8, 0), (100_000, 1_000, 0), (100_000, 1_000, 4))
#: Rows, columns and layers of the field.
FIELDS = ((200, 100, 10), (2000, 1000, 20))
GIVEN = """
labels, classes = rng.integers(0, {classes}, {places}), {classes}
w, table = rng.random({shape}), rng.random({rows})
"""
FIELD = """
x = np.sort(rng.integers(0, {n}, {z}))
u, e, p, q = (rng.random(shape) + 1j for shape in (({n},), ({n}, 3), ({z},), ({x},)))
def masked(x, u, e, p, q):
    out = np.zeros((len(p), len(q), 3), complex)
    for n in range({n}):
        out += ((x == n)[:, None] * (p[:, None] * q))[..., None] * (u[n] * e[n])
    return out
"""
#: SciPy's matrix is made beforehand: its product alone is timed.
MATRIX = """
places = len(labels)
a = load("scipy.sparse").csr_array((np.ones(places), labels, np.arange(places + 1)), shape=(places, classes))
"""
ONE_HOT = "er.one_hot(labels, classes)"


def counts() -> list[Spelled]:
    """How often each label comes, and sums of weights by label."""
    table = []
    for places, classes, columns in SIZES:
        given, name = _given(places, classes, columns)
        asv = (places, classes, columns) in IN_SUITE
        subscripts = "tr,tc->rc" if columns else "tr,t->r"
        sums: Ways = {
            "einroute": Way(f'er.einsum("{subscripts}", {ONE_HOT}, w)'),
            "scipy": Way("a.T @ w", MATRIX, prepared=True),
        }
        if columns:
            added = Way("np.add.at(out := np.zeros((classes, w.shape[1])), labels, w) or out")
            sums = {**sums, "numpy": added}
        else:
            sums = {**sums, "by_hand": Way("np.bincount(labels, w, minlength=classes)")}
            histogram: Ways = {
                "einroute": Way(f'er.einsum("tr->r", {ONE_HOT})'),
                "by_hand": Way("np.bincount(labels, minlength=classes)"),
            }
            table.append(
                Spelled("one-hot", f"histogram {name}", given, histogram, answer="result * 1.0", asv=asv)
            )
        table.append(Spelled("one-hot", f"segment sums {name}", given, sums, asv=asv))
    return table


def gathers() -> list[Spelled]:
    """Rows of a table by label, plain and scaled."""
    table = []
    for places, classes, columns in SIZES:
        given, name = _given(places, classes, columns)
        asv = (places, classes, columns) in IN_SUITE
        plain, scaled = ("tr,rc->tc", "tr,rc,t->tc") if columns else ("tr,r->t", "tr,r,t->t")
        factor = "f[:, None]" if columns else "f"
        table += [
            Spelled("one-hot", f"gather {name}", given, {
                "einroute": Way(f'er.einsum("{plain}", {ONE_HOT}, table)'),
                "by_hand": Way("np.take(table, labels, axis=0)"),
            }, asv=asv),
            Spelled("one-hot", f"scaled gather {name}", given + f"f = rng.random({places})", {
                "einroute": Way(f'er.einsum("{scaled}", {ONE_HOT}, table, f)'),
                "by_hand": Way(f"np.take(table, labels, axis=0) * {factor}"),
            }),
        ]  # fmt: skip
    return table


def places() -> list[Spelled]:
    """What is asked of each place: whether it has a class, its element of an array, and of two labels."""
    table = []
    for places, classes, columns in SIZES:
        if columns or places * classes > 1_000_000:
            continue
        given, name = _given(places, classes, columns)
        given += f"d = rng.random(({places}, {classes}))\nothers = rng.integers(0, {classes}, {places})"
        asv = (places, classes, columns) in IN_SUITE
        both = f"{ONE_HOT}, er.one_hot(others, classes)"
        table += [
            Spelled("one-hot", f"places {name}", given, {
                "einroute": Way(f'er.einsum("tr->t", {ONE_HOT})'),
                "by_hand": Way("((labels >= 0) & (labels < classes)) * 1.0"),
            }, asv=asv),
            Spelled("one-hot", f"elements {name}", given, {
                "einroute": Way(f'er.einsum("tr,tr->t", {ONE_HOT}, d)'),
                "by_hand": Way("d[np.arange(len(labels)), labels]"),
            }, asv=asv),
            Spelled("one-hot", f"equal labels {name}", given, {
                "einroute": Way(f'er.einsum("tr,tr->t", {both})'),
                "by_hand": Way("(labels == others) * 1.0"),
            }),
            Spelled("one-hot", f"pairs of labels {name}", given, {
                "einroute": Way(f'er.einsum("tr,tc->rc", {both})'),
                "by_hand": Way(
                    "np.bincount(labels * classes + others, minlength=classes**2).reshape(classes, -1) * 1.0"
                ),
            }),
        ]  # fmt: skip
    return table


def fields() -> list[Spelled]:
    """E[z, x, :] = u_n E_n p(z) q(x), n the layer of z."""
    return [
        Spelled("one-hot", f"field {z}x{x} of {n} layers", FIELD.format(z=z, x=x, n=n), {
            "einroute": Way(f'er.einsum("zn,n,nc,z,x->zxc", er.one_hot(x, {n}), u, e, p, q)'),
            "numpy": Way("masked(x, u, e, p, q)"),
            "by_hand": Way("np.multiply.outer((u[x] * p)[:, None] * e[x], q).transpose(0, 2, 1)"),
        }, asv=z == 200)
        for z, x, n in FIELDS
    ]  # fmt: skip


def _given(places: int, classes: int, columns: int) -> tuple[str, str]:
    shape, rows = ((places, columns), (classes, columns)) if columns else ((places,), (classes,))
    given = GIVEN.format(places=places, classes=classes, shape=shape, rows=rows)
    return given, f"{places} of {classes}" + (f", {columns} columns" if columns else "")
