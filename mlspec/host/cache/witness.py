"""Recorded reads from the disk: each read has a key and a digest, so that a later run can repeat and compare it.

The digest covers everything that the result depends on. Times of files do not matter.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from bisect import bisect_left

from mlspec.host.files.bounded import MOST, read_beginning, read_file
from mlspec.plan.unfinished_names import UNFINISHED
from mlspec.spec.targets import TARGETS

TYPE_CHECKING = False  # typing alone would take longer than all of this
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Literal

# Unfinished files of killed processes count, too, because mlspec must finish or remove them.
_GENERATED_ENDS = (*(target.file.rpartition("/")[2] for target in TARGETS.values()), ".lock", UNFINISHED)
_GENERATED_FOLDERS = tuple(sorted({target.file.rpartition("/")[0] for target in TARGETS.values()} - {""}))


class Witness:
    """The record of all reads of one compilation: the key of each read with the digest of its result."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}
        self.is_sound = True

    def saw(self, kind: str, path: str, content: bytes | None) -> None:
        """Record a read; two results of the same read with different content make a proof impossible."""
        digest = digest_of(content)
        if self.seen.setdefault(f"{kind}{path}", digest) != digest:
            self.is_sound = False

    def join(self, other: Witness) -> None:
        """Add the reads of another witness."""
        self.is_sound &= other.is_sound and all(self.seen.get(key, seen) == seen for key, seen in other.seen.items())
        self.seen |= other.seen


def digest_of(content: bytes | None) -> str:
    """Return the digest of bytes; for None, return "-", which is no digest."""
    return "-" if content is None else hashlib.blake2b(content).hexdigest()[:64]


_witnesses: list[Witness] = []


@contextlib.contextmanager
def witness_reads() -> Iterator[Witness]:
    """Yield a Witness that records all reads of the ``with`` block."""
    witness = Witness()
    _witnesses.append(witness)
    try:
        yield witness
    finally:
        _witnesses.remove(witness)


def _saw(kind: str, path: str, content: bytes | None) -> None:
    for witness in _witnesses:
        witness.saw(kind, path, content)


# The kinds of reads that a compilation may make; each read is recorded.

FILE, PLACE, NAMES, KIND, LISTING = "f", "p", "n", "k", "l"
BEGINNING, ENTRIES, STATUS, VARIABLE = "b", "e", "s", "v"


def read(path: str, limit: int | None = None) -> bytes | None:
    """Return the first ``limit`` bytes of a file, or all bytes; None if the file does not exist.

    Raises OSError if the file cannot be read or is not a regular file. Without a limit, also raises OSError if the file
    has more than ``bounded.MOST`` bytes.
    """
    try:
        content = read_file(path) if limit is None else read_beginning(path, limit)
    except FileNotFoundError:
        content = None
    except OSError:
        # A folder, or no permission to read: no digest can represent this result.
        doubt()
        raise
    _saw(FILE, path, content)
    return content


def beginning(path: str, limit: int) -> bytes:
    """Return the first ``limit`` bytes of a file; raises OSError."""
    try:
        content = read_beginning(path, limit)
    except OSError:
        doubt()
        raise
    _saw(BEGINNING, f"{limit}\0{path}", content)
    return content


def entries_in(folder: str) -> list[os.DirEntry[str]]:
    """Return the entries of a folder, in no order; empty if the folder cannot be read.

    The record has name, mode, size, device, inode and link target of each entry. For a folder in it, the record has
    only the name: another read records the contents of that folder.
    """
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except OSError:
        entries = []
    if _witnesses:
        _saw(ENTRIES, folder, _describe_entries(entries))
    return entries


def _describe_entries(entries: Iterable[os.DirEntry[str]]) -> bytes:
    return _join_names(sorted(map(_describe, entries)))


