"""Atomic writing of several files: a batch writes all files under temporary names before it renames the first.

The process of a batch holds a lock on the journal of the batch; the lock ends with the process, for whatever reason.
Temporary files whose journal no process holds belong to a killed process. The next command removes these files; or, if
the journal says that all of them were ready, it moves them to their places.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mlspec.host.cache.witness import generated_names
from mlspec.host.files.bounded import read_file
from mlspec.plan.unfinished_names import batch_of, journal_name, unfinished_name

# Seconds. On a file system without locks, such as some network file systems, a journal counts as abandoned by its age.
_OLD = 3600


class Batch:
    """The files that one operation writes into one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._id, self._handle = _begin(folder)
        self._ready: dict[str, Path] = {}
        self._digests: dict[str, str] = {}

    def add(self, path: str, data: bytes, mode: int) -> None:
        """Write a whole file under a temporary name beside its place; raises OSError."""
        made = (self.folder / path).with_name(unfinished_name(Path(path).name, self._id))
        made.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        self._ready[path], self._digests[path] = made, _digest(data)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        made.chmod(mode)

    def commit(self) -> None:
        """Move every file to its place; raises OSError. After a crash in the middle, :func:`finish` moves the rest."""
        if len(self._ready) > 1:
            files = [[path, _digest_of(self.folder / path), digest] for path, digest in self._digests.items()]
            with os.fdopen(self._handle, "wb", closefd=False) as journal:
                journal.write(json.dumps(files).encode())
        for path in self._digests:
            self._ready[path].replace(self.folder / path)
            del self._ready[path]

    def commit_new(self, path: str) -> None:
        """Move the only file to its place; raises FileExistsError if a file is already there, or another OSError."""
        made, place = self._ready[path], self.folder / path
        try:
            os.link(made, place)
        except FileExistsError:
            raise
        except OSError:
            # The file system has no hard links, such as FAT on a memory stick.
            if os.path.lexists(place):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(place)) from None
            made.rename(place)

    def close(self) -> None:
        """Remove the files that were not moved to their places, and the journal."""
        # Remove the journal last: a temporary file without a journal would count as abandoned.
        for made in (*self._ready.values(), self.folder / journal_name(self._id)):
            with contextlib.suppress(OSError):
                made.unlink(missing_ok=True)
        os.close(self._handle)


def _begin(folder: Path) -> tuple[str, int]:
    """Return the name of a new batch and the handle of its journal, which is empty and locked."""
    while True:
        name = secrets.token_hex(4)
        handle = os.open(folder / journal_name(name), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        _hold(handle, waits=True)
        # Before the lock, another process may have taken the journal for an abandoned one and removed it.
        if sys.platform == "win32" or os.fstat(handle).st_nlink:
            return name, handle
        os.close(handle)


@contextlib.contextmanager
def batch(folder: Path) -> Iterator[Batch]:
    """Yield a batch for files in a folder; at the end, remove the files that were not moved to their places."""
    writes = Batch(folder)
    try:
        yield writes
    finally:
        writes.close()


def finish(folder: Path) -> tuple[str, ...]:
    """Remove the temporary files of killed processes from a folder, or move complete batches to their places.

    Returns the names of the moved files. Does nothing if the folder cannot be read or written.
    """
    try:
        names = [name for name in generated_names(str(folder), ".") if batch_of(name)]
    except OSError:
        return ()
    finished: list[str] = []
    for batch in dict.fromkeys(map(batch_of, names)):
        own = [folder / name for name in names if batch_of(name) == batch and name != journal_name(batch)]
        with contextlib.suppress(OSError), _take_abandoned(folder / journal_name(batch)) as is_left:
            if is_left:
                finished += _finish_batch(folder, batch)
                for made in (*own, folder / journal_name(batch)):
                    made.unlink(missing_ok=True)
    return tuple(finished)


def _finish_batch(folder: Path, batch: str) -> list[str]:
    """Move the files of a journal to their places, unless a file there has changed since; return their names."""
    finished = []
    try:
        files = [(str(path), old, new) for path, old, new in json.loads(read_file(folder / journal_name(batch)))]
    except (OSError, ValueError, TypeError, RecursionError):
        # The journal is missing or cut off, so no file was moved to its place yet.
        return []
    # A journal may come with a folder from a stranger, so reject paths that lead out of the folder.
    is_own = all(not Path(path).is_absolute() and ".." not in Path(path).parts for path, _, _ in files)
    if not is_own or any(_digest_of(folder / path) not in {old, new} for path, old, new in files):
        return []
    for path, _, _ in files:
        place = folder / path
        with contextlib.suppress(FileNotFoundError):
            place.with_name(unfinished_name(place.name, batch)).replace(place)
            finished.append(path)
    return finished


@contextlib.contextmanager
def _take_abandoned(journal: Path) -> Iterator[bool]:
    """Lock a journal, and yield whether its batch is abandoned: its process has ended, or there is no journal."""
    try:
        is_file = stat.S_ISREG(journal.lstat().st_mode)
        handle = os.open(journal, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)) if is_file else -1
    except FileNotFoundError:
        yield True
        return
    try:
        yield handle >= 0 and _hold(handle, waits=False)
    finally:
        if handle >= 0:
            os.close(handle)


def _hold(handle: int, *, waits: bool) -> bool:
    """Lock an open file until this process closes it; return whether this process got the lock."""
    if sys.platform == "win32":  # nobody can remove an open file there
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return time.time() - os.fstat(handle).st_mtime > _OLD
    return True


def _digest(data: bytes | None) -> str:
    return "" if data is None else hashlib.sha256(data).hexdigest()


def _digest_of(path: Path) -> str:
    try:
        return _digest(read_file(path))
    except FileNotFoundError:
        return ""
    except OSError:  # a folder, a pipe or a device: mlspec did not write it
        return "?"
