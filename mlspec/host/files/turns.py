"""Let one process at a time change the files beside a spec; others wait."""

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

# Seconds after which a wait is told, and after which it ends: locking what is built from source can take minutes.
_TOLD_AFTER, _MOST = 1, 15 * 60


@contextlib.contextmanager
def alone(spec: Path, say: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold the turn of the one process that changes what stands beside ``spec``; ``say`` is told of a wait.

    Raises ToolError where another holds it for too long. Where this user has no folder to keep turns in, nobody waits:
    files are written whole all the same.
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
    """Take the turn; raises ToolError where another process keeps it."""
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
    """Return the lock for a spec, ready to be waited for; none where no place for it can be written."""
    from filelock import FileLock, Timeout

    name = hashlib.sha256(os.fsencode(spec.resolve())).hexdigest()[:24]
    for folder in _own_folders():
        lock = FileLock(folder / name)
        # Where a file system knows no locks, or the name is taken by something else, the next place may do.
        with contextlib.suppress(OSError, NotImplementedError):
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=0)
            return lock
    return None


def _own_folders() -> Iterator[Path]:
    """Yield the folders for locks that only this user can write to: in one that others can, they could stop anybody."""
    user = os.geteuid() if sys.platform != "win32" else 0
    cache = cache_folder()
    places = (*([Path(cache, "turns")] if cache else []), Path(tempfile.gettempdir(), f"mlspec-{user}"))
    yield from (place for place in places if _is_own(place, user))


def _is_own(folder: Path, user: int) -> bool:
    """Tell whether a folder is this user's alone, after making it where there is none and clearing up in it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        forget_old(str(folder))
    except OSError:
        return False
    is_private = sys.platform == "win32" or (found.st_uid == user and not found.st_mode & 0o022)
    return stat.S_ISDIR(found.st_mode) and is_private