def _describe(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_dir(follow_symlinks=False):
            return f"{entry.name}/"
        found = entry.stat(follow_symlinks=False)
        place = os.readlink(entry.path) if entry.is_symlink() else ""
    except OSError:
        return f"{entry.name}?"
    return f"{entry.name} {found.st_mode} {found.st_size} {found.st_dev} {found.st_ino} {place}"


def status_of(path: str) -> os.stat_result | None:
    """Return the status of a path, with links followed; None if the path does not exist or cannot be examined."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        found = None
    # Leave out the size: a read of the file itself records its content.
    _saw(STATUS, path, f"{found.st_mode} {found.st_dev} {found.st_ino}".encode() if found else None)
    return found


def variable(name: str) -> str | None:
    """Return the value of an environment variable."""
    value = os.environ.get(name)
    _saw(VARIABLE, name, None if value is None else os.fsencode(value))
    return value


def doubt() -> None:
    """Make a proof of the current compilation impossible, because it depends on more than the recorded reads."""
    for witness in _witnesses:
        witness.is_sound = False


def real_place(folder: str) -> str:
    """Return the absolute path of a folder, with links followed."""
    place = os.path.realpath(folder)
    _saw(PLACE, folder, os.fsencode(place))
    return place


def kind_of(path: str) -> Literal["", "file", "folder"]:
    """Return the kind of a path: "folder", "file" for anything else that exists, or an empty text."""
    kind = _kind_of(path)
    _saw(KIND, path, kind.encode())
    return kind


def _kind_of(path: str) -> Literal["", "file", "folder"]:
    return "folder" if os.path.isdir(path) else "file" if os.path.lexists(path) else ""


def names_in(folder: str) -> list[str]:
    """Return the sorted names in a folder; empty if the folder cannot be read."""
    names = _names_in(folder)
    _saw(LISTING, folder, _join_names(names))
    return names


def _names_in(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def generated_names(folder: str, prefix: str) -> list[str]:
    """Return the sorted names in a folder that begin with ``prefix`` and have the ending of a generated file.

    Files in the folders of targets, and in subfolders of those, are names with slashes; they need no prefix.
    """
    names = _with_prefix(_generated_names(folder), prefix)
    _saw(NAMES, f"{folder}\0{prefix}", _join_names(names))
    return names


def _generated_names(folder: str) -> list[str]:
    names = os.listdir(folder)
    inner = (name for place in _GENERATED_FOLDERS if place in names for name in _names_below(folder, place))
    return sorted(name for name in (*names, *inner) if name.endswith(_GENERATED_ENDS))


def _names_below(folder: str, place: str) -> Iterator[str]:
    """Yield the names in a subfolder, and in the folders there, each with its path from ``folder``."""
    for name in _names_in_folder(f"{folder}/{place}"):
        yield f"{place}/{name}"
        yield from (f"{place}/{name}/{inner}" for inner in _names_in_folder(f"{folder}/{place}/{name}"))


def _names_in_folder(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:  # it is no folder, or nobody may read it
        return []


def _with_prefix(names: list[str], prefix: str) -> list[str]:
    # Search the sorted names: with a thousand specs in one folder, each spec would examine the files of all others.
    starts = (*(f"{place}/" for place in _GENERATED_FOLDERS), prefix) if prefix else ("",)
    bounds = ((bisect_left(names, start), bisect_left(names, f"{start}{chr(sys.maxunicode)}")) for start in starts)
    return list(dict.fromkeys(name for first, last in bounds for name in names[first:last]))


def _join_names(names: Iterable[str]) -> bytes:
    return os.fsencode("\0".join(names))


# Repeated reads


class Present:
    """A repetition of recorded reads; it lists each folder only once, also for many specs."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}
        self._places: dict[str, str] = {}

    def digest(self, keys: Iterable[str]) -> str:
        """Repeat the reads of these keys, and return the digest over their results; raises OSError or ValueError."""
        return overall((key, self._now(key[0], key[1:])) for key in keys)

    def _now(self, kind: str, path: str) -> str:
        if kind == FILE:
            # Read up to the largest limit: no recorded read was longer.
            return digest_of(read(path, MOST + 1))
        if kind == PLACE:
            if path not in self._places:
                self._places[path] = os.path.realpath(path)
            return digest_of(os.fsencode(self._places[path]))
        if kind == KIND:
            return digest_of(_kind_of(path).encode())
        if kind in _ASKED:
            with witness_reads() as witness:
                _ASKED[kind](path)
            return witness.seen[f"{kind}{path}"]
        if kind == LISTING:
            return digest_of(_join_names(_names_in(path)))
        folder, prefix = path.split("\0")
        if folder not in self._names:
            self._names[folder] = _generated_names(folder)
        return digest_of(_join_names(_with_prefix(self._names[folder], prefix)))


def _read_again(key: str) -> None:
    limit, path = key.split("\0")
    beginning(path, int(limit))


_ASKED: dict[str, Callable[[str], object]] = {
    BEGINNING: _read_again,
    ENTRIES: entries_in,
    STATUS: status_of,
    VARIABLE: variable,
}


def overall(seen: Iterable[tuple[str, str]]) -> str:
    """Return one digest over the keys of a witness and their digests."""
    return digest_of(os.fsencode("\n".join(f"{key} {digest}" for key, digest in seen)))
