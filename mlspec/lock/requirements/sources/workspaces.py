"""The root of the workspace that a project is a member of: its tables hold for all members (uv's documentation)."""

from __future__ import annotations

import fnmatch
import posixpath
import tomllib
from collections.abc import Callable

from mlspec.lock.requirements.sources.values import TomlText

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
        try:
            text = read(place)
            found = TomlText(text, posixpath.normpath(posixpath.join(root, place)), tomllib.loads(text))
        except (OSError, UnicodeError, tomllib.TOMLDecodeError):
            continue
        members, others = (found.value("tool", "uv", "workspace", key) or () for key in ("members", "exclude"))
        is_left_out = all(below) and any(_fits(below, str(pattern)) for pattern in others)
        if not is_left_out and any(_fits(below, str(pattern)) for pattern in members):
            return place, found
    return None


def _fits(folders: list[str], pattern: str) -> bool:
    parts = posixpath.normpath(pattern).split("/")
    return len(parts) == len(folders) and all(
        not name or fnmatch.fnmatchcase(name, part) for name, part in zip(folders, parts, strict=True)
    )
