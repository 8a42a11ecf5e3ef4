"""Formulas as MathML, which browsers set themselves: no script, no font and no network."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert

#: A power of numbers, which needs no formula: browsers without a font for formulas set its exponent too high.
POWER = re.compile(r"(\d+)\^\{?(\d+)\}?")


def inline(translator: Any, node: nodes.math) -> None:
    """A formula in a line."""
    power = POWER.fullmatch(node.astext())
    translator.body.append(f"{power[1]}<sup>{power[2]}</sup>" if power else convert(node.astext()))
    raise nodes.SkipNode


def block(translator: Any, node: nodes.math_block) -> None:
    """A formula of its own."""
    translator.body.append(f'<div class="formula">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode
