"""A folder as ``mlspec init`` sees it: what decides about its first spec, within bounds."""

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
from mlspec.spec import encoding

if TYPE_CHECKING:
    from mlspec.advice.draft import Folder

# What a person has scripts for is small; what is larger is data.
_MAX_FILES = 500
_MAX_FOLDERS = 500
_MAX_ENTRIES = 5_000
_MAX_SCRIPT = 1_000_000
_MAX_NOTEBOOK = 10_000_000
_NOT_CODE = {"__pycache__", "node_modules", "site-packages"}


def survey(folder: Path) -> Folder:
    """Return what ``folder`` holds, within bounds, that decides about its first spec; nothing hidden."""
    from mlspec.advice.draft import Folder, is_read

    wanted = islice((path for path in _walk(folder) if is_read(path)), _MAX_FILES)
    texts = {path: text for path in wanted if (text := _small_text(folder / path)) is not None}
    return Folder(name=folder.resolve().name, texts=texts, folders=_entries(folder)[0])


def _walk(folder: Path) -> Iterator[str]:
    """Yield the paths of the files below ``folder``, relative to it, those nearest to the top first."""
    todo = deque([""])
    for _ in range(_MAX_FOLDERS):
        if not todo:
            return
        place = todo.popleft()
        folders, files = _entries(folder / place)
        yield from (posixpath.join(place, name) for name in files)
        todo += [posixpath.join(place, name) for name in folders if _is_own(folder / place / name)]


def _is_own(folder: Path) -> bool:
    # A link may lead out of the project, or around in a circle.
    return not folder.is_symlink() and not (folder / "pyvenv.cfg").exists() and not (folder / "conda-meta").exists()


def _entries(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the folders and of the files in a folder, sorted; none where it cannot be read."""
    folders, files = [], []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in islice(entries, _MAX_ENTRIES):
            if entry.is_file():
                files.append(entry.name)
            elif entry.is_dir() and not entry.name.startswith(".") and entry.name not in _NOT_CODE:
                folders.append(entry.name)
    return tuple(sorted(folders)), tuple(sorted(files))


def _small_text(path: Path) -> str | None:
    """Return the text of a script or a list of packages; None where it is too large or cannot be read."""
    try:
        # Notebooks hold the pictures that they show.
        limit = _MAX_NOTEBOOK if path.suffix == ".ipynb" else _MAX_SCRIPT
        with path.open("rb") as file:
            data = file.read(limit + 1)
        return encoding.decode(data, path.name, limit)
    except (OSError, SpecError):
        return None
