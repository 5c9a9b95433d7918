"""A bounded survey of a folder for ``mlspec init``."""

from __future__ import annotations

import contextlib
import os
import posixpath
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.errors import SpecError
from mlspec.host.files.bounded import read_file
from mlspec.spec import encoding

if TYPE_CHECKING:
    from mlspec.advice.draft import Folder

# Bounds. Scripts are small; larger files are data.
_MAX_FILES = 500
_MAX_FOLDERS = 500
_MAX_ENTRIES = 5_000
_MAX_PATHS = 50_000
_MAX_SCRIPT = 1_000_000
# Bytes of a notebook with its outputs, or of a lock.
_MAX_LONG = 10_000_000
_NOT_CODE = {"__pycache__", "node_modules", "site-packages"}
# Hidden folders in which other tools describe an environment.
_HIDDEN = {".devcontainer", ".binder"}


def survey_folder(folder: Path) -> Folder:
    """Return the names and texts in ``folder`` that decide about its first spec, within bounds.

    Hidden folders are left out, except the folders in ``_HIDDEN``.
    """
    from mlspec.advice.draft import Folder, is_read

    files = [path for path in islice(_walk(folder), _MAX_PATHS) if path.isprintable()]
    wanted = islice((path for path in files if is_read(path)), _MAX_FILES)
    texts = {path: text for path in wanted if (text := _small_text(folder / path)) is not None}
    folders = tuple(name for name in _entries(folder)[0] if name not in _HIDDEN)
    return Folder(name=folder.resolve().name, texts=texts, folders=folders, files=frozenset(files))


def _walk(folder: Path) -> Iterator[str]:
    """Yield the paths of the files below ``folder``, relative to it, upper folders first."""
    todo = deque([""])
    for _ in range(_MAX_FOLDERS):
        if not todo:
            return
        place = todo.popleft()
        folders, files = _entries(folder / place)
        yield from (posixpath.join(place, name) for name in files)
        todo += [posixpath.join(place, name) for name in folders if _is_own(folder / place / name)]


def _is_own(folder: Path) -> bool:
    # A link may lead out of the project, or form a circle.
    return not folder.is_symlink() and not (folder / "pyvenv.cfg").exists() and not (folder / "conda-meta").exists()


def _entries(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the sorted names of the folders and of the files in a folder; empty if the folder cannot be read."""
    folders, files = [], []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in islice(entries, _MAX_ENTRIES):
            if entry.is_file():
                files.append(entry.name)
            elif entry.is_dir() and _is_looked_into(entry.name):
                folders.append(entry.name)
    return tuple(sorted(folders)), tuple(sorted(files))


def _is_looked_into(name: str) -> bool:
    return name in _HIDDEN or not (name.startswith(".") or name in _NOT_CODE)


def _small_text(path: Path) -> str | None:
    """Return the text of a script or a list of packages; None if the file is too large or cannot be read."""
    try:
        # Notebooks contain the pictures of their outputs.
        limit = _MAX_LONG if path.suffix in {".ipynb", ".lock"} else _MAX_SCRIPT
        return encoding.decode(read_file(path, limit), path.name, limit)
    except (OSError, SpecError):
        return None
