"""NumPy's own benchmarks, of its ``benchmarks/bench_linalg.py``."""

from __future__ import annotations

from ..case import Case
from .shapes import Shapes


def numpy_asv() -> list[Case]:
    """The classes Eindot, Einsum and MatmulStrided."""
    big_cube, other_cube, scalar = (60, 80, 100), (80, 60, 40), "300"
    table = [
        Case("numpy-asv", "Eindot ij,jk", "ij,jk", ((150, 400), (400, 600)), by_hand=("np.matmul(a, b)",), asv=True),
        Case("numpy-asv", "Eindot i,ij,j", "i,ij,j", ((400,), (400, 600), (600,)), ("i8", "f8", "i8"),
             by_hand=("np.dot(a, np.dot(b, c))",), asv=True),
        Case("numpy-asv", "Eindot ijk,jil->kl", "ijk,jil->kl", (big_cube, other_cube),
             by_hand=("np.tensordot(a, b, axes=([1, 0], [0, 1]))",), asv=True),
        Case("numpy-asv", "Eindot tensordot", "", (big_cube, other_cube), function="tensordot",
             arguments="axes=([1, 0], [0, 1])"),
    ]  # fmt: skip
    for function in ("dot", "matmul"):
        for name, base, views in (
            ("a_b", ((150, 400), (400, 600)), "a, b"),
            ("a_at", ((150, 400),), "a, a.T"),
            ("a_atc", ((150, 400),), "a, a.T.copy()"),
            ("at_a", ((150, 400),), "a.T, a"),
            ("atc_a", ((150, 400),), "a.T.copy(), a"),
        ):
            table.append(
                Case("numpy-asv", f"Eindot {function} {name}", "", base, operands=views, function=function)
            )
    table.append(Case("numpy-asv", "Eindot inner a_a", "", ((150, 400),), operands="a, a", function="inner"))
    table.append(
        Case("numpy-asv", "Eindot inner a_ac", "", ((150, 400),), operands="a, a.copy()", function="inner")
    )

    for dtype in ("f4", "f8"):
        # "noncon" means what numpy's suite calls so: its arrays are arange(1, n, 2), contiguous all the same;
        # the strided group below has true ones.
        rows: tuple[tuple[str, str, Shapes, str, tuple[str, ...]], ...] = (
            ("outer", "i,j", ((3000,), (3000,)), "", ("np.multiply.outer(a, b)",)),
            ("multiply", "..., ...", ((30, 40), (20, 30, 40)), "", ("a * b",)),
            ("sum_mul", ",i...->", ((10, 100, 10),), f"{scalar}, a", ()),
            ("sum_mul2", "i...,->", ((10, 100, 10),), f"a, {scalar}", ()),
            ("mul", "i,->i", ((480000,),), f"a, {scalar}", ("a * b",)),
            ("contig_contig", "ji,i->", ((400, 600), (600,)), "", ("(a @ b).sum()",)),
            ("contig_outstride0", "i->", ((480000,),), "", ("a.sum()",)),
            ("noncon_outer", "i,j", ((2000,), (2000,)), "", ("np.multiply.outer(a, b)",)),
            ("noncon_multiply", "..., ...", ((30, 40), (20, 30, 40)), "", ("a * b",)),
            ("noncon_sum_mul", ",i...->", ((20, 30, 40),), f"{scalar}, a", ()),
            ("noncon_sum_mul2", "i...,->", ((20, 30, 40),), f"a, {scalar}", ()),
            ("noncon_mul", "i,->i", ((2000,),), f"a, {scalar}", ("a * b",)),
            ("noncon_contig_contig", "ji,i->", ((30, 40), (40,)), "", ()),
            ("noncon_contig_outstride0", "i->", ((2000,),), "", ("a.sum()",)),
        )
        for name, subscripts, shapes, views, by_hand in rows:
            # einsum takes a Python scalar as float64, the ufunc does not: by hand would be other work
            hand = () if dtype == "f4" and scalar in views else by_hand
            # numpy sums over an ellipsis missing from the output only here, and refuses it at its default
            keywords = "optimize=True" if "..." in subscripts and subscripts.endswith("->") else ""
            table.append(Case("numpy-asv", f"Einsum {name} {dtype}", subscripts, shapes, dtype, operands=views,
                              by_hand=hand, keywords=keywords,
                              asv=dtype == "f8" and not name.startswith("noncon")))  # fmt: skip
    for m, p, k in (
        (2, 2, 2),
        (5, 5, 5),
        (10, 10, 10),
        (20, 20, 20),
        (50, 50, 50),
        (150, 150, 100),
        (400, 400, 100),
    ):
        for batch in (1, 10):
            table.append(Case("numpy-asv", f"MatmulStrided {m}x{p}x{k} batch {batch}", "bij,bjk->bik",
                              ((batch, m, 2 * k), (batch, k, p)), operands="a[:, :, ::2], b",
                              by_hand=("np.matmul(a, b)",)))  # fmt: skip
    return table
