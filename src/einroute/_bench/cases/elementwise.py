"""Hadamard products, reductions, transposes and outer products, past the caches and within."""

from __future__ import annotations

from typing import Any

from ..case import Case
from .shapes import Shapes


def elementwise() -> list[Case]:
    """Hadamard products, reductions, transposes and outer products, past the caches and within."""

    def case(
        name: str, subscripts: str, shapes: Shapes, *by_hand: str, asv: bool = False, **options: Any
    ) -> Case:
        return Case(
            "elementwise",
            f"{subscripts} {name}".strip(),
            subscripts,
            shapes,
            by_hand=by_hand,
            asv=asv,
            **options,
        )

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
            case(
                name, "ij,i,j->ij", (shape, (rows,), (columns,)), "np.multiply(t := a * b[:, None], c, out=t)"
            ),
            case(name, "ij->j", (shape,), "a.sum(0)", "np.ones(len(a)) @ a", asv=quick),
            case(name, "ij->i", (shape,), "a.sum(1)", "a @ np.ones(a.shape[1])", asv=quick),
            case(f"{name} copy", "ij->ji", (shape,), "np.copyto(out, a.T)", out=True, asv=quick),
            case(name, "i,j->ij", ((rows,), (columns,)), "np.multiply.outer(a, b)", asv=quick),
            case(f"{name} copy f4", "ij->ji", (shape,), "np.copyto(out, a.T)", dtype="f4", out=True),
        ]
    for n in (30, 200):
        cube, name = ((n, n, n),), f"{n}^3"
        table += [
            case(
                name,
                "ijk->k",
                cube,
                "a.sum((0, 1))",
                "np.ones(a.shape[0] * a.shape[1]) @ a.reshape(-1, a.shape[2])",
            ),
            case(name, "ijk->j", cube, "a.sum((0, 2))", "(a @ np.ones(a.shape[2])).sum(0)"),
            case(
                name,
                "ijk->i",
                cube,
                "a.sum((1, 2))",
                "a.reshape(len(a), -1) @ np.ones(a.shape[1] * a.shape[2])",
            ),
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
        case("short axes", "ijklm,jklm->iklm", ((5, 5, 10, 10, 10), (5, 10, 10, 10)), asv=True),
        case("a sum beside", "b,ca->", ((3,), (3107, 70)), "a.sum() * b.sum()"),
        case("columns", "i,ij,ij->j", ((2000,), (2000, 1000), (2000, 1000)), "a @ (b * c)"),
        case("trace", "ii->", ((2000, 2000),), "np.trace(a)"),
        case("trace of product", "ij,ji->", ((1000, 1000),) * 2, "np.vdot(a, b.T)", "(a * b.T).sum()"),
        case("diagonal of product", "ij,ji->i", ((500, 500),) * 2, "(a * b.T).sum(1)"),
        case("scaled", "ij,->ij", ((1000, 1000), ()), "a * b"),
        case("c16", "ij,ij->i", ((1000, 500),) * 2, "(a * b).sum(1)", dtype="c16"),
        case("f4", "i,i->", ((1_000_000,),) * 2, "np.dot(a, b)", dtype="f4"),
    ]  # fmt: skip
    return table
