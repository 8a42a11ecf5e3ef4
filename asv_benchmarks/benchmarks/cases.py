"""The one table of cases, for `ratios.py` and for every asv class.

Sources: numpy's own asv suite (`benchmarks/bench_linalg.py`), the TCCG contraction set (HPAC/tccg,
`benchmark/benchmark.py`), opt_einsum's README, and forms that users write.
"""

from __future__ import annotations

from itertools import pairwise

from . import Case

Shapes = tuple[tuple[int, ...], ...]


def shapes_of(subscripts: str, default: int, sizes: dict[str, int] | None = None) -> Shapes:
    """Operand shapes from a size for each label; `default` where `sizes` names none."""
    sizes = sizes or {}
    return tuple(tuple(sizes.get(x, default) for x in term) for term in subscripts.split("->", maxsplit=1)[0].split(","))


# form, what an expert writes for it
TINY_FORMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ij,jk->ik", ("np.matmul(a, b)", "np.dot(a, b)")),
    ("ij,j->i", ("np.matmul(a, b)", "np.dot(a, b)")),
    ("i,i->", ("np.dot(a, b)",)),
    ("ii->", ()),
    ("ii->i", ()),
    ("ij->ji", ()),
    ("i,j->ij", ()),
    ("ij,ij->ij", ()),
    ("ij,ij->", ()),
    ("ij->i", ()),
    ("ij->", ()),
    ("bij,bjk->bik", ("np.matmul(a, b)",)),
    ("ij,jk,kl->il", ("a @ b @ c",)),
    ("i,ij,j->", ("a @ b @ c",)),
    ("i,i,i->i", ()),
    ("ijk,kl,ijl->ij", ()),
    ("ij,jk,kl,lm->im", ("a @ b @ c @ d",)),
    ("ij,jk,kl,lm,mo->io", ("a @ b @ c @ d @ e",)),
)


def tiny() -> list[Case]:
    def case(name: str, subscripts: str, shapes: Shapes, **options: object) -> Case:
        return Case("tiny", name, subscripts, shapes, **options)  # type: ignore[arg-type]

    table = []
    for form, by_hand in TINY_FORMS:
        for n in (2, 3, 10):
            # the plain loop over six labels of size 10 is no tiny job
            size = min(n, 5) if form.count(",") > 2 else n
            table.append(case(f"{form} n={size}", form, shapes_of(form, size), by_hand=by_hand, asv=n == 3))
    for dtype in ("f4", "c16", "i8", "i4", "i1", "?"):
        for form in ("ij,jk->ik", "ij,j->i", "ij->"):
            table.append(case(f"{form} n=4 {dtype}", form, shapes_of(form, 4), dtype=dtype))
    two = ((3, 3), (3, 3))
    table += [
        case("ij,jk->ik n=4 mixed", "ij,jk->ik", ((4, 4), (4, 4)), dtype=("i8", "f8")),
        case("ij,jk implicit", "ij,jk", two),
        case("...ij,...jk->...ik", "...ij,...jk->...ik", two),
        case("...ij,...jk->...ik batch", "...ij,...jk->...ik", ((2, 3, 3), (3, 3))),
        case("i...,i...->...", "i...,i...->...", two),
        case("ij,jk->ik sublists", "ij,jk->ik", two, sublists=True, asv=True),
        case("ij,jk->ik order", "ij,jk->ik", two, order="C"),
        case("ij,jk->ik out", "ij,jk->ik", two, out=True, by_hand=("np.matmul(a, b, out=out)",)),
        case("ij,jk->ik dtype", "ij,jk->ik", two, dtype="f4", keywords="dtype='f8'"),
        case("ij,jk->ik transposed", "ij,jk->ik", two, operands="a.T, b.T", by_hand=("np.matmul(a, b)",)),
        case("ij,jk->ik F order", "ij,jk->ik", two, order="F"),
    ]
    return table


