"""How Sphinx makes the site; `scripts/build_docs.py` lays out its source and starts it."""

import sys
from pathlib import Path

import plmwidgets

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "plmwidgets"
author = "The plmwidgets developers"
version = release = plmwidgets.__version__
language = "en"

extensions = [
    "mathml",
    "names",
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_design",
]
templates_path = [str(Path(__file__).parent / "templates")]  # autosummary looks from the source
nitpicky = True
nitpick_ignore_regex = [("py:obj", r"(altair|anndata|numpy|pandas|scipy|torch|xarray)\..*")]
default_role = "py:obj"

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the script runs them, and puts recorded pages where widgets were
nb_ipywidgets_js = {}  # they would come from a CDN
nb_merge_streams = True

autosummary_generate = True
autosummary_imported_members = True
autodoc_typehints = "none"  # numpydoc's sections say more
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "plmwidgets"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
copyright = "The plmwidgets developers, MIT licence"
