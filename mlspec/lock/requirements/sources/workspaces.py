"""The root of the workspace that a project is a member of: its tables hold for all members (uv's documentation)."""

from __future__ import annotations

import fnmatch
import posixpath
import tomllib
from collections.abc import Callable, Iterator

from mlspec.lock.requirements.sources.source_tables import TomlText

_MOST_LEVELS = 4


def find_workspace(path: str, read: Callable[[str], str], root: str) -> tuple[str, TomlText] | None:
    """Return the pyproject.toml of the workspace that the one at ``path`` is a member of, and its path; None without.

    Paths are relative to the folder of the spec, which messages call ``root``. What cannot be read is no workspace.
    """
    folder, below = posixpath.dirname(path), list[str]()
    for _ in range(_MOST_LEVELS):
        # Above the spec's folder the names of folders are not known here, and fit any pattern.
        name = posixpath.basename(folder) if folder and posixpath.basename(folder) != ".." else ""
        below.insert(0, name)
        folder = posixpath.normpath(posixpath.join(folder, ".."))
        place = posixpath.normpath(posixpath.join(folder, "pyproject.toml"))
        opened = _read_toml(place, read, root)
        if not opened:
            continue
        found = opened[1]
        members, others = (found.value("tool", "uv", "workspace", key) or () for key in ("members", "exclude"))
        is_left_out = all(below) and any(_fits(below, str(pattern)) for pattern in others)
        if not is_left_out and any(_fits(below, str(pattern)) for pattern in members):
            return place, found
    return None


def find_uv_toml(path: str, read: Callable[[str], str], root: str) -> tuple[str, TomlText] | None:
    """Return the `uv.toml` that holds for the file at ``path``, and its path: in its folder or above; None without.

    It is looked for up to the folder of the spec, and beside a file that is above it. What cannot be read is none.
    """
    for folder in _folders(path):
        if found := _read_toml(posixpath.join(folder, "uv.toml"), read, root):
            return found
    return None


def find_settings(path: str, read: Callable[[str], str], root: str) -> tuple[str, TomlText, tuple[str, ...]] | None:
    """Return where uv reads its settings from for a requirements file: the path, its text, and the table in it.

    That is the nearest `uv.toml`, or pyproject.toml with a table of uv's, as :func:`find_uv_toml` looks for it.
    """
    for folder in _folders(path):
        if found := _read_toml(posixpath.join(folder, "uv.toml"), read, root):
            return *found, ()
        found = _read_toml(posixpath.join(folder, "pyproject.toml"), read, root)
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


def _read_toml(path: str, read: Callable[[str], str], root: str) -> tuple[str, TomlText] | None:
    try:
        text = read(path)
        return path, TomlText(text, posixpath.normpath(posixpath.join(root, path)), tomllib.loads(text))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError):
        return None


def _fits(folders: list[str], pattern: str) -> bool:
    parts = posixpath.normpath(pattern).split("/")
    return len(parts) == len(folders) and all(
        not name or fnmatch.fnmatchcase(name, part) for name, part in zip(folders, parts, strict=True)
    )
