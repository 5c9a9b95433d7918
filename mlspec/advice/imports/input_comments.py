"""The comments of the input, attached to verdicts: the comments above a line, and the comment behind it."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import replace

from mlspec.advice.draft.readers.statements import shorten
from mlspec.advice.imports.verdicts import LineVerdict
from mlspec.text import without_login

_ABOVE = re.compile(r"\s*(?:#|//)(?!!)\s?(.*)")
_BEHIND = re.compile(r"""^(?:[^"'#]|"(?:\\.|[^"\\])*"|'[^']*'|(?<!\s)#)*\s#\s?(.*)$""")
# Comments with directives for a tool.
_DIRECTIVE = re.compile(r"\s*(?:syntax|escape|check|yaml-language-server|-\*-|!|noqa|type:|hadolint)\b", re.IGNORECASE)


def attach_comments(verdicts: Sequence[LineVerdict], text: str) -> tuple[LineVerdict, ...]:
    """Return the verdicts on a file, each with the comments directly above its line and the comment behind it."""
    # In the prose of a README, # begins a heading.
    if any(verdict.file.endswith((".md", ".rst")) for verdict in verdicts):
        return tuple(verdicts)
    lines = text.split("\n")
    taken = set[int]()
    found = list[LineVerdict]()
    judged = {verdict.number for verdict in verdicts}
    inner = {line for verdict in verdicts for line in range(verdict.number + 1, verdict.end + 1)}
    for verdict in verdicts:
        if not verdict.key or verdict.number in taken or not 1 <= verdict.number <= len(lines):
            found.append(verdict)
            continue
        taken.add(verdict.number)
        above = _find_above(lines, verdict.number, inner | judged)
        behind = _BEHIND.match(lines[verdict.number - 1]) if verdict.end == verdict.number else None
        remark = _clean(behind[1]) if behind else ""
        found.append(replace(verdict, comments=above, remark=remark))
    return tuple(found)


def _find_above(lines: Sequence[str], number: int, judged: Container[int]) -> tuple[str, ...]:
    """Return the comments above a line; lines of structure, such as ``build:``, may be in between."""
    found = list[str]()
    place = number - 1
    while place >= 1 and place not in judged and lines[place - 1].strip():
        if comment := _ABOVE.fullmatch(lines[place - 1]):
            found.insert(0, comment[1])
        place -= 1
    return tuple(filter(None, map(_clean, found)))


def _clean(comment: str) -> str:
    text = "".join(char for char in comment.strip() if char.isprintable())
    # A comment that may hold a secret is dropped, and logins are removed.
    return "" if _DIRECTIVE.match(text) or "***" in shorten(text) else without_login(text)