def tiny_functions() -> list[Case]:
    vector, matrix, cube = (3,), (3, 3), (3, 3, 3)
    rows = (
        ("tensordot", "axes=1", (matrix, matrix)),
        ("tensordot", "axes=2", (matrix, matrix)),
        ("tensordot", "axes=0", (matrix, matrix)),
        ("tensordot", "axes=([1], [0])", (matrix, matrix)),
        ("tensordot", "axes=([0], [0])", (matrix, matrix)),
        ("tensordot", "axes=([2, 0], [1, 0])", (cube, cube)),
        ("tensordot", "axes=([2], [0])", (cube, matrix)),
        ("tensordot", "1", (vector, vector)),
        ("dot", "", (matrix, matrix)),
        ("dot", "", (vector, vector)),
        ("matmul", "", (matrix, matrix)),
        ("matmul", "", (cube, cube)),
        ("inner", "", (matrix, matrix)),
        ("vdot", "", (vector, vector)),
        ("outer", "", (vector, vector)),
        ("vecdot", "", (matrix, matrix)),
    )
    return [
        Case("tiny-functions", f"{f} {args} {'x'.join(str(len(s)) for s in shapes)}-D".replace("  ", " "), "",
             shapes, function=f, arguments=args, asv=f == "tensordot")
        for f, args, shapes in rows
    ]  # fmt: skip


def numpy_asv() -> list[Case]:
    """numpy's own benchmarks: classes Eindot, Einsum and MatmulStrided."""
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
            table.append(Case("numpy-asv", f"Eindot {function} {name}", "", base, operands=views, function=function))
    table.append(Case("numpy-asv", "Eindot inner a_a", "", ((150, 400),), operands="a, a", function="inner"))
    table.append(Case("numpy-asv", "Eindot inner a_ac", "", ((150, 400),), operands="a, a.copy()", function="inner"))

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
    for m, p, k in ((2, 2, 2), (5, 5, 5), (10, 10, 10), (20, 20, 20), (50, 50, 50), (150, 150, 100), (400, 400, 100)):
        for batch in (1, 10):
            table.append(Case("numpy-asv", f"MatmulStrided {m}x{p}x{k} batch {batch}", "bij,bjk->bik",
                              ((batch, m, 2 * k), (batch, k, p)), operands="a[:, :, ::2], b",
                              by_hand=("np.matmul(a, b)",)))  # fmt: skip
    return table


TCCG = (
    "ij-ik-kj", "ij-ikl-ljk", "ij-kil-lkj", "ijk-ikl-lj", "ijk-ilk-jl", "ijk-ilmk-mjl",
    "ijkl-imjn-lnkm", "ijkl-imjn-nlmk", "ijkl-minl-njmk",
    "aqrs-pa-pqrs", "abrs-qb-aqrs", "abcs-rc-abrs",
    "abj-bka-kj", "ajb-kba-jk", "abjc-cbka-kj", "ajbc-ckba-jk", "abjc-kbac-jk",
    "abjcd-dkbac-jk", "adbjc-cbdka-kj", "ajbdc-ckbad-jk",
    "abcijk-ijma-mkbc", "abcijk-ijmb-mkac", "abcijk-ijmc-mkab", "abcijk-ikmb-mjac",
)  # fmt: skip
INTENSLI = frozenset(TCCG[12:20])  # tensor times matrix, where TCCG fixes the new dimension j at 24
# Label size by number of labels (without that j): about 0.2 to 0.5 GFLOP each.
TCCG_SIZES = {3: 576, 4: 116, 5: 44, 6: 24, 7: 14}
INTENSLI_SIZES = {3: 184, 4: 50, 5: 24}


