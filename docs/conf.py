"""How the documentation site is built: `make docs`. It needs no network, neither to build nor to read."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

import infoloom

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS / "_ext"))

project = "infoloom"
author = "The infoloom developers"
copyright = "the infoloom developers, Apache-2.0"  # noqa: A001 (a name that Sphinx reads)
version = release = infoloom.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
    "api_pages",
    "plain_docstrings",
    "live_pages",
    "mathml",
]
exclude_patterns = ["_build"]

# Two modules may have a `Plan` each; a type that is only imported for checking is known by its last name.
suppress_warnings = ["ref.python"]

# Markdown: links to headings as they work on a code host, and every link is checked.
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
myst_links_external_new_tab = False

# Docstrings: Google's sections and one of our own, types in the signature; backticks mark code.
default_role = "code"
napoleon_custom_sections = ["Source"]
napoleon_use_rtype = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {"Array": "Array", "Arrays": "Arrays", "Rows": "Rows"}
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
add_module_names = False
toc_object_entries = False

# Examples and tutorials are executed while the site is built; tutorials in the order of their names.
sphinx_gallery_conf = {
    "examples_dirs": ["../tutorials", "../examples"],
    "gallery_dirs": ["tutorials", "examples"],
    "within_subsection_order": "FileNameSortKey",
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"__init__\.py$",
    "image_scrapers": ("matplotlib", "example_pictures.pictures_left_behind"),
    "image_srcset": ["2x"],
    "reset_modules": (),
    "abort_on_example_error": True,
    "show_memory": False,
    "default_thumb_file": str(DOCS / "_static" / "mark.svg"),
    "write_computation_times": False,
    "download_all_examples": False,
    "show_signature": False,
}

html_theme = "furo"
html_math_renderer = "mathml"
html_title = "infoloom"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_search_scorer = str(DOCS / "_ext" / "scorer.js")
html_favicon = "_static/mark.svg"
html_show_sphinx = False
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "light_logo": "mark.svg",
    "dark_logo": "mark.svg",
    "light_css_variables": {"color-brand-primary": "#0b62c4", "color-brand-content": "#0b62c4"},
    "dark_css_variables": {
        "color-brand-primary": "#74b3ff",
        "color-brand-content": "#74b3ff",
        "color-background-primary": "#12161c",
        "color-background-secondary": "#161b22",
    },
}
pygments_style = "tango"
pygments_dark_style = "github-dark"


def setup(app: Sphinx) -> None:
    """Pages link to the folder `tutorials`, as it works on a code host; here that is the page made from it."""
    app.connect("source-read", _link_tutorials)


def _link_tutorials(app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = source[0].replace("](../tutorials)", "](tutorials/index.rst)")
