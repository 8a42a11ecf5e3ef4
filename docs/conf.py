"""Sphinx's settings. The build needs no network: nothing is fetched, and there is no intersphinx."""

from importlib.metadata import version as version_of

project = "einroute"
copyright = "2026, einroute developers"
author = "einroute developers"
release = version_of("einroute")
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # numpydoc's Parameters say shapes and dtypes, which annotations cannot
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

html_theme = "furo"
html_title = f"einroute {release}"
exclude_patterns = ["_build"]
