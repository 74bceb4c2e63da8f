"""Sphinx: MyST pages, the reference from docstrings, and theory.md drawn from the laws themselves."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_build_helpers"))

import genloss

project = "genloss"
author = "The genloss developers"
copyright = "the genloss developers"
release = version = genloss.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_design",
    "pages",
]
exclude_patterns = [
    "_build",
    "_build_helpers",
    "**.ipynb",
]  # a notebook is downloaded
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nitpicky = False

autosummary_generate = True
autosummary_imported_members = False
autosummary_ignore_module_all = False
autodoc_typehints = "none"  # shapes and units are in the text, which types cannot say
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "undoc-members": False}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes that a class also sets would be described twice

html_theme = "pydata_sphinx_theme"
html_title = "genloss"
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_end": ["theme-switcher"],
}
html_show_sourcelink = False
