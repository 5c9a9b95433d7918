"""The patterns of an ignore file, interpreted as BuildKit does."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby


@dataclass(frozen=True, slots=True)
class _Group:
    """Successive patterns with the same effect: all keep paths, or all exclude paths."""

    keeps: bool
    matches: re.Pattern[str]
    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Patterns:
    """The patterns of one ignore file; paths have slashes, and are relative to ``place`` in the build context.

    The rules are those of github.com/moby/patternmatcher: the last pattern that matches a path or a folder above it
    decides.
    """

    groups: tuple[_Group, ...]
    place: str = ""

    def in_context(self, path: str) -> str:
        """Return a path from the build context."""
        return posixpath.normpath(posixpath.join(self.place, path)) if self.place else path

    def leaves_out(self, path: str) -> bool:
        """Tell whether the ignore file excludes the file or folder at ``path``."""
        return self._last(self.in_context(path)) is not None

    def hides(self, folder: str) -> bool:
        """Tell whether the ignore file excludes a folder with all files below it, so the walk can skip the folder."""
        place = self.in_context(folder)
        last = self._last(place)
        if last is None:
            return False
        below = f"{place}/"
        later = (prefix for group in self.groups[last + 1 :] if group.keeps for prefix in group.prefixes)
        return not any(prefix.startswith(below) or below.startswith(prefix) for prefix in later)

    def _last(self, path: str) -> int | None:
        """Return the number of the group that excludes ``path``, or None if the ignore file keeps it."""
        last = None
        for number, group in enumerate(self.groups):
            if group.keeps == (last is not None) and group.matches.fullmatch(path):
                last = None if group.keeps else number
        return last


def parse(text: str, place: str = "") -> Patterns:
    """Return the patterns in the text of an ignore file, for paths from the folder ``place`` of the build context."""
    groups = groupby(_lines(text), key=lambda line: line[0])
    return Patterns(tuple(_group(keeps, [pattern for _, pattern in lines]) for keeps, lines in groups), place)


# The characters that Go's strings.TrimSpace trims. Python's strip also trims some control characters.
_BLANK = "\t\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def _lines(text: str) -> Iterator[tuple[bool, str]]:
    for line in text.split("\n"):
        stripped = line.strip(_BLANK)
        if line.startswith("#") or not stripped:
            continue
        keeps = stripped.startswith("!")
        cleaned = posixpath.normpath(stripped[keeps:].strip(_BLANK)).lstrip("/")
        yield keeps, cleaned


def _group(keeps: bool, patterns: list[str]) -> _Group:
    # A pattern that matches a folder matches all paths below it.
    expression = "|".join(f"(?:{found})" for found in map(_expression, patterns))
    return _Group(keeps, re.compile(f"(?:{expression})(?:/.*)?", re.DOTALL), tuple(map(_prefix, patterns)))


def _prefix(pattern: str) -> str:
    """Return the common start of all matching paths, with a slash after a pattern without wildcards."""
    literal = re.match(r"[^*?\[\\]*", pattern)
    found = literal[0] if literal else ""
    return f"{found}/" if found == pattern else found


_PIECE = re.compile(r"\*\*/?$|\*\*/?|\*|\?|\\(.)|\[[^\]]+\]|.", re.DOTALL)


@cache
def _expression(pattern: str) -> str:
    behind = pattern.removeprefix("**")
    if behind != pattern and not re.search(r"[*?\\\[\]]", behind):
        # patternmatcher uses no regular expression here; it compares the ends of the paths.
        below = f"|{re.escape(behind[1:])}" if behind.startswith("/") else ""
        return f".*{re.escape(behind)}{below}"
    expression = "".join(map(_piece, _PIECE.finditer(pattern)))
    try:
        re.compile(expression)
    except re.error:
        return r"(?!)"  # BuildKit refuses such a file
    return expression


def _piece(found: re.Match[str]) -> str:
    piece = found[0]
    if piece.startswith("**"):
        # A dot in a regular expression of Go does not match a line break.
        return ".*" if found.end() == len(found.string) else "(?:[^\n]*/)?"
    if piece.startswith("\\") and found[1]:
        return re.escape(found[1])
    if len(piece) > 1:
        start = 2 if piece[1] == "^" else 1
        return piece[:start] + re.sub(r"([^\w-])", r"\\\1", piece[start:-1]) + "]"
    return {"*": "[^/]*", "?": "[^/]"}.get(piece, re.escape(piece))


def matches(pattern: str, paths: Iterable[str]) -> bool:
    """Tell whether a pattern matches any of ``paths``, or a folder above one of them."""
    group = _group(True, [pattern])
    return any(group.matches.fullmatch(path) for path in paths)
