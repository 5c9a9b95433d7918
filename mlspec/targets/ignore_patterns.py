"""The patterns of an ignore file, as BuildKit reads them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True, slots=True)
class _Group:
    """Patterns that stand one below the other and say the same: keep, or leave out."""

    keeps: bool
    matches: re.Pattern[str]
    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Patterns:
    """Which paths of a folder an ignore file leaves out; paths are relative to it, with slashes.

    The rules are those of github.com/moby/patternmatcher: the last pattern that fits a path or a folder above decides.
    """

    groups: tuple[_Group, ...]

    def leaves_out(self, path: str) -> bool:
        """Return whether the file or folder at ``path`` is left out."""
        return self._last(path) is not None

    def hides(self, folder: str) -> bool:
        """Return whether a folder is left out with everything below it, so that nobody needs to look there."""
        last = self._last(folder)
        if last is None:
            return False
        below = f"{folder}/"
        later = (prefix for group in self.groups[last + 1 :] if group.keeps for prefix in group.prefixes)
        return not any(prefix.startswith(below) or below.startswith(prefix) for prefix in later)

    def _last(self, path: str) -> int | None:
        """Return the number of the group that leaves ``path`` out; none where it is kept."""
        last = None
        for number, group in enumerate(self.groups):
            if group.keeps == (last is not None) and group.matches.fullmatch(path):
                last = None if group.keeps else number
        return last


def parse(text: str) -> Patterns:
    """Return the patterns in the text of an ignore file."""
    groups = groupby(_lines(text), key=lambda line: line[0])
    return Patterns(tuple(_group(keeps, [pattern for _, pattern in lines]) for keeps, lines in groups))


# What Go's strings.TrimSpace trims; Python's strip takes some control characters more.
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
    # What fits a folder fits everything below it.
    expression = "|".join(f"(?:{found})" for found in map(_expression, patterns))
    return _Group(keeps, re.compile(f"(?:{expression})(?:/.*)?", re.DOTALL), tuple(map(_prefix, patterns)))


def _prefix(pattern: str) -> str:
    """Return what every path that fits begins with: a whole name is followed by a slash."""
    literal = re.match(r"[^*?\[\\]*", pattern)
    found = literal[0] if literal else ""
    return f"{found}/" if found == pattern else found


_PIECE = re.compile(r"\*\*/?$|\*\*/?|\*|\?|\\(.)|\[[^\]]+\]|.", re.DOTALL)


def _expression(pattern: str) -> str:
    behind = pattern.removeprefix("**")
    if behind != pattern and not re.search(r"[*?\\\[\]]", behind):
        # No expression there but a comparison of the ends.
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
        # A dot of Go's expressions is no line break.
        return ".*" if found.end() == len(found.string) else "(?:[^\n]*/)?"
    if piece.startswith("\\") and found[1]:
        return re.escape(found[1])
    if len(piece) > 1:
        start = 2 if piece[1] == "^" else 1
        return piece[:start] + re.sub(r"([^\w-])", r"\\\1", piece[start:-1]) + "]"
    return {"*": "[^/]*", "?": "[^/]"}.get(piece, re.escape(piece))


def matches(pattern: str, paths: Iterable[str]) -> bool:
    """Return whether a pattern fits any of ``paths`` or a folder above one."""
    group = _group(True, [pattern])
    return any(group.matches.fullmatch(path) for path in paths)
