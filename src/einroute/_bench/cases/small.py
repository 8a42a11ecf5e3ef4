"""Calls on tiny operands, where everything but the arithmetic is what counts."""

from __future__ import annotations

from ..case import Case
from .shapes import Shapes, shapes_of

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
    """One to five operands of 2x2 to 10x10."""

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
    """The functions beside einsum, on 3-vectors and 3x3 matrices."""
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
        ("matvec", "", (matrix, vector)),
        ("vecmat", "", (vector, matrix)),
    )
    return [
        Case("tiny-functions", f"{f} {args} {'x'.join(str(len(s)) for s in shapes)}-D".replace("  ", " "), "",
             shapes, function=f, arguments=args, asv=f == "tensordot")
        for f, args, shapes in rows
    ]  # fmt: skip


# form, what an expert writes for it
STACK_FORMS: tuple[tuple[str, str], ...] = (
    ("bij,bjk->bik", "np.matmul(a, b)"),
    ("bji,bjk->bik", "np.matmul(a.mT, b)"),
    ("bij,bkj->bik", "np.matmul(a, b.mT)"),
    ("bij,bjk->bki", "np.matmul(a, b).mT"),
    ("ijb,jkb->ikb", "np.matmul(a.transpose(2, 0, 1), b.transpose(2, 0, 1)).transpose(1, 2, 0)"),
    ("bij,jk->bik", "(a.reshape(-1, a.shape[2]) @ b).reshape(a.shape)"),
    ("ij,bjk->bik", "np.matmul(a, b)"),
    ("ij,jkb->ikb", "np.tensordot(a, b, 1)"),
    ("bij,bj->bi", "np.matmul(a, b[:, :, None])[:, :, 0]"),
    ("ijb,jb->ib", "np.matmul(a.transpose(2, 0, 1), b.T[:, :, None])[:, :, 0].T"),
    ("ij,bj->bi", "np.matmul(b, a.T)"),
    ("bi,bij,bj->b", "((a[:, None] @ b)[:, 0] * c).sum(1)"),
    ("ib,ijb,jb->b", "(a * np.einsum('ijb,jb->ib', b, c)).sum(0)"),
    ("bi,ij,bj->b", "((a @ b) * c).sum(1)"),
    ("bi,bi->b", "(a * b).sum(1)"),
    ("ib,ib->b", "(a * b).sum(0)"),
    ("bij,bij->b", "(a * b).sum((1, 2))"),
    ("bi,bj->bij", "a[:, :, None] * b[:, None, :]"),
    ("ib,jb->ijb", "a[:, None] * b"),
)  # fmt: skip

#: Those of the asv suite.
QUICK_STACKS = frozenset((
    "bij,bjk->bik", "ijb,jkb->ikb", "bij,jk->bik", "bij,bj->bi", "bi,bij,bj->b", "bi,bi->b",
))  # fmt: skip


def stacks() -> list[Case]:
    """Stacks of 2x2 to 32x32 matrices and vectors in each order of memory, and with an operand that all share."""
    table = []
    for form, by_hand in STACK_FORMS:
        for dtype in ("f4", "f8", "c8", "c16"):
            for n in (2, 3, 4, 8, 12, 16, 32):
                count = 3000 if n <= 4 else 1000 if n <= 12 else 200
                shapes = shapes_of(form, n, {"b": count})
                quick = n in (3, 8, 16) and dtype in ("f8", "c16") and form in QUICK_STACKS
                table.append(Case("stacks", f"{form} {count}x{n} {dtype}", form, shapes, dtype, by_hand=(by_hand,), asv=quick))  # fmt: skip
    return table
