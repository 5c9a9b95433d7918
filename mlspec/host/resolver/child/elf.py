"""A reader for the needed libraries of ELF files (System V ABI, chapters 4 and 5)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_LOAD, _DYNAMIC = 1, 2
_NEEDED, _STRTAB = 1, 5


def needed_libraries(data: bytes) -> tuple[str, ...]:
    """Return the names of the libraries that a 64-bit little-endian ELF file needs; empty for any other file."""
    if data[:6] != b"\x7fELF\x02\x01":
        return ()
    try:
        segments = list(_segments(data))
        entries = [
            entry for kind, offset, _, size in segments if kind == _DYNAMIC for entry in _dynamic(data, offset, size)
        ]
        address = next(value for tag, value in entries if tag == _STRTAB)
        loads = ((o, a) for kind, o, a, size in segments if kind == _LOAD and a <= address < a + size)
        offset = next(o + address - a for o, a in loads)
        return tuple(_text(data, offset + value) for tag, value in entries if tag == _NEEDED)
    except (struct.error, StopIteration, ValueError):
        return ()


def _segments(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield kind, offset, address and size of each segment."""
    start, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    for number in range(count):
        kind, _, offset, address, _, in_file = struct.unpack_from("<IIQQQQ", data, start + number * size)
        yield kind, offset, address, in_file


def _dynamic(data: bytes, offset: int, size: int) -> Iterator[tuple[int, int]]:
    for place in range(offset, offset + size, 16):
        tag, value = struct.unpack_from("<qQ", data, place)
        if tag == 0:
            return
        yield tag, value


def _text(data: bytes, place: int) -> str:
    return data[place : data.index(b"\0", place)].decode("ascii", "replace")
