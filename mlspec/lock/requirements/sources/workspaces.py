"""Find the root of a project's workspace, whose tables apply to all members (uv's documentation)."""

from __future__ import annotations

import fnmatch
import posixpath
import tomllib
from collections.abc import Callable, Iterator

from mlspec.lock.requirements.sources.source_tables import TomlText

_MOST_LEVELS = 4


def find_workspace(path: str, read: Callable[[str], str], root: str) -> tuple[str, TomlText] | None:
    """Return the path and text of the pyproject.toml of the workspace of the project at ``path``; None without one.

    Paths are relative to the folder of the spec, which messages show as ``root``. An unreadable file is no workspace.
    """
    folder, below = posixpath.dirname(path), list[str]()
    for _ in range(_MOST_LEVELS):
        # The names of folders above the spec's folder are unknown here, so they fit any pattern.
        name = posixpath.basename(folder) if folder and posixpath.basename(folder) != ".." else ""
        below.insert(0, name)
        folder = posixpath.normpath(posixpath.join(folder, ".."))
        place = posixpath.normpath(posixpath.join(folder, "pyproject.toml"))
        opened = read_toml(place, read, root)
        if not opened:
            continue
        found = opened[1]
        members, others = (found.value("tool", "uv", "workspace", key) or () for key in ("members", "exclude"))
        is_left_out = all(below) and any(is_in(below, str(pattern)) for pattern in others)
        if not is_left_out and any(is_in(below, str(pattern)) for pattern in members):
            return place, found
    return None


def find_uv_toml(path: str, read: Callable[[str], str], root: str) -> tuple[str, TomlText] | None:
    """Return the path and text of the `uv.toml` that applies to the file at ``path``; None without one.

    The search goes from the folder of the file up to the folder of the spec; for a file above that folder, it is only
    the folder of the file. An unreadable file does not count.
    """
    for folder in _folders(path):
        if found := read_toml(posixpath.join(folder, "uv.toml"), read, root):
            return found
    return None


def find_settings(path: str, read: Callable[[str], str], root: str) -> tuple[str, TomlText, tuple[str, ...]] | None:
    """Return the file of uv's settings for a requirements file: its path, its text, and the table with the settings.

    It is the nearest `uv.toml`, or pyproject.toml with a table of uv's, in the order of :func:`find_uv_toml`.
    """
    for folder in _folders(path):
        if found := read_toml(posixpath.join(folder, "uv.toml"), read, root):
            return *found, ()
        found = read_toml(posixpath.join(folder, "pyproject.toml"), read, root)
        if found and found[1].table("tool", "uv"):
            return *found, ("tool", "uv")
    return None


def _folders(path: str) -> Iterator[str]:
    folder = posixpath.dirname(path)
    while True:
        yield folder
        if not folder or folder.startswith(".."):
            return
        folder = posixpath.dirname(folder)


def read_toml(path: str, read: Callable[[str], str], root: str) -> tuple[str, TomlText] | None:
    """Return the path and text of a TOML file, which messages show below ``root``; None if it is unreadable."""
    try:
        text = read(path)
        return path, TomlText(text, posixpath.normpath(posixpath.join(root, path)), tomllib.loads(text))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError):
        return None


def is_in(folders: list[str], pattern: str) -> bool:
    """Return whether the names of nested folders fit the pattern of a workspace."""
    parts = posixpath.normpath(pattern).split("/")
    return len(parts) == len(folders) and all(
        not name or fnmatch.fnmatchcase(name, part) for name, part in zip(folders, parts, strict=True)
    )
