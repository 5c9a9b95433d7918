"""A bounded look at what of a project's folder would be copied into its image."""

from __future__ import annotations

import contextlib
import os
import posixpath
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mlspec.advice.lint import Context, Look, Weight, is_read
from mlspec.errors import SpecError
from mlspec.spec import encoding
from mlspec.targets.ignore_patterns import Patterns

_MAX_ENTRIES = 40_000
# One folder of a million files must not hide the others; more than enough to be warned of.
_MAX_ENTRIES_EACH = 12_000
_MAX_SECONDS = 1.0
_MAX_TEXTS = 300
_MAX_TEXT = 200_000
_DEPTH = 3


@dataclass(slots=True)
class _Survey:
    folder: Path
    patterns: Patterns
    weights: dict[str, Weight] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    is_whole: bool = True


def survey(folder: Path, patterns: Patterns, asked: Iterable[str]) -> Context:
    """Return what of ``folder`` the patterns keep, and a look at the paths ``asked`` for.

    It stops after some thousand entries or one second; what was not counted by then is said to be more.
    """
    found = _Survey(folder, patterns)
    until = time.monotonic() + _MAX_SECONDS
    todo = deque([""])
    while todo:
        place = todo.popleft()
        if time.monotonic() > until:
            _stopped(found, place)
        else:
            todo += _looked_through(found, place)
    looks = {path: _look(folder, path, patterns) for path in asked}
    return Context(
        weights=found.weights,
        texts=found.texts,
        looks=looks,
        kept=frozenset(found.kept),
        names=frozenset(found.names),
        is_whole=found.is_whole,
    )


def _looked_through(found: _Survey, place: str) -> list[str]:
    """Take in the files of one folder, and return the folders in it."""
    folders = []
    for entry, path in _entries(found.folder, place):
        if not _counts(found, path):
            _stopped(found, place)
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


def _counts(found: _Survey, path: str) -> bool:
    """Count one entry, and return whether there is room for it: in all, and in its folder at the top."""
    top = path.partition("/")[0] if "/" in path else ""
    found.counts[top] = found.counts.get(top, 0) + 1
    return found.counts[top] <= _MAX_ENTRIES_EACH and sum(found.counts.values()) <= _MAX_ENTRIES


def _stopped(found: _Survey, place: str) -> None:
    found.is_whole = False
    for path in _levels(place):
        before = found.weights.get(path, Weight())
        found.weights[path] = Weight(before.size, before.files, is_whole=False)


def _add(found: _Survey, entry: os.DirEntry[str], path: str) -> None:
    size = entry.stat(follow_symlinks=False).st_size
    found.kept.add(path)
    for level in _levels(path):
        before = found.weights.get(level, Weight())
        found.weights[level] = Weight(before.size + size, before.files + 1, before.is_whole)
    if is_read(path) and len(found.texts) < _MAX_TEXTS and size <= _MAX_TEXT:
        found.texts[path] = _text(found.folder / path)


def _levels(path: str) -> Iterator[str]:
    """Yield a path's folders near the top, and itself where it is near the top too."""
    parts = path.split("/") if path else []
    for depth in range(1, min(len(parts), _DEPTH) + 1):
        yield "/".join(parts[:depth])


def _look(folder: Path, name: str, patterns: Patterns) -> Look | None:
    path = folder / name
    if not path.exists():
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
        with path.open("rb") as file:
            data = file.read(_MAX_TEXT)
        return data.decode("utf-8", "replace") if raw else encoding.decode(data, path.name)
    except (OSError, SpecError):
        return ""
