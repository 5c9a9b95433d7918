"""Relative paths that contain each other; they may lead out of their folder."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

# Deeper than any path that leads out of a folder, with names that no file has: each relative path has a place in it.
_DEEP = "/\0" * 100


def is_within(path: str, folder: str) -> bool:
    """Tell whether a path is a folder, or is below it; both are relative to one place, such as ``../libs``."""
    return f"{_place(path)}/".startswith(f"{_place(folder)}/")


def path_from(folder: str, path: str) -> str:
    """Return the relative path from a folder to a path; both are relative to one place."""
    return posixpath.relpath(_place(path), _place(folder))


def list_outer(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths that are not below another of them, each once, in their order."""
    each = tuple(dict.fromkeys(map(posixpath.normpath, paths)))
    return tuple(path for path in each if not any(path != other and is_within(path, other) for other in each))


def _place(path: str) -> str:
    return posixpath.normpath(posixpath.join(_DEEP, path))
