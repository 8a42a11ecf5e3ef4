"""The directives of the pages: ``shown`` runs code; ``timings``, ``machine`` and ``ratios`` show results;
``changes`` lists what is not released yet.
"""

from __future__ import annotations

from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.addnodes import desc_addname
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from . import figure, fragments, mathml, ratios, results
from .shown import Shown, parts


def _read(directive: SphinxDirective) -> results.Results:
    path = results.FOLDER / f"{directive.options.get('results', 'problems')}.json"
    directive.env.note_dependency(str(path))
    return results.read(path)


class ShownDirective(SphinxDirective):
    """Shows code and, below it, what it prints when the page is built.

    The option ``expect`` names words, apart by semicolons, that the output must hold.
    """

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"expect": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """The two blocks."""
        code = "\n".join(self.content)
        try:
            output = Shown(code, parts(self.options.get("expect", ""))).output().rstrip()
        except Exception as error:
            raise self.error(f"shown: {type(error).__name__}: {error}") from error
        return [
            nodes.literal_block(code, code, language="python"),
            nodes.literal_block(output, output, language="text", classes=["printed"]),
        ]


class TimingsDirective(SphinxDirective):
    """Draws the curve named by its argument; its content is the title.

    The option ``results`` names the file that the curve is in, if that is not ``problems``.
    """

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"results": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """The figure."""
        title = " ".join(" ".join(self.content).split())
        try:
            html = figure.figure(_read(self), self.arguments[0], title)
        except KeyError as error:
            raise self.error(str(error)) from error
        return [nodes.raw("", html, format="html")]


class MachineDirective(SphinxDirective):
    """Says where the times were measured; the option ``results`` is that of ``timings``."""

    option_spec: ClassVar[dict[str, Any]] = {"results": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """The sentence."""
        return [nodes.raw("", figure.machine_line(_read(self)), format="html")]


class RatiosDirective(SphinxDirective):
    """Shows what ``python -m einroute bench`` measured."""

    def run(self) -> list[nodes.Node]:
        """Machine, picture and tables."""
        path = results.FOLDER / "bench.json"
        self.env.note_dependency(str(path))
        return [nodes.raw("", ratios.page(ratios.read(path)), format="html")]


class ChangesDirective(SphinxDirective):
    """Lists the fragments of the change log."""

    def run(self) -> list[nodes.Node]:
        """A title and a list for each kind of change."""
        made: list[nodes.Node] = []
        for title, changes in fragments.by_title():
            listed = nodes.container()
            self.state.nested_parse(
                StringList([f"- {change}" for change in changes], "changelog.d"), 0, listed
            )
            made += [nodes.rubric(title, title), *listed.children]
        return made


def _tidy(_app: Sphinx, doctree: nodes.document) -> None:
    """Take away what tells readers nothing: empty lines at the ends of code, names of private modules."""
    for block in doctree.findall(nodes.literal_block):
        code = block.astext().rstrip()
        block.rawsource = code
        block[:] = [nodes.Text(code)]
    for name in list(doctree.findall(desc_addname)):
        if name.astext().startswith("einroute._"):
            name.parent.remove(name)


def setup(app: Sphinx) -> dict[str, Any]:
    """For Sphinx."""
    app.add_directive("shown", ShownDirective)
    app.add_directive("timings", TimingsDirective)
    app.add_directive("machine", MachineDirective)
    app.add_directive("ratios", RatiosDirective)
    app.add_directive("changes", ChangesDirective)
    app.connect("doctree-read", _tidy)
    app.add_html_math_renderer("mathml", (mathml.inline, None), (mathml.block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
