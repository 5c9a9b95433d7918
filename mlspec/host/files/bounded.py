"""Bounded reading of regular files. Imports very little, because ``find`` imports this module at each start."""

from __future__ import annotations

import errno
import os
import stat

MOST = 20_000_000
"""Largest size of a file in bytes: twenty times a lock of 500 packages with all their hashes."""

_KINDS = {
    stat.S_IFIFO: "it is a named pipe, not a file",
    stat.S_IFCHR: "it is a device, not a file",
    stat.S_IFBLK: "it is a device, not a file",
    stat.S_IFSOCK: "it is a socket, not a file",
}


def read_file(path: str | os.PathLike[str], most: int = MOST) -> bytes:
    """Return the bytes of a regular file; raises OSError for any other kind, and for a file over ``most`` bytes.

    Reading a pipe could block forever, and a device such as /dev/zero has no last byte.
    """
    data = read_beginning(path, most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", os.fspath(path))
    return data


def read_beginning(path: str | os.PathLike[str], limit: int) -> bytes:
    """Return at most the first ``limit`` bytes of a regular file; raises OSError for any other kind."""
    try:
        _check(os.stat(path), path)
        # O_NONBLOCK: a pipe may have replaced the file since the check, and opening a pipe waits for a writer.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:
        # The name has a NUL or half a surrogate pair. No name on a disk has these.
        raise OSError(errno.EINVAL, "no file can have this name", repr(path)) from error
    try:
        _check(os.fstat(handle), path)
        parts, left = [], limit
        while left > 0 and (part := os.read(handle, min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    finally:
        os.close(handle)
    return b"".join(parts)


def _check(found: os.stat_result, path: str | os.PathLike[str]) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if kind := _KINDS.get(stat.S_IFMT(found.st_mode)):
        raise OSError(errno.EINVAL, kind, os.fspath(path))
