"""Sphinx's settings. The build needs no network: nothing is fetched, and there is no intersphinx."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "einroute"
copyright = "2026, einroute developers"
author = "einroute developers"
release = version_of("einroute")
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "einroute_docs.directives",
]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # numpydoc's Parameters say shapes and dtypes, which annotations cannot
autodoc_member_order = "bysource"
autosummary_generate = False  # tables only: the functions themselves stand on the same page
numpydoc_show_class_members = False

copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"
copybutton_selector = "div:not(.printed) > div.highlight > pre"

html_math_renderer = "mathml"

html_theme = "furo"
html_title = f"einroute {release}"
html_static_path = ["_static"]
html_css_files = ["einroute.css"]
html_copy_source = False
html_show_sourcelink = False
exclude_patterns = ["_build", "results"]
