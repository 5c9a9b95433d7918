"""A bounded look at what of a project's folder would be copied into its image."""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlspec.advice.lint import Context, Look, Weight, is_data, is_read
from mlspec.errors import SpecError
from mlspec.host.files.bounded import read_beginning
from mlspec.spec import encoding
from mlspec.targets.ignore_patterns import Patterns

_MAX_ENTRIES = 40_000
# One folder of a million files must not hide the others; more than enough to be warned of.
_MAX_ENTRIES_EACH = 12_000
_MAX_SECONDS = 1.0
_MAX_TEXTS = 300
_MAX_TEXT = 200_000
_DEPTH = 3
# A folder with more files of settings than this holds data.
_MAX_DATA, _MAX_DATA_EACH, _MAX_DATA_TEXT = 600, 40, 64_000
# git-lfs, docs/spec.md: a pointer begins so, and has less than 1,024 bytes.
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


def scan(folder: Path, patterns: Patterns, asked: Iterable[str], private: Mapping[str, Path] | None = None) -> Context:
    """Return what of ``folder`` the patterns keep, and a look at the paths ``asked`` for.

    ``private`` are the places of files that must not be copied, by what the spec calls them. It stops after some
    thousand entries or one second; what was not counted by then is said to be more.
    """
    found = _Scan(folder, patterns, private_files=_identities(private or {}))
    until = time.monotonic() + _MAX_SECONDS
    todo = deque([""])
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
    """Take in the files of one folder, and return the folders in it."""
    folders = []
    for entry, path in _entries(found.folder, place):
        if not _counts(found, path):
            _stop_at(found, place)
            break
        if not place:
            found.names.add(path)
        if entry.is_dir(follow_symlinks=False):
            folders += [] if found.patterns.hides(path) else [path]
        elif not found.patterns.leaves_out(path):
            _add(found, entry, path)
    return folders


def _entries(folder: Path, place: str) -> Iterator[tuple[os.DirEntry[str], str]]:
    with contextlib.suppress(OSError), os.scandir(folder / place) as entries:
        for entry in entries:
            yield entry, posixpath.join(place, entry.name)


def _counts(found: _Scan, path: str) -> bool:
    """Count one entry, and return whether there is room for it: in all, and in its folder at the top."""
    top = path.partition("/")[0] if "/" in path else ""
    found.counts[top] = found.counts.get(top, 0) + 1
    return found.counts[top] <= _MAX_ENTRIES_EACH and sum(found.counts.values()) <= _MAX_ENTRIES


def _stop_at(found: _Scan, place: str) -> None:
    found.is_whole = False
    for path in _levels(place):
        before = found.weights.get(path, Weight())
        found.weights[path] = Weight(before.size, before.files, is_whole=False)


def _add(found: _Scan, entry: os.DirEntry[str], path: str) -> None:
    status = entry.stat(follow_symlinks=False)
    size = status.st_size
    found.kept.add(path)
    # Links, other letters' case on a disk that knows none, the folder by its whole path: one file has many names.
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
    """Note a pointer of git-lfs, and the text of a small file of settings, as far as there is room for it."""
    if _LEAST_POINTER < size < _MAX_POINTER and _begins(found.folder / path, _POINTER):
        found.pointers.append(path)
    place = posixpath.dirname(path)
    is_room = len(found.data_texts) < _MAX_DATA and found.data_counts.get(place, 0) < _MAX_DATA_EACH
    if is_room and size <= _MAX_DATA_TEXT and is_data(path):
        found.data_counts[place] = found.data_counts.get(place, 0) + 1
        found.data_texts[path] = _text(found.folder / path)


def _begins(path: Path, start: bytes) -> bool:
    with contextlib.suppress(OSError):
        return read_beginning(path, len(start)) == start
    return False


def _identities(private: Mapping[str, Path]) -> dict[tuple[int, int], str]:
    """Return the files that stand at these places, by what makes them the same under another name."""
    found = {}
    for written, path in private.items():
        with contextlib.suppress(OSError, ValueError):
            status = path.stat()
            # Windows, for an entry of a folder, says nothing of this.
            if status.st_ino and stat.S_ISREG(status.st_mode):
                found[status.st_dev, status.st_ino] = written
    return found


def _levels(path: str) -> Iterator[str]:
    """Yield a path's folders near the top, and itself where it is near the top too."""
    parts = path.split("/") if path else []
    for depth in range(1, min(len(parts), _DEPTH) + 1):
        yield "/".join(parts[:depth])


def _look(folder: Path, name: str, patterns: Patterns) -> Look | None:
    path = folder / name
    # Of the ways to ask, this one takes a name that no file can have for one that none has.
    if not os.path.exists(path):  # noqa: PTH110
        return None
    is_kept = not patterns.leaves_out(posixpath.normpath(name))
    if not path.is_file():
        return Look(is_file=False, is_kept=is_kept)
    # Windows knows no such mode; what it sends to an engine is executable.
    is_executable = sys.platform == "win32" or bool(path.stat().st_mode & 0o111)
    return Look(is_file=True, is_kept=is_kept, is_executable=is_executable, text=_text(path, raw=True))


def _text(path: Path, *, raw: bool = False) -> str:
    """Return the beginning of a file's text, line ends as they are where ``raw``; empty where it is none."""
    try:
        data = read_beginning(path, _MAX_TEXT)
        return data.decode("utf-8", "replace") if raw else encoding.decode(data, path.name)
    except (OSError, SpecError):
        return ""
