"""The project as a package: whether a first spec installs it, and the code that expects it where it does not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from packaging.utils import canonicalize_name

from mlspec.advice.draft.folder import Folder, pyproject, table
from mlspec.advice.draft.readers import Statement, ToolFile
from mlspec.advice.draft.readers.installable import find_installable, has_src_layout
from mlspec.advice.draft.readers.pip import NOT_A_PACKAGE
from mlspec.advice.draft.readers.projects import NOT_INSTALLED
from mlspec.advice.draft.required import OWN_PACKAGE, is_own_package, list_required
from mlspec.advice.draft.scripts import Script, is_tool

_METADATA = re.compile(
    r"""\b(?:version|metadata|distribution|get_distribution)\(\s*(__name__|__package__|["'][\w.-]+["'])"""
)


def propose_project(folder: Folder) -> tuple[tuple[str, ...], str]:
    """Return the requirements for a project with dependencies, and the reason: the package itself if it is one."""
    if _can_install(folder):
        return (OWN_PACKAGE,), "pyproject.toml makes a package of the code in src, and the image installs it"
    return ("pyproject.toml",), "this file is here"


def add_project(lock: tuple[str, ...], why: str, folder: Folder) -> tuple[tuple[str, ...], str]:
    """Return the requirements for a project with a lock, and the reason: the lock, and the package if it is one."""
    if _can_install(folder):
        return (*lock, OWN_PACKAGE), f"{why}; pyproject.toml makes a package of the code in src"
    return lock, why


def _can_install(folder: Folder) -> bool:
    """Return whether a spec can install the project: it is a package with its code in ``src``."""
    paths = folder.files | folder.texts.keys()

    def read(path: str) -> str | None:
        return folder.texts.get(path, "" if path in paths else None)

    text = folder.texts.get("pyproject.toml", "")
    return has_src_layout(text, paths) and find_installable(".", read) is not None


def is_installed(entries: Iterable[str], folder: Folder) -> bool:
    """Return whether the requirements, or a file that they name, install the project."""
    entries = tuple(entries)
    return any(map(is_own_package, (*entries, *(line.text for line in list_required(entries, folder)))))


def correct_for_package(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Yield the statements on the files of a project that is installed, without those that say that it is not."""
    for statement in statements:
        if statement.why == NOT_INSTALLED and statement.file != "pyproject.toml":
            yield replace(statement, why="the build of the package takes its commands from pyproject.toml alone")
        elif statement.why != NOT_INSTALLED and not (statement.why == NOT_A_PACKAGE and is_own_package(statement.text)):
            yield replace(statement, why=statement.why.replace("pyproject.toml[", f"{OWN_PACKAGE}["))


def find_expectations(folder: Folder, scripts: Iterable[Script], path: str) -> Iterator[Statement]:
    """Yield the places where a project expects to be installed; ``path`` is the image's PYTHONPATH, if any."""
    project = table(pyproject(folder), "project")
    name = str(project.get("name", ""))
    where = f", with PYTHONPATH={path}" if path else ""
    if commands := list(table(project, "scripts")):
        source = ToolFile("pyproject.toml", folder.texts["pyproject.toml"])
        why = f"{NOT_INSTALLED}{where}"
        yield source.leave(source.find_key("project", "scripts"), f"commands {', '.join(commands)}", why, matters=False)
    if table(project, "entry-points"):
        source = ToolFile("pyproject.toml", folder.texts["pyproject.toml"])
        why = "mlspec copies the code and does not install it, so nothing finds them"
        yield source.leave(source.find_key("project", "entry-points"), "entry points", why)
    for script in scripts:
        used = {"importlib", "importlib_metadata", "pkg_resources"} & (script.imports | script.optional)
        # A script that names the exception handles it.
        if name and used and not is_tool(script.path) and "PackageNotFound" not in script.text:
            yield from _find_metadata(script, name)


def _find_metadata(script: Script, name: str) -> Iterator[Statement]:
    source = ToolFile(script.path, script.text)
    for number, line in enumerate(script.text.splitlines(), 1):
        for found in _METADATA.finditer(line):
            asked = found[1].strip("\"'")
            if asked in {"__name__", "__package__"} or canonicalize_name(asked) == canonicalize_name(name):
                why = f"mlspec does not install {name}, so this raises PackageNotFoundError: give it a default"
                yield source.leave(number, line.strip(), why)
