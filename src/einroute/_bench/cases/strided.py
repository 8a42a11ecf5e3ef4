"""Transposed, sliced, broadcast and overlapping operands."""

from __future__ import annotations

from ..case import Case
from .shapes import Shapes


def strided() -> list[Case]:
    """Transposed, sliced, broadcast and overlapping operands."""
    table = []
    for n in (40, 300):
        big = ((n, n), (n, n))
        rows: tuple[tuple[str, Shapes, str], ...] = (
            ("a.T, b", big, "F order left"),
            ("a, b.T", big, "F order right"),
            ("a.T, b.T", big, "F order both"),
            ("a[::2], b", ((2 * n, n), (n, n)), "rows left"),
            ("a[:, ::2], b", ((n, 2 * n), (n, n)), "columns left"),
            ("a[::2, ::2], b[::2, ::2]", ((2 * n, 2 * n),) * 2, "both"),
            ("a[::-1], b[:, ::-1]", big, "reversed"),
            ("a[:, 1:-1], b", ((n, n + 2), (n, n)), "inner block"),
            ("np.broadcast_to(a, (b.shape[0], b.shape[0])), b", ((n,), (n, n)), "broadcast rows"),
        )
        for views, shapes, name in rows:
            for order in "KC":
                table.append(Case("strided", f"ij,jk->ik {n} {name}", "ij,jk->ik", shapes, order=order, operands=views,
                                  by_hand=("np.matmul(a, b)",), asv=n == 300 and order == "K" and name in ("F order both", "both", "broadcast rows")))  # fmt: skip
    table += [
        Case("strided", "bij,bjk->bik broadcast batch", "bij,bjk->bik", ((200, 200), (32, 200, 200)),
             operands="np.broadcast_to(a, (32, 200, 200)), b", by_hand=("np.matmul(a, b)",)),
        Case("strided", "bij,bjk->ik broadcast batch", "bij,bjk->ik", ((200, 200), (32, 200, 200)),
             operands="np.broadcast_to(a, (32, 200, 200)), b", by_hand=("a[0] @ b.sum(0)",)),
        Case("strided", "i,i,i->i every second", "i,i,i->i", ((2_000_000,),) * 3,
             operands="a[::2], b[::2], c[::2]", by_hand=("np.multiply(t := a * b, c, out=t)",)),
        Case("strided", "i,i-> every second", "i,i->", ((2_000_000,),) * 2, operands="a[::2], b[::2]",
             by_hand=("np.dot(a, b)",)),
        Case("strided", "ij,i->ij every second f4", "ij,i->ij", ((4000, 1400), (4000,)), "f4", operands="a[:, ::2], b",
             by_hand=("a * b[:, None]",)),
        Case("strided", "ij,ij->ij transposed", "ij,ij->ij", ((1000, 1000),) * 2, operands="a.T, b",
             by_hand=("a * b",)),
        Case("strided", "ij->i F order", "ij->i", ((1000, 1000),), operands="a.T", by_hand=("a.sum(1)",)),
        Case("strided", "ij,kj->ik F order f4", "ij,kj->ik", ((300, 300),) * 2, "f4", operands="a.T, b",
             by_hand=("a @ b.T",)),
        Case("strided", "ijkl,kl->ij sliding window", "ijkl,kl->ij", ((256, 512), (10, 12)),
             operands="sliding_window_view(a, (10, 12)), b", asv=True),
        Case("strided", "tensordot sliding window", "", ((256, 512), (10, 12)), function="tensordot", arguments="axes=2",
             operands="sliding_window_view(a, (10, 12)), b"),
        Case("strided", "ij,j->i sliding window", "ij,j->i", ((100_000,), (50,)),
             operands="sliding_window_view(a, 50), b", by_hand=("a @ b",), asv=True),
        Case("strided", "ij,jk->ik sliding window", "ij,jk->ik", ((20_000,), (50, 20)),
             operands="sliding_window_view(a, 50), b", by_hand=("a @ b",)),
        Case("strided", "imn,ijnl->ijml rolled windows i8", "imn,ijnl->ijml", ((60, 8, 8), (69, 8, 8)), "i8",
             operands="a, sliding_window_view(b, 10, axis=0).transpose(0, 3, 1, 2)",
             by_hand=("np.matmul(a[:, None], b)",)),
    ]  # fmt: skip
    return table
