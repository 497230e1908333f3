"""
How Sphinx builds the documentation: `nox -s docs`.
"""

import importlib.metadata

project = "trio_run"
copyright = "the trio_run contributors"  # noqa: A001 - Sphinx reads this name
release = importlib.metadata.version("trio-run")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"trio_run {release}"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

default_role = "py:obj"
autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "inherited-members": "Exception, BaseException, ExceptionGroup, Enum, int, Thread, Generic, Protocol, object",
}
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = ["Cancellation"]
