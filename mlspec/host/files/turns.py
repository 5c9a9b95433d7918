"""A lock for each spec: one process at a time changes the files beside the spec, others wait."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.errors import Problem, ToolError
from mlspec.host.cache.proofs import cache_folder, forget_old

if TYPE_CHECKING:
    from filelock import BaseFileLock

# Seconds until a message about the wait, and until the wait ends. Locking packages that pip compiles from source can
# take minutes.
_TOLD_AFTER, _MOST = 1, 15 * 60


@contextlib.contextmanager
def alone(spec: Path, say: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold the lock of ``spec`` for the ``with`` block; ``say`` receives a message if another process holds the lock.

    Raises ToolError if another process holds the lock for more than 15 minutes. If this user has no writable folder for
    locks, nobody waits: each file is still written atomically.
    """
    lock = _lock_of(spec)
    if lock is None:
        yield
        return
    holder = Path(f"{lock.lock_file}.pid")
    if not lock.is_locked:
        _wait(lock, holder, spec, say)
    try:
        with contextlib.suppress(OSError):
            holder.write_text(str(os.getpid()))
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def _wait(lock: BaseFileLock, holder: Path, spec: Path, say: Callable[[str], None]) -> None:
    """Acquire the lock; raises ToolError if another process holds the lock for too long."""
    from filelock import Timeout

    try:
        lock.acquire(timeout=_TOLD_AFTER)
    except Timeout:
        say(f"waiting for another mlspec{_name_process(holder)} at work on {spec.as_posix()}")
        try:
            lock.acquire(timeout=_MOST)
        except Timeout:
            message = (
                f"another mlspec{_name_process(holder)} has been at work on {spec.as_posix()} for {_MOST // 60} minutes"
            )
            process = _process(holder)
            hint = f"let it finish, or end it: kill {process}" if process else "let it finish, then try again"
            raise ToolError(Problem(code="MLS425", message=message, hint=hint)) from None


def _name_process(holder: Path) -> str:
    process = _process(holder)
    return f" (process {process})" if process else ""


def _process(holder: Path) -> str:
    with contextlib.suppress(OSError, ValueError):
        return str(int(holder.read_text()))
    return ""


def _lock_of(spec: Path) -> BaseFileLock | None:
    """Return the lock for a spec, acquired if it was free; None if no folder for locks is writable."""
    from filelock import FileLock, Timeout

    name = hashlib.sha256(os.fsencode(spec.resolve())).hexdigest()[:24]
    for folder in _own_folders():
        lock = FileLock(folder / name)
        # If the file system has no locks, or the path is not a file, the next folder may work.
        with contextlib.suppress(OSError, NotImplementedError):
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=0)
            return lock
    return None


def _own_folders() -> Iterator[Path]:
    """Yield the folders for locks that only this user can write to.

    In a folder that other users can write to, they could hold the lock of any user's spec.
    """
    user = os.geteuid() if sys.platform != "win32" else 0
    cache = cache_folder()
    places = (*([Path(cache, "turns")] if cache else []), Path(tempfile.gettempdir(), f"mlspec-{user}"))
    yield from (place for place in places if _is_own(place, user))


def _is_own(folder: Path, user: int) -> bool:
    """Create a folder if it is missing, remove old files from it, and return whether only this user can write to it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        forget_old(str(folder))
    except OSError:
        return False
    is_private = sys.platform == "win32" or (found.st_uid == user and not found.st_mode & 0o022)
    return stat.S_ISDIR(found.st_mode) and is_private
