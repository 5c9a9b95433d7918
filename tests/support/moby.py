"""A port of BuildKit's reader of ignore files: github.com/moby/patternmatcher v0.6.0, ignorefile, patternmatcher.go.

The port is independent of mlspec's reader and follows the original line by line, including its bugs: patternmatcher.go
does not escape all special characters of regular expressions.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator

# shouldEscape of patternmatcher.go: its byte of flags is too small for "|", "{" and "}", so these are not escaped.
_ESCAPED = ".+()$"
BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""The characters that Go's strings.TrimSpace trims."""


def left_out(text: str, path: str) -> bool:
    """Tell whether an ignore file excludes a path, like MatchesOrParentMatches of patternmatcher.go."""
    out = False
    parts = path.split("/")
    for keeps, fits in _patterns(text):
        if keeps == out and any(fits("/".join(parts[: number + 1])) for number in range(len(parts))):
            out = not keeps
    return out


def _patterns(text: str) -> Iterator[tuple[bool, Callable[[str], bool]]]:
    for line in text.split("\n"):
        pattern = line.strip(BLANKS)
        if line.startswith("#") or not pattern:
            continue
        keeps = pattern.startswith("!")
        pattern = posixpath.normpath(pattern[keeps:].strip(BLANKS))
        yield keeps, _compiled(pattern[1:] if len(pattern) > 1 and pattern.startswith("/") else pattern)


def _compiled(pattern: str) -> Callable[[str], bool]:
    kind, expression, place, number = "exact", "^", 0, 0
    while place < len(pattern):
        character, place = pattern[place], place + 1
        if character == "*" and pattern[place : place + 1] == "*":
            place += 1 + (pattern[place + 1 : place + 2] == "/")
            if place >= len(pattern):
                kind, expression = ("prefix", expression) if kind == "exact" else ("regexp", f"{expression}.*")
            else:
                kind, expression = "regexp", f"{expression}(.*/)?"
            kind = "suffix" if number == 0 else kind
        elif character in "*?":
            kind, expression = "regexp", f"{expression}[^/]{'*' * (character == '*')}"
        elif character in _ESCAPED:
            expression += f"\\{character}"
        elif character == "\\" and place < len(pattern):
            kind, expression, place = "regexp", f"{expression}\\{pattern[place]}", place + 1
        else:
            kind = "regexp" if character in "[]" else kind
            # Python would warn of a bracket inside brackets, which Go reads as a literal.
            expression += "\\[" if expression.endswith("[") and character == "[" else character
        number += 1
    if kind == "regexp":
        found = re.compile(f"{expression}\\Z")
        return lambda path: found.search(path) is not None
    if kind == "prefix":
        return lambda path: path.startswith(pattern[:-2])
    if kind == "suffix":
        behind = pattern[2:]
        return lambda path: path.endswith(behind) or (behind[:1] == "/" and path == behind[1:])
    return lambda path: path == pattern
