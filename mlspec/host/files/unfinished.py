"""Files in the making: all of a batch are ready beside their places before the first takes its own.

A batch has a journal, which its process holds a lock on; the lock ends with the process, however that ends. Files whose
journal nobody holds were left by a process that was killed: they are removed; or, where the journal says that all of
them were ready, they are put in their places.
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

from mlspec.host.cache.proofs import generated_names
from mlspec.host.files.bounded import read_file
from mlspec.plan.unfinished_names import batch_of, journal_name, unfinished_name

# Where a file system knows no locks, such as some of a network, age has to tell that nobody writes any more.
_OLD = 3600


class Batch:
    """The files that one act writes, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._id, self._handle = _begin(folder)
        self._ready: dict[str, Path] = {}
        self._digests: dict[str, str] = {}

    def add(self, path: str, data: bytes, mode: int) -> None:
        """Write a file beside its place, with all that it holds; raises OSError."""
        made = (self.folder / path).with_name(unfinished_name(Path(path).name, self._id))
        handle = os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        self._ready[path], self._digests[path] = made, _digest(data)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        made.chmod(mode)

    def commit(self) -> None:
        """Put every file in its place; raises OSError. Where this ends half way, :func:`finish` does the rest."""
        if len(self._ready) > 1:
            files = [[path, _digest_of(self.folder / path), digest] for path, digest in self._digests.items()]
            with os.fdopen(self._handle, "wb", closefd=False) as journal:
                journal.write(json.dumps(files).encode())
        for path in self._digests:
            self._ready[path].replace(self.folder / path)
            del self._ready[path]

    def commit_new(self, path: str) -> None:
        """Put the only file in its place, where there must be none: raises FileExistsError, or another OSError."""
        made, place = self._ready[path], self.folder / path
        try:
            os.link(made, place)
        except FileExistsError:
            raise
        except OSError:
            # A file system without links, such as that of a memory stick.
            if os.path.lexists(place):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(place)) from None
            made.rename(place)

    def close(self) -> None:
        """Remove what did not come to its place."""
        # The journal is the last to go: what has none would be nobody's.
        for made in (*self._ready.values(), self.folder / journal_name(self._id)):
            with contextlib.suppress(OSError):
                made.unlink(missing_ok=True)
        os.close(self._handle)


def _begin(folder: Path) -> tuple[str, int]:
    """Return the name of a new batch, and its journal, empty and held."""
    while True:
        name = secrets.token_hex(4)
        handle = os.open(folder / journal_name(name), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        _hold(handle, waits=True)
        # Before it was held, another process may have taken it for one that was left, and removed it.
        if sys.platform == "win32" or os.fstat(handle).st_nlink:
            return name, handle
        os.close(handle)


@contextlib.contextmanager
def batch(folder: Path) -> Iterator[Batch]:
    """Give a batch of files to write in a folder; what is not put in its place is gone at the end."""
    writes = Batch(folder)
    try:
        yield writes
    finally:
        writes.close()


def finish(folder: Path) -> tuple[str, ...]:
    """Remove what killed processes left in a folder; return the names of files that were ready and are now in place.

    Where the folder cannot be read or written, nothing is done.
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
    """Put the files that a journal lists in their places, unless somebody changed one of these since."""
    finished = []
    try:
        files = [(str(path), old, new) for path, old, new in json.loads(read_file(folder / journal_name(batch)))]
    except (OSError, ValueError, TypeError, RecursionError):
        # None, or one that was cut off: then nothing was put in its place yet.
        return []
    # A folder that was copied from a stranger may hold anything, but it names nothing outside itself.
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
    """Hold a journal, and tell whether it was left by a process that is gone, or is not there at all."""
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
    """Lock an open file for as long as this process has it open; return whether nobody else does."""
    if sys.platform == "win32":  # what is open there cannot be removed
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
    except OSError:  # a pipe or a device: nothing that was written here
        return "?"
