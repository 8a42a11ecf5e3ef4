"""Calls with structured operands of any library's arrays: made of arrays by what is given as ``array``."""

from __future__ import annotations

from typing import Any

import numpy as np

import einroute as er

RNG = np.random.default_rng(3)
LABELS = np.array([0, 2, 1, -1, 2, 5, 0])
BASE = RNG.standard_normal((6, 3, 5)).astype("f4")
POINTS, OTHERS = RNG.standard_normal((9, 4)).astype("f4"), RNG.standard_normal((7, 4)).astype("f4")


def one_hot(array: Any) -> Any:
    return er.one_hot(array(LABELS), 3, dtype="f4")


def rolled(array: Any) -> Any:
    return er.rolled(array(BASE), 4, step=2)


def difference(array: Any) -> Any:
    return er.pairwise_difference(array(POINTS), array(OTHERS))


def alone(array: Any) -> Any:
    return er.pairwise_difference(array(POINTS))


#: Subscripts with an operand first, the operand, and shapes of the others.
CALLS: tuple[tuple[str, Any, tuple[tuple[int, ...], ...]], ...] = (
    ("tr->r", one_hot, ()),
    ("tr->t", one_hot, ()),
    ("tr->rt", one_hot, ()),
    ("tr,tc->rc", one_hot, ((7, 4),)),
    ("tr,rc->tc", one_hot, ((3, 4),)),
    ("tr,rc->ct", one_hot, ((3, 4),)),
    ("tr,rc->c", one_hot, ((3, 4),)),
    ("tr,tr->tr", one_hot, ((7, 3),)),
    ("tr,tr->", one_hot, ((7, 3),)),
    ("tr,tc,c->r", one_hot, ((7, 4), (4,))),
    ("tr,tc,rd->cd", one_hot, ((7, 4), (3, 2))),
    ("tr,ab->trab", one_hot, ((2, 3),)),
    ("ijnl,imn->ijml", rolled, ((6, 2, 3),)),
    ("ijnl,imn->iml", rolled, ((6, 2, 3),)),
    ("ijnl,jn->il", rolled, ((4, 3),)),
    ("ijnl,in->jl", rolled, ((6, 3),)),
    ("ijnl,ijnl->ij", rolled, ((6, 4, 3, 5),)),
    ("ijnl->n", rolled, ()),
    ("ijnl->jl", rolled, ()),
    ("ijnl,la,ab->ijnb", rolled, ((5, 2), (2, 3))),
    ("ijk,k->ij", difference, ((4,),)),
    ("ijk,jk->i", difference, ((7, 4),)),
    ("ijk,i->jk", difference, ((9,),)),
    ("ijk,kl->ijl", difference, ((4, 2),)),
    ("ijk->k", difference, ()),
    ("ijk,ij->", alone, ((9, 9),)),
)  # fmt: skip
