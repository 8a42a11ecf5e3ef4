"""Contractions: pairs, stacks and networks.

Sources: the TCCG set (HPAC/tccg, ``benchmark/benchmark.py``), opt_einsum's README, and forms that users write.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ..case import Case
from .shapes import Shapes, shapes_of

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
    """Tensor contractions of 0.1 to 1 GFLOP, their results left as they come and in C order."""
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
    """Stacks of matrices, and attention."""

    def case(
        name: str, subscripts: str, shapes: Shapes, *by_hand: str, asv: bool = False, **options: Any
    ) -> Case:
        return Case(
            "batched", f"{subscripts} {name}", subscripts, shapes, by_hand=by_hand, asv=asv, **options
        )

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

    def case(
        name: str, subscripts: str, shapes: Shapes, *by_hand: str, asv: bool = False, operands: str = ""
    ) -> Case:
        return Case(
            "networks",
            f"{subscripts} {name}",
            subscripts,
            shapes,
            by_hand=by_hand,
            asv=asv,
            operands=operands,
        )

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
    for dims in (
        (1000, 10, 1000, 20),
        (20, 1000, 10, 1000),
        (5, 2000, 2000, 3),
        (300, 300, 300, 300),
        (30, 40, 50, 60),
    ):
        shapes = tuple(pairwise(dims))
        table.append(
            case(
                "x".join(map(str, dims)),
                chain,
                shapes,
                "np.linalg.multi_dot([a, b, c])",
                asv=dims[0] in (5, 20),
            )
        )
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


def tensordots() -> list[Case]:
    """np.tensordot with the summed axes at every place."""
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
