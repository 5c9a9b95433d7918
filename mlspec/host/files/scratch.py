"""Folders for a while: for this user alone, gone at the end, and gone at the next start where a process was killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "mlspec-"
# Held for as long as its process lives.
_MARK = ".held"


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give an empty folder that is gone at the end."""
    _remove_left()
    folder, handle = _make_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _make_folder() -> tuple[Path, int]:
    """Return a new folder, and its mark, which is held."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        handle = os.open(folder / _MARK, os.O_CREAT | os.O_WRONLY, 0o600)
        _is_held(handle)
        # Before it was held, another process may have taken it for one that was left.
        if os.fstat(handle).st_nlink or sys.platform == "win32":
            return folder, handle
        os.close(handle)


def _remove_left() -> None:
    """Remove the folders of this user whose process was killed."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX):
                with contextlib.suppress(OSError):
                    _remove_where_left(Path(entry.path))


def _remove_where_left(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return
    handle = os.open(folder / _MARK, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0))
    try:
        if _is_held(handle):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


def _is_held(handle: int) -> bool:
    """Hold an open file, and tell whether that was possible: not where another process does."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
