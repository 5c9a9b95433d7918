"""Temporary folders for this user alone; the next start removes the folders of killed processes."""

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
# The process holds a lock on this file for as long as it lives.
_MARK = ".held"


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield an empty folder, and remove it at the end."""
    _remove_left()
    folder, handle = _make_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _make_folder() -> tuple[Path, int]:
    """Return a new folder and the handle of its mark, which this process has locked."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        handle = os.open(folder / _MARK, os.O_CREAT | os.O_WRONLY, 0o600)
        _is_held(handle)
        # Before the lock, another process may have taken the folder for an abandoned one and removed it.
        if os.fstat(handle).st_nlink or sys.platform == "win32":
            return folder, handle
        os.close(handle)


def _remove_left() -> None:
    """Remove the temporary folders that killed processes of this user have left."""
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
    """Lock an open file, and return whether this process got the lock."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
