"""The package that pip makes of a project's folder, if a spec can install it."""

from __future__ import annotations

import posixpath
import tomllib
from collections.abc import Callable

from mlspec.lock.requirements.local_packages.backends import SETUPTOOLS, find_backend
from mlspec.lock.requirements.local_packages.local_package import LocalPackage
from mlspec.lock.requirements.local_packages.read_package import read_local_package
from mlspec.lock.requirements.other_files import Neighbour
from mlspec.lock.requirements.sources.source_tables import TomlText
from mlspec.spec.place import Place

# Tables with the modules of a package that has not the name of its project.
_MODULES = (
    ("tool", "setuptools", "packages"),
    ("tool", "setuptools", "package-dir"),
    ("tool", "hatch", "build", "targets", "wheel"),
    ("tool", "flit", "module"),
    ("tool", "poetry", "packages"),
    ("tool", "pdm", "build"),
    ("tool", "uv", "build-backend"),
)


def find_installable(folder: str, read: Callable[[str], str | None]) -> LocalPackage | None:
    """Return the package in a folder; None if a spec cannot install it, or its tool does not.

    ``read`` returns the text of a file, or None. A spec cannot install a package of an unknown backend, or one whose
    version comes from git; uv and poetry do not install a project whose file says so.
    """
    path = posixpath.normpath(posixpath.join(folder, "pyproject.toml"))
    toml = _parse(read(path), path)
    if toml is None or not _is_package(toml):
        return None

    def look(name: str) -> Neighbour:
        return Neighbour("file" if read(name) is not None else "")

    found = read_local_package(toml, folder, Place(file=path), look, lambda name: read(name) or "")
    return found if isinstance(found, LocalPackage) else None


def has_src_layout(text: str, paths: frozenset[str]) -> bool:
    """Return whether the backend of a pyproject.toml finds the code in ``src``; ``paths`` are those of all files."""
    toml = _parse(text, "pyproject.toml")
    code = {path for path in paths if path.startswith("src/") and path.endswith(".py")}
    if toml is None or not code or "src/__init__.py" in code:
        return False
    backend, name = find_backend(toml), toml.name.replace("-", "_")
    is_free = backend is not None and backend.module == SETUPTOOLS
    return is_free or f"src/{name}/__init__.py" in code or any(toml.value(*keys) for keys in _MODULES)


def _parse(text: str | None, path: str) -> TomlText | None:
    try:
        return TomlText(text, path, tomllib.loads(text)) if text else None
    except (tomllib.TOMLDecodeError, RecursionError):
        return None


def _is_package(toml: TomlText) -> bool:
    """Return whether a pyproject.toml describes a package: its name, its version, and no word against it."""
    is_off = toml.value("tool", "uv", "package") is False or toml.value("tool", "poetry", "package-mode") is False
    dynamic = toml.value("project", "dynamic")
    listed = dynamic if isinstance(dynamic, list) else []
    version = toml.value("project", "version") or toml.value("tool", "poetry", "version") or "version" in listed
    # Without a list in this file, only the backend knows the requirements.
    return bool(toml.name and version and not is_off and "dependencies" not in listed)
