"""The picture of a plan: a tree whose every line is there, inside its frame, whatever the call."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import scipy.sparse

import einroute as er
from einroute._explain.picture import MARGIN, MONO, SANS, WIDTH, _lanes
from tests.stand_ins import Facts

SVG = "{http://www.w3.org/2000/svg}"


def network(subscripts: str, **sizes: int) -> Any:
    """The explanation of an einsum over operands of these sizes, 4 where nothing is said."""
    terms = subscripts.partition("->")[0].split(",")
    return er.explain(subscripts, *(Facts(*(sizes.get(c, 4) for c in term)) for term in terms))


NETWORK = "ab,bcd,de,efg,gh,hij,jk,klm,mn,nap->cfilp"
STAR = ",".join(f"a{c}" for c in "bcdefghijk") + "->bcdefghijk"
LONG = "abcdefghijklmn,nmlkjihgfedcba,abcdefghijklmnopqr->opqr"
CSR = scipy.sparse.random(1000, 1000, 0.001, random_state=1).tocsr()
EXPLAINED = {
    "pair": network("ij,jk->ik"),
    "ten": network(NETWORK, a=8, b=6, c=12),
    "star": network(STAR),
    "long": network(LONG, **dict.fromkeys("abcdefghijklmnopqr", 2)),
    "thirty": network(",".join(["ij"] * 30) + "->ij", i=300, j=300),
    "scalar": network(",->"),
    "empty": network("ij,jk->ik", j=0),
    "sliced": network("ijk,ijk->ij", i=400, j=4000, k=30),
    "sparse": er.explain("ijk,kl,lm->ijm", Facts(20, 20, 1000), CSR, CSR),
    "own": er.explain("ij->ji", np.ones((3000, 3))),
    "dot": er.explain(er.dot, Facts(20, 30), Facts(30, 40)),
    "lstsq": er.explain(er.lstsq, np.eye(30), np.ones(30)),
}


@pytest.fixture(params=EXPLAINED, ids=str)
def explained(request: pytest.FixtureRequest) -> Any:
    return EXPLAINED[request.param]


def test_it_is_one_whole_document(explained: Any) -> None:
    text = explained.svg()
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "style", "rect", "path", "circle", "text", "g",
    }  # fmt: skip
    assert "href" not in text
    assert "url(" not in text
    assert root.get("width") == str(WIDTH)


def test_every_operand_step_and_route_is_in_it(explained: Any) -> None:
    root = ElementTree.fromstring(explained.svg())
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    outline = explained.outline
    for position in range(len(outline.operands)):
        assert f"operand {position}" in texts
    for step in outline.steps:
        assert step.route in texts
    assert len(list(root.iter(f"{SVG}circle"))) == len(outline.steps)
    lines = sum(len(step.takes) for step in outline.steps)
    assert len(list(root.iter(f"{SVG}path"))) == lines


def test_all_of_it_is_inside_the_frame(explained: Any) -> None:
    root = ElementTree.fromstring(explained.svg())
    height = float(root.get("height", "0"))
    for element in root.iter(f"{SVG}text"):
        x, y = float(element.get("x", "0")), float(element.get("y", "0"))
        each = MONO if "er-m" in element.get("class", "") else SANS
        centred = "er-n" in element.get("class", "")
        assert x + (0 if centred else each * len(element.text or "")) <= WIDTH - MARGIN + each, element.text
        assert 0 < y < height
    for element in root.iter(f"{SVG}path"):
        numbers = [float(number) for number in re.findall(r"[\d.]+", element.get("d", ""))]
        assert all(0 <= number <= max(WIDTH, height) for number in numbers)


def test_texts_do_not_lie_over_each_other(explained: Any) -> None:
    root = ElementTree.fromstring(explained.svg())
    lines = sorted(
        float(e.get("y", "0")) for e in root.iter(f"{SVG}text") if "er-n" not in e.get("class", "")
    )
    assert all(below - above >= 12 for above, below in pairwise(lines))


def test_two_lines_never_share_a_lane(explained: Any) -> None:
    """Between the row that a line leaves and the step that it ends in, its lane is its own."""
    outline = explained.outline
    lanes = _lanes(outline)
    rows: list[int] = []
    for number, step in enumerate(outline.steps):
        rows += [i for i in step.takes if i < len(outline.operands) and i not in rows]
        rows.append(len(outline.operands) + number)
    at = {row: position for position, row in enumerate(rows)}
    alive = []
    for number, step in enumerate(outline.steps):
        end = at[len(outline.operands) + number]
        alive += [(lanes[taken], at[taken], end) for taken in step.takes]
    for i, (lane, begin, end) in enumerate(alive):
        for other, start, stop in alive[i + 1 :]:
            if lane == other:
                assert end <= start or stop <= begin


def test_sizes_are_named(explained: Any) -> None:
    text = explained.svg()
    for op in explained.outline.operands:
        if op.shape is not None and len(op.shape) < 5:
            assert str(op.shape) in text
        if op.nnz is not None:
            assert "non-zeros" in text


def test_larger_arrays_have_wider_lines() -> None:
    root = ElementTree.fromstring(network("ij,jk->ik", i=3000, j=3000, k=2).svg())
    first, second = (float(path.get("stroke-width", "0")) for path in root.iter(f"{SVG}path"))
    assert first > second


def test_more_operands_make_it_longer_not_wider() -> None:
    two, ten = (ElementTree.fromstring(EXPLAINED[name].svg()) for name in ("pair", "ten"))
    assert two.get("width") == ten.get("width")
    assert float(ten.get("height", "0")) > float(two.get("height", "0"))


def test_what_xml_cannot_hold_is_replaced() -> None:
    names = {"__array_function__": lambda *a: 0, "shape": (2, 2), "dtype": "f8"}
    odd = type("bad\x1b\ufffe]]>", (), names)
    text = er.explain("ij,jk->ik", odd(), np.ones((2, 2))).svg()
    ElementTree.fromstring(text)
    assert "bad??" in text
