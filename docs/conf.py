"""The site: Sphinx with MyST, so that its pages are Markdown; built by `make docs`, where a warning is an error."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "mlspec"
author = "the mlspec contributors"
project_copyright = "the mlspec contributors, Apache-2.0"
release = version = metadata.version("mlspec")

extensions = ["myst_parser", "sphinx_copybutton", "sphinx_design", "spec_reference", "command_reference"]
exclude_patterns = ["_ext"]

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
# Headings are targets, as they are on a code host: [text](page.md#its-heading).
myst_heading_anchors = 3

html_theme = "furo"
html_title = "mlspec"
html_static_path = ["_static"]
html_css_files = ["mlspec.css"]
html_theme_options = {"navigation_with_keys": True}
# The texts are in the repository; their sources are not copied once more.
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False

pygments_style = "tango"
pygments_dark_style = "native"
# What a session prints is not highlighted, and not copied: only what is typed.
copybutton_prompt_text = r"\$ |>>> |\.\.\. |> "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True
