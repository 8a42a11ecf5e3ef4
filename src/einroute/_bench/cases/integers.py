"""Integers, bools and float16, for which NumPy has no BLAS."""

from __future__ import annotations

from ..case import Case


def integers() -> list[Case]:
    """Integers, bools and float16, for which NumPy has no BLAS."""
    exact = "(a.astype('f8') @ b.astype('f8')).astype(a.dtype)"
    table = []
    for dtype in ("i8", "i4", "i2", "i1", "u1", "u4", "?", "f2"):
        hand: tuple[str, ...] = ("np.matmul(a, b)",)
        if dtype == "?":
            hand += ("(a.astype('f4') @ b.astype('f4')) > 0",)
        elif dtype == "f2":
            hand = ("(a.astype('f4') @ b.astype('f4')).astype('f2')",)
        elif dtype[1] in "48":
            hand += (exact,)
        for n in (8, 30, 100, 300):
            table.append(Case("integers", f"ij,jk->ik {n} {dtype}", "ij,jk->ik", ((n, n),) * 2, dtype, by_hand=hand,
                              asv=n == 100 and dtype in ("i8", "i4", "i1", "?", "f2")))  # fmt: skip
        single = hand[:1] if dtype != "f2" else ()
        table += [
            Case("integers", f"bij,bjk->bik 100x32 {dtype}", "bij,bjk->bik", ((100, 32, 32),) * 2, dtype, by_hand=single),
            Case("integers", f"ij,j->i 500 {dtype}", "ij,j->i", ((500, 500), (500,)), dtype, by_hand=single),
            Case("integers", f"ij->j 1000 {dtype}", "ij->j", ((1000, 1000),), dtype,
                 by_hand=() if dtype in "?f2" else ("a.sum(0, dtype=a.dtype)",)),
        ]  # fmt: skip
    table += [
        Case("integers", "ij,jk->ik 300 i8 wraps", "ij,jk->ik", ((300, 300),) * 2, "i8", operands="a << 40, b << 40",
             by_hand=("np.matmul(a, b)",)),
        Case("integers", "ij,jk->ik 300 i8,f8", "ij,jk->ik", ((300, 300),) * 2, ("i8", "f8"),
             by_hand=("np.matmul(a, b)",)),
        Case("integers", "ij,jk->ik 500 i8", "ij,jk->ik", ((500, 500),) * 2, "i8", by_hand=("np.matmul(a, b)", exact)),
        Case("integers", "ij,jk,kl->il 200 i8", "ij,jk,kl->il", ((200, 200),) * 3, "i8", by_hand=("a @ b @ c",)),
    ]  # fmt: skip
    return table