def tccg() -> list[Case]:
    table = []
    for number, text in enumerate(TCCG):
        result, first, second = text.split("-")
        labels = sorted(set(first + second))
        rest = [x for x in labels if not (text in INTENSLI and x == "j")]
        n = (INTENSLI_SIZES if text in INTENSLI else TCCG_SIZES)[len(rest)]
        step = max(2, n // 12)
        # unequal sizes, so that a wrong transpose cannot pass for a right one
        sizes = {x: n + (0, step, -step)[k % 3] for k, x in enumerate(rest)}
        if text in INTENSLI:
            sizes["j"] = 24
        subscripts = f"{first},{second}->{result}"
        summed = [x for x in first if x in second]
        axes = f"([{', '.join(str(first.index(x)) for x in summed)}], [{', '.join(str(second.index(x)) for x in summed)}])"
        left = [x for x in first + second if x in result]
        turn = tuple(left.index(x) for x in result)
        by_hand = (f"np.tensordot(a, b, {axes}).transpose{turn}",)
        shapes = shapes_of(subscripts, n, sizes)
        for dtype in ("f8", "f4") if number % 6 == 0 else ("f8",):
            for order in "KC":
                table.append(Case("tccg", f"{subscripts} {dtype}", subscripts, shapes, dtype, order, by_hand=by_hand,
                                  asv=number % 6 == 0 and dtype == "f8"))  # fmt: skip
    return table


def batched() -> list[Case]:
    def case(name: str, subscripts: str, shapes: Shapes, *by_hand: str, asv: bool = False, **options: object) -> Case:
        return Case("batched", f"{subscripts} {name}", subscripts, shapes, by_hand=by_hand, asv=asv, **options)  # type: ignore[arg-type]

    table = []
    for b, n in ((10_000, 3), (1000, 4), (1000, 16), (200, 48), (64, 128), (8, 512)):
        same = ((b, n, n), (b, n, n))
        name = f"{b}x{n}x{n}"
        quick = n in (3, 16, 128)
        table += [
            case(name, "bij,bjk->bik", same, "np.matmul(a, b)", asv=quick),
            case(name, "bij,bkj->bik", same, "np.matmul(a, b.mT)"),
            case(name, "bji,bjk->bik", same, "np.matmul(a.mT, b)"),
            case(name, "bij,bj->bi", ((b, n, n), (b, n)), "np.matmul(a, b[:, :, None])[:, :, 0]", "np.matvec(a, b)"),
            case(name, "bij,jk->bik", ((b, n, n), (n, n)), "(a.reshape(-1, a.shape[2]) @ b).reshape(a.shape)"),
            case(f"{name} f4", "bij,bjk->bik", same, "np.matmul(a, b)", dtype="f4"),
            case(f"{name} batch last", "ijb,jkb->ikb", ((n, n, b), (n, n, b)),
                 "np.matmul(a.transpose(2, 0, 1), b.transpose(2, 0, 1)).transpose(1, 2, 0)"),
        ]  # fmt: skip
    # attention: (batch 2, heads 8, queries and keys 256, head dimension 64), 0.13 GFLOP
    heads_first, heads_inside, scores = (2, 8, 256, 64), (2, 256, 8, 64), (2, 8, 256, 256)
    for dtype in ("f8", "f4"):
        table += [
            case(dtype, "bhqd,bhkd->bhqk", (heads_first, heads_first), "np.matmul(a, b.mT)", dtype=dtype, asv=dtype == "f8"),
            case(dtype, "bhqk,bhkd->bhqd", (scores, heads_first), "np.matmul(a, b)", dtype=dtype),
            case(dtype, "bqhd,bkhd->bhqk", (heads_inside, heads_inside),
                 "np.matmul(a.transpose(0, 2, 1, 3), b.transpose(0, 2, 3, 1))", dtype=dtype, asv=dtype == "f8"),
            case(dtype, "bhqk,bkhd->bqhd", (scores, heads_inside),
                 "np.matmul(a, b.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)", dtype=dtype, asv=dtype == "f8"),
        ]  # fmt: skip
    table += [
        case("C", "bqhd,bkhd->bhqk", (heads_inside, heads_inside),
             "np.matmul(a.transpose(0, 2, 1, 3), b.transpose(0, 2, 3, 1))", order="C"),
        case("C", "bhqk,bkhd->bqhd", (scores, heads_inside),
             "np.matmul(a, b.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)", order="C"),
        case("small", "bhqd,bhkd->bhqk", ((4, 4, 32, 16), (4, 4, 32, 16)), "np.matmul(a, b.mT)"),
        case("projection", "btd,dhk->bthk", ((4, 128, 256), (256, 8, 32)), "np.tensordot(a, b, 1)"),
        case("groups", "gij,gjk->ik", ((50, 100, 80), (50, 80, 100)), "np.tensordot(a, b, ((0, 2), (0, 1)))"),
    ]  # fmt: skip
    return table


def networks() -> list[Case]:
    """MTTKRP, quadratic forms, chains, tensor networks."""
    def case(name: str, subscripts: str, shapes: Shapes, *by_hand: str, asv: bool = False, operands: str = "") -> Case:
        return Case("networks", f"{subscripts} {name}", subscripts, shapes, by_hand=by_hand, asv=asv, operands=operands)

    table = []
    for i, k, m, r in ((100, 100, 100, 16), (300, 200, 100, 10), (40, 300, 300, 30)):
        table.append(case(f"mttkrp {i}x{k}x{m} r={r}", "ikl,lj,kj->ij", ((i, k, m), (m, r), (k, r)),
                          "a.reshape(len(a), -1) @ (c[:, None] * b).reshape(-1, b.shape[1])",
                          "np.einsum('ikj,kj->ij', a @ b, c)", asv=r == 16))  # fmt: skip
    for n, m, d in ((30, 40, 6), (300, 400, 6), (500, 500, 12), (1000, 1000, 30)):
        hand = ("np.einsum('ijk,ijk->ij', (a.reshape(-1, a.shape[2]) @ b).reshape(a.shape), c)",
                "np.vecdot((a.reshape(-1, a.shape[2]) @ b).reshape(a.shape), c)")  # fmt: skip
        table.append(case(f"quadratic {n}x{m} d={d}", "ijk,kl,ijl->ij", ((n, m, d), (d, d)), *hand,
                          operands="a, b, a", asv=d == 6))  # fmt: skip
        table.append(case(f"bilinear {n}x{m} d={d}", "ijk,kl,ijl->ij", ((n, m, d), (d, d), (n, m, d)), *hand))
    table.append(case("quadratic one", "ik,kl,il->i", ((20000, 20), (20, 20)), "np.vecdot(a @ b, c)",
                      operands="a, b, a"))  # fmt: skip
    chain = "ij,jk,kl->il"
    for dims in ((1000, 10, 1000, 20), (20, 1000, 10, 1000), (5, 2000, 2000, 3), (300, 300, 300, 300), (30, 40, 50, 60)):
        shapes = tuple(pairwise(dims))
        table.append(case("x".join(map(str, dims)), chain, shapes, "np.linalg.multi_dot([a, b, c])", asv=dims[0] in (5, 20)))
    table += [
        case("chain 4", "ij,jk,kl,lm->im", ((500, 10), (10, 500), (500, 30), (30, 400)),
             "np.linalg.multi_dot([a, b, c, d])", asv=True),
        case("chain 5", "i,ij,jk,kl,l->", ((300,), (300, 400), (400, 500), (500, 200), (200,)),
             "a @ b @ c @ (d @ e)"),
        case("chain 6", "ij,jk,kl,lm,mo,op->ip", ((50, 60), (60, 200), (200, 10), (10, 300), (300, 40), (40, 50)),
             "np.linalg.multi_dot([a, b, c, d, e, f])"),
        case("sandwich", "ij,ik,kl->jl", ((400, 200), (400, 400), (400, 200)), "a.T @ b @ c", operands="a, b, a"),
        case("mps 64", "ab,apc,bpd->cd", ((64, 64), (64, 4, 64), (64, 4, 64)),
             "np.tensordot(np.tensordot(a, b, (0, 0)), c, ((0, 1), (0, 1)))", asv=True),
        case("mps 8", "ab,apc,bpd->cd", ((8, 8), (8, 2, 8), (8, 2, 8)),
             "np.tensordot(np.tensordot(a, b, (0, 0)), c, ((0, 1), (0, 1)))"),
        case("mpo", "awb,apc,wpqv,bqd->cvd", ((48, 5, 48), (48, 2, 48), (5, 2, 2, 5), (48, 2, 48)),
             "np.tensordot(np.tensordot(np.tensordot(a, b, (0, 0)), c, ((0, 2), (0, 1))), d, ((0, 2), (0, 1)))",
             asv=True),
        case("four-index 10", "ea,fb,abcd,gc,hd->efgh", ((10, 10), (10, 10), (10, 10, 10, 10), (10, 10), (10, 10)),
             "np.tensordot(np.tensordot(np.tensordot(np.tensordot(c, e, (3, 1)), d, (2, 1)), b, (1, 1)), a, (0, 1)).T"),
        case("four-index 24", "ea,fb,abcd,gc,hd->efgh", ((24, 24), (24, 24), (24, 24, 24, 24), (24, 24), (24, 24)),
             "np.tensordot(np.tensordot(np.tensordot(np.tensordot(c, e, (3, 1)), d, (2, 1)), b, (1, 1)), a, (0, 1)).T",
             asv=True),
        case("tucker", "abc,ai,bj,ck->ijk", ((60, 70, 80), (60, 10), (70, 12), (80, 14)),
             "np.tensordot(b, np.tensordot(np.tensordot(a, d, (2, 0)), c, (1, 0)), (0, 0)).transpose(0, 2, 1)"),
        case("cp", "ir,jr,kr->ijk", ((80, 20), (90, 20), (100, 20)),
             "((a[:, None] * b).reshape(-1, a.shape[1]) @ c.T).reshape(len(a), len(b), len(c))"),
        case("weighted gram", "ti,t,tj->ij", ((20000, 40), (20000,)), "(a * b[:, None]).T @ c", operands="a, b, a"),
        case("ring", "ab,bc,cd,da->", ((60, 60),) * 4, "np.vdot((a @ b @ c).T, d)"),
        case("triangle", "abx,bcy,caz->xyz", ((20, 20, 10), (20, 20, 10), (20, 20, 10)),
             "np.tensordot(np.tensordot(a, b, (1, 0)), c, ((0, 2), (1, 0)))"),
    ]  # fmt: skip
    return table


def elementwise() -> list[Case]:
    """Hadamard products, reductions, transposes and outer products, past the caches and within."""
    def case(name: str, subscripts: str, shapes: Shapes, *by_hand: str, asv: bool = False, **options: object) -> Case:
        return Case("elementwise", f"{subscripts} {name}".strip(), subscripts, shapes, by_hand=by_hand, asv=asv, **options)  # type: ignore[arg-type]

    # einsum alone gives a view for a transpose, at any order=; `out` is how it is asked to copy
    table = []
    in_place = "np.multiply(t := a * b, c, out=t)"
    for n, quick in ((1000, False), (30_000, False), (1_000_000, True), (10_000_000, False)):
        table += [
            case(f"n={n}", "i,i->", ((n,),) * 2, "np.dot(a, b)", asv=quick),
            case(f"n={n}", "i,i->i", ((n,),) * 2, "a * b"),
            case(f"n={n}", "i,i,i->i", ((n,),) * 3, in_place, asv=quick),
            case(f"n={n}", "i,i,i->", ((n,),) * 3, "np.dot(a * b, c)"),
            case(f"n={n}", "i->", ((n,),), "a.sum()"),
        ]
    for rows, columns, quick in ((100, 100, False), (1000, 1000, True), (4000, 1500, False)):
        shape, name = (rows, columns), f"{rows}x{columns}"
        table += [
            case(name, "ij,ij->i", (shape, shape), "np.vecdot(a, b)", asv=quick),
            case(name, "ij,ij->j", (shape, shape), "(a * b).sum(0)"),
            case(name, "ij,ij->", (shape, shape), "np.vdot(a, b)", asv=quick),
            case(name, "ij,ij,ij->", (shape,) * 3, "np.vdot(a * b, c)"),
            case(name, "ij,ij->ij", (shape, shape), "a * b"),
            case(name, "ij,j->ij", (shape, (columns,)), "a * b"),
            case(name, "ij,i->ij", (shape, (rows,)), "a * b[:, None]"),
            case(name, "ij,j->i", (shape, (columns,)), "a @ b", asv=quick),
            case(name, "ij,i->j", (shape, (rows,)), "b @ a"),
            case(name, "i,ij,j->", ((rows,), shape, (columns,)), "a @ (b @ c)"),
            case(name, "ij,i,j->ij", (shape, (rows,), (columns,)), "np.multiply(t := a * b[:, None], c, out=t)"),
            case(name, "ij->j", (shape,), "a.sum(0)", "np.ones(len(a)) @ a", asv=quick),
            case(name, "ij->i", (shape,), "a.sum(1)", "a @ np.ones(a.shape[1])", asv=quick),
            case(f"{name} copy", "ij->ji", (shape,), "np.copyto(out, a.T)", out=True, asv=quick),
            case(name, "i,j->ij", ((rows,), (columns,)), "np.multiply.outer(a, b)", asv=quick),
            case(f"{name} copy f4", "ij->ji", (shape,), "np.copyto(out, a.T)", dtype="f4", out=True),
        ]
    for n in (30, 200):
        cube, name = ((n, n, n),), f"{n}^3"
        table += [
            case(name, "ijk->k", cube, "a.sum((0, 1))", "np.ones(a.shape[0] * a.shape[1]) @ a.reshape(-1, a.shape[2])"),
            case(name, "ijk->j", cube, "a.sum((0, 2))", "(a @ np.ones(a.shape[2])).sum(0)"),
            case(name, "ijk->i", cube, "a.sum((1, 2))", "a.reshape(len(a), -1) @ np.ones(a.shape[1] * a.shape[2])"),
            case(name, "ijk->ik", cube, "a.sum(1)"),
            case(f"{name} copy", "ijk->kji", cube, "np.copyto(out, a.T)", out=True),
            case(f"{name} copy", "ijk->jik", cube, "np.copyto(out, a.transpose(1, 0, 2))", out=True),
            case(f"{name} copy", "ijk->ikj", cube, "np.copyto(out, a.transpose(0, 2, 1))", out=True),
            case(name, "i,j,k->ijk", ((n,),) * 3, "np.multiply.outer(np.multiply.outer(a, b), c)"),
            case(name, "iij->j", cube, "np.trace(a)"),
            case(name, "iji->j", cube, "np.trace(a, axis1=0, axis2=2)"),
        ]
    table += [
        case("layers", "zc,z,x->zxc", ((2000, 3), (2000,), (1000,)), "(a * b[:, None])[:, None, :] * c[:, None]"),
        case("layers c16", "zc,z,x->zxc", ((1000, 3), (1000,), (500,)), "(a * b[:, None])[:, None, :] * c[:, None]",
             dtype="c16", asv=True),
        case("trace", "ii->", ((2000, 2000),), "np.trace(a)"),
        case("trace of product", "ij,ji->", ((1000, 1000),) * 2, "np.vdot(a, b.T)", "(a * b.T).sum()"),
        case("diagonal of product", "ij,ji->i", ((500, 500),) * 2, "(a * b.T).sum(1)"),
        case("scaled", "ij,->ij", ((1000, 1000), ()), "a * b"),
        case("c16", "ij,ij->i", ((1000, 500),) * 2, "(a * b).sum(1)", dtype="c16"),
        case("f4", "i,i->", ((1_000_000,),) * 2, "np.dot(a, b)", dtype="f4"),
    ]  # fmt: skip
    return table


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


def tensordots() -> list[Case]:
    rows: tuple[tuple[Shapes, str, str], ...] = (
        (((20, 20), (20, 20)), "axes=1", "np.dot(a, b)"),
        (((300, 400), (400, 500)), "axes=1", "np.dot(a, b)"),
        (((300, 400), (500, 400)), "axes=(1, 1)", "np.dot(a, b.T)"),
        (((400, 300), (400, 500)), "axes=(0, 0)", "np.dot(a.T, b)"),
        (((400, 300), (500, 400)), "axes=(0, 1)", "np.dot(a.T, b.T)"),
        (((300, 400), (300, 400)), "axes=2", "np.vdot(a, b)"),
        (((300, 400), (400, 300)), "axes=([0, 1], [1, 0])", ""),
        (((1000,), (2000,)), "axes=0", "np.multiply.outer(a, b)"),
        (((60, 80, 100), (100, 70)), "axes=1", ""),
        (((60, 80, 100), (80, 70)), "axes=([1], [0])", ""),
        (((60, 80, 100), (60, 70)), "axes=([0], [0])", ""),
        (((60, 80, 100), (80, 60, 40)), "axes=([0, 1], [1, 0])", ""),
        (((60, 80, 100), (40, 60, 80)), "axes=([0, 1], [1, 2])", ""),
        (((60, 80, 100), (80, 100, 40)), "axes=2", ""),
        (((60, 80, 100), (60, 100, 40)), "axes=([0, 2], [0, 1])", ""),
        (((20, 30, 20, 30), (30, 20, 30, 20)), "axes=([1, 2], [2, 1])", ""),
        (((20, 30, 20, 30), (20, 30, 20, 30)), "axes=([0, 3], [2, 1])", ""),
        (((24, 24, 24, 24), (24, 24, 24, 24)), "axes=([0, 2], [3, 1])", ""),
        (((500, 1000), (1000,)), "axes=1", "np.dot(a, b)"),
        (((100, 100, 100), (100,)), "axes=([1], [0])", ""),
    )
    return [
        Case("tensordot", f"{'x'.join(map(str, shapes[0]))} {'x'.join(map(str, shapes[1]))} {axes}", "", shapes,
             function="tensordot", arguments=axes, by_hand=(hand,) if hand else (), asv=len(shapes[0]) == 3)
        for shapes, axes, hand in rows
    ]  # fmt: skip


CASES: tuple[Case, ...] = (
    *tiny(), *tiny_functions(), *numpy_asv(), *tccg(), *batched(), *networks(), *elementwise(), *integers(), *strided(),
    *tensordots(),
)  # fmt: skip


def in_suite(*groups: str) -> dict[str, Case]:
    """The cases of `groups` that belong to the asv suite, by label."""
    return {case.label: case for case in CASES if case.asv and case.group in groups}
