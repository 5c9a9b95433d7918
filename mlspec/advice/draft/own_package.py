"""A project that expects to be installed as a package: in the image its code is copied, and not installed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from packaging.utils import canonicalize_name

from mlspec.advice.draft.folder import Folder, pyproject, table
from mlspec.advice.draft.readers import Statement, ToolFile
from mlspec.advice.draft.scripts import Script, is_tool

_METADATA = re.compile(
    r"""\b(?:version|metadata|distribution|get_distribution)\(\s*(__name__|__package__|["'][\w.-]+["'])"""
)


def find_expectations(folder: Folder, scripts: Iterable[Script], path: str) -> Iterator[Statement]:
    """Yield the places at which a project counts on being installed; ``path`` is the image's PYTHONPATH, if any."""
    project = table(pyproject(folder), "project")
    name = str(project.get("name", ""))
    where = f", with PYTHONPATH={path}" if path else ""
    if commands := list(table(project, "scripts")):
        source = ToolFile("pyproject.toml", folder.texts["pyproject.toml"])
        why = f"the code is copied and not installed, so there is no such command: start its module by python -m{where}"
        yield source.leave(source.find_key("project", "scripts"), f"commands {', '.join(commands)}", why, matters=False)
    if table(project, "entry-points"):
        source = ToolFile("pyproject.toml", folder.texts["pyproject.toml"])
        why = "the code is copied and not installed, so nothing finds them"
        yield source.leave(source.find_key("project", "entry-points"), "entry points", why)
    for script in scripts:
        used = {"importlib", "importlib_metadata", "pkg_resources"} & (script.imports | script.optional)
        # Who names the exception is prepared for it.
        if name and used and not is_tool(script.path) and "PackageNotFound" not in script.text:
            yield from _find_metadata(script, name)


def _find_metadata(script: Script, name: str) -> Iterator[Statement]:
    source = ToolFile(script.path, script.text)
    for number, line in enumerate(script.text.splitlines(), 1):
        for found in _METADATA.finditer(line):
            asked = found[1].strip("\"'")
            if asked in {"__name__", "__package__"} or canonicalize_name(asked) == canonicalize_name(name):
                why = f"{name} is copied and not installed, so this raises PackageNotFoundError: give it a default"
                yield source.leave(number, line.strip(), why)
