"""Files read into memory: regular ones, and no more of them than fits. Imports next to nothing, as ``find`` does."""

from __future__ import annotations

import errno
import os
import stat

MOST = 20_000_000
"""The bytes that a file may have: twenty times a lock of 500 packages with all their hashes."""

_KINDS = {
    stat.S_IFIFO: "it is a named pipe, not a file",
    stat.S_IFCHR: "it is a device, not a file",
    stat.S_IFBLK: "it is a device, not a file",
    stat.S_IFSOCK: "it is a socket, not a file",
}


def read_file(path: str | os.PathLike[str], most: int = MOST) -> bytes:
    """Return the bytes of a regular file; raises OSError for any other, and for one of more than ``most`` bytes.

    A pipe would be waited for without an end, and a device such as /dev/zero has no last byte.
    """
    data = read_beginning(path, most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", os.fspath(path))
    return data


def read_beginning(path: str | os.PathLike[str], limit: int) -> bytes:
    """Return the first ``limit`` bytes of a regular file, or all; raises OSError for any other."""
    try:
        _check(os.stat(path), path)
        # Not waiting for a writer: between the look and this, another file may have taken the place.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:
        # A NUL, or half a surrogate pair, which no name on the disk has.
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
