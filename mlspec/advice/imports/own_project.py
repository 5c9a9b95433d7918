"""The import of a project that pip would install: the spec installs it too, or else takes its requirements."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from mlspec.advice.draft.readers.installable import find_installable
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict

_COPIED = "mlspec copies the code into the image, and does not install it as a package"
_INSTALLED = "mlspec installs the package, and its code stays in its place"


def read_own_project(source: ImportSource, number: int, word: str, text: str) -> Iterator[LineVerdict]:
    """Yield the verdict on a path of the project that pip would install."""
    path, _, extras = word.removeprefix("file:").partition("[")
    folder = _find_folder(source, path.rstrip("/") or ".")
    if path.endswith((".whl", ".tar.gz", ".zip")):
        yield source.doubt(
            number, text, "requirements", "a file of this computer: put it where a build can download it"
        )
        return
    if entry := find_own_package(source, folder, extras.removesuffix("]")):
        is_same = text.replace("--editable", "-e") == entry
        yield source.carry(number, text, "requirements", entry, "" if is_same else _INSTALLED)
        return
    project = posixpath.normpath(posixpath.join(folder, "pyproject.toml"))
    if re.search(r"(?m)^\s*dependencies\s*=|^\[tool\.poetry", source.read(project) or ""):
        entry = f"{project}[{extras}" if extras else project
        yield source.change(number, text, "requirements", entry, f"{_COPIED}; the spec has its requirements")
        return
    yield _follow_setup(source, number, text, folder)


def _find_folder(source: ImportSource, path: str) -> str:
    """Return the folder that a path means, from the spec's folder.

    pip takes a path in a list from the folder where it runs, conda from the folder of its file, and the context of a
    Dockerfile is the folder of the Dockerfile or one above it.
    """
    below = "" if source.file.endswith((".txt", ".in")) else posixpath.dirname(source.file)
    folders = [posixpath.normpath(posixpath.join(base, path)) for base in (below, "")]
    names = ("pyproject.toml", "setup.py", "setup.cfg")
    files = {folder: [posixpath.normpath(posixpath.join(folder, name)) for name in names] for folder in folders}
    here = (folder for folder in folders if any(source.read(file) is not None for file in files[folder]))
    return next(here, folders[0])


def find_own_package(source: ImportSource, folder: str, extras: str = "") -> str:
    """Return the entry of ``requirements`` that installs the package in a folder; empty if a spec cannot install it."""
    if find_installable(folder, source.read) is None:
        return ""
    path = folder if folder == "." or folder.startswith("../") else f"./{folder}"
    return f"-e {path}{f'[{extras}]' if extras else ''}"


def _follow_setup(source: ImportSource, number: int, text: str, folder: str) -> LineVerdict:
    paths = [posixpath.normpath(posixpath.join(folder, name)) for name in ("setup.cfg", "setup.py")]
    if found := tuple(path for path in paths if source.read(path) is not None):
        return replace(source.change(number, text, "", None, f"{_COPIED}; the spec has its requirements"), reads=found)
    if folder.startswith(".."):
        why = "a folder outside of the project, which the image does not have: copy it into the project"
        return source.doubt(number, text, "requirements", why)
    why = f"{_COPIED}; write its requirements, if it has any, under requirements"
    return source.guess(number, text, "", None, why)
