"""A bounded scan of the files in a project folder that the build copies into the image."""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlspec.advice.lint import Context, Look, Weight, is_data, is_read
from mlspec.errors import SpecError
from mlspec.host.cache.witness import beginning, doubt, entries_in, kind_of, status_of
from mlspec.spec import encoding
from mlspec.targets.ignore_patterns import Patterns

_MAX_ENTRIES = 40_000
# A limit for each folder, so that one folder of a million files does not hide the others. A warning needs far fewer.
_MAX_ENTRIES_EACH = 12_000
_MAX_SECONDS = 1.0
_MAX_TEXTS = 300
_MAX_TEXT = 200_000
_DEPTH = 3
# A folder with more settings files than _MAX_DATA_EACH holds data.
_MAX_DATA, _MAX_DATA_EACH, _MAX_DATA_TEXT = 600, 40, 64_000
# git-lfs, docs/spec.md: a pointer file begins with this text, and has less than 1,024 bytes.
_POINTER, _MAX_POINTER = b"version https://git-lfs.github.com/spec/", 1024
_LEAST_POINTER = len(_POINTER) + len("v1\noid sha256:") + 64


@dataclass(slots=True)
class _Scan:
    folder: Path
    patterns: Patterns
    weights: dict[str, Weight] = field(default_factory=dict)
    private_files: Mapping[tuple[int, int], str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    data_texts: dict[str, str] = field(default_factory=dict)
    data_counts: dict[str, int] = field(default_factory=dict)
    pointers: list[str] = field(default_factory=list)
    private: dict[str, str] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    links: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    is_whole: bool = True


def scan(
    folder: Path,
    patterns: Patterns,
    asked: Iterable[str],
    private: Mapping[str, Path] | None = None,
    outside: Sequence[str] = (),
) -> Context:
    """Return sizes, names and texts of the files in ``folder`` that ``patterns`` keep, and of the paths in ``asked``.

    ``outside`` are files and folders in the build context, but outside ``folder``, to scan as well. ``private`` are the
    paths of files that the build must not copy, by their names in the spec. The scan stops after some thousand entries
    or one second, and marks the folders that it did not finish with ``is_whole`` as False.
    """
    found = _Scan(folder, patterns, private_files=_identities(private or {}))
    until = time.monotonic() + _MAX_SECONDS
    todo = deque(["", *_list_folders(found, outside)])
    while todo:
        place = todo.popleft()
        if time.monotonic() > until:
            _stop_at(found, place)
        else:
            todo += _scan_folder(found, place)
    looks = {path: _look(folder, path, patterns) for path in asked}
    return Context(
        weights=found.weights,
        texts=found.texts,
        data_texts=found.data_texts,
        pointers=tuple(found.pointers),
        private=found.private,
        looks=looks,
        kept=frozenset(found.kept),
        links=found.links,
        names=frozenset(found.names),
        is_whole=found.is_whole,
    )


def _scan_folder(found: _Scan, place: str) -> list[str]:
    """Add the files of one folder to the scan, and return the folders in it."""
    folders = []
    for entry, path in _entries(found.folder, place):
        if not _counts(found, path):
            _stop_at(found, place)
            break
        if not place:
            found.names.add(path)
        if entry.is_dir(follow_symlinks=False):
            # A scan from a folder above must not scan the spec's folder again.
            is_own = place.startswith("..") and found.patterns.in_context(path) == found.patterns.place
            folders += [] if is_own or found.patterns.hides(path) else [path]
        elif not found.patterns.leaves_out(path):
            _add(found, entry, path)
    return folders


def _list_folders(found: _Scan, outside: Sequence[str]) -> Iterator[str]:
    """Yield the folders of ``outside`` that are not in another, and add the files to the scan."""
    for path in outside:
        if any(f"{path}/".startswith(f"{other}/") for other in outside if other != path):
            continue
        if kind_of(str(found.folder / path)) == "folder":
            yield path
            continue
        above, name = posixpath.split(path)
        for entry, place in _entries(found.folder, above):
            if entry.name == name and not found.patterns.leaves_out(place):
                _add(found, entry, place)


def _entries(folder: Path, place: str) -> Iterator[tuple[os.DirEntry[str], str]]:
    for entry in entries_in(str(folder / place)):
        yield entry, posixpath.join(place, entry.name)


def _counts(found: _Scan, path: str) -> bool:
    """Count one entry, and return whether both limits allow it: for all entries, and for its top folder."""
    top = path.partition("/")[0] if "/" in path else ""
    found.counts[top] = found.counts.get(top, 0) + 1
    return found.counts[top] <= _MAX_ENTRIES_EACH and sum(found.counts.values()) <= _MAX_ENTRIES


def _stop_at(found: _Scan, place: str) -> None:
    # A later scan may come further, so this result must not be cached.
    doubt()
    found.is_whole = False
    for path in _levels(place):
        before = found.weights.get(path, Weight())
        found.weights[path] = Weight(before.size, before.files, is_whole=False)


def _add(found: _Scan, entry: os.DirEntry[str], path: str) -> None:
    status = entry.stat(follow_symlinks=False)
    size = status.st_size
    found.kept.add(path)
    # Compare device and inode, because a file has many names: links, absolute paths, or another case of its letters on
    # a disk that ignores case.
    if written := found.private_files.get((status.st_dev, status.st_ino)):
        found.private[path] = written
    if stat.S_ISLNK(status.st_mode):
        with contextlib.suppress(OSError):
            found.links[path] = (found.folder / path).readlink().as_posix()
    for level in _levels(path):
        before = found.weights.get(level, Weight())
        found.weights[level] = Weight(before.size + size, before.files + 1, before.is_whole)
    if is_read(path) and len(found.texts) < _MAX_TEXTS and size <= _MAX_TEXT:
        found.texts[path] = _text(found.folder / path)
    elif stat.S_ISREG(status.st_mode):
        _look_inside(found, path, size)


def _look_inside(found: _Scan, path: str, size: int) -> None:
    """Record a git-lfs pointer, and the text of a small settings file within the limits."""
    if _LEAST_POINTER < size < _MAX_POINTER and _begins(found.folder / path, _POINTER):
        found.pointers.append(path)
    place = posixpath.dirname(path)
    is_room = len(found.data_texts) < _MAX_DATA and found.data_counts.get(place, 0) < _MAX_DATA_EACH
    if is_room and size <= _MAX_DATA_TEXT and is_data(path):
        found.data_counts[place] = found.data_counts.get(place, 0) + 1
        found.data_texts[path] = _text(found.folder / path)


def _begins(path: Path, start: bytes) -> bool:
    with contextlib.suppress(OSError):
        return beginning(str(path), len(start)) == start
    return False


def _identities(private: Mapping[str, Path]) -> dict[tuple[int, int], str]:
    """Return the names in the spec of private files by the device and inode of each file."""
    found = {}
    for written, path in private.items():
        status = status_of(str(path))
        # On Windows, the status of a folder's entry has no inode number.
        if status and status.st_ino and stat.S_ISREG(status.st_mode):
            found[status.st_dev, status.st_ino] = written
    return found


def _levels(path: str) -> Iterator[str]:
    """Yield the first three levels of a path: its upper folders, and the path itself if it is no deeper.

    Folders above the spec are no levels.
    """
    parts = path.split("/") if path else []
    ups = parts.count("..")
    for depth in range(ups + 1, min(len(parts), ups + _DEPTH) + 1):
        yield "/".join(parts[:depth])


def _look(folder: Path, name: str, patterns: Patterns) -> Look | None:
    path = folder / name
    # A name that no file can have counts as a missing file.
    status = status_of(str(path))
    if status is None:
        return None
    is_kept = not patterns.leaves_out(posixpath.normpath(name))
    if not stat.S_ISREG(status.st_mode):
        return Look(is_file=False, is_kept=is_kept)
    # Windows has no executable bit; docker on Windows sends all files to an engine as executable.
    is_executable = sys.platform == "win32" or bool(status.st_mode & 0o111)
    return Look(is_file=True, is_kept=is_kept, is_executable=is_executable, text=_text(path, raw=True))


def _text(path: Path, *, raw: bool = False) -> str:
    """Return the beginning of a file's text; empty if the file is not text or cannot be read.

    ``raw`` keeps the line ends, and replaces bytes that are not UTF-8.
    """
    try:
        data = beginning(str(path), _MAX_TEXT)
        return data.decode("utf-8", "replace") if raw else encoding.decode(data, path.name)
    except (OSError, SpecError):
        return ""
