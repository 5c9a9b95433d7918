"""The files that setuptools reads requirements from (its documentation of pyproject.toml: dynamic metadata)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlspec.errors import KeyPath
from mlspec.lock.requirements.sources.source_tables import TomlText
from mlspec.spec.place import Place

_DYNAMIC = ("tool", "setuptools", "dynamic")


def has_files(toml: TomlText, key: str) -> bool:
    """Return whether setuptools reads the ``dependencies`` or ``optional-dependencies`` of a project from files."""
    row = toml.table(*_DYNAMIC, key)
    return "file" in row if key == "dependencies" else bool(row)


def list_extras(toml: TomlText) -> Mapping[str, Any]:
    """Return the extras whose requirements setuptools reads from files; none if the project lists its extras."""
    return toml.table(*_DYNAMIC, "optional-dependencies") if is_dynamic(toml, "optional-dependencies") else {}


def is_dynamic(toml: TomlText, key: str) -> bool:
    """Return whether a project leaves a key of its metadata to its build backend."""
    written = toml.value("project", "dynamic")
    return isinstance(written, list) and key in written


def list_files(toml: TomlText, *key: str) -> Iterator[tuple[str, Place]]:
    """Yield the files of ``dependencies``, or of an extra below ``optional-dependencies``, each with its place."""
    if is_dynamic(toml, key[0]):
        path: KeyPath = (*_DYNAMIC, *key, "file")
        written = toml.value(*_DYNAMIC, *key, "file")
        for number, name in enumerate(written if isinstance(written, list) else [written]):
            if isinstance(name, str):
                yield name, toml.place(*path, *([number] if isinstance(written, list) else []))
