"""The parser of the simple commands of a shell script."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

_OPERATORS = {";", "&", "|", "&&", "||", ";;", "|&"}
_OPENING = {"if", "for", "while", "until", "case", "{", "("}
_CLOSING = {"fi", "done", "esac", "}", ")"}
_KEYWORDS = {"then", "else", "elif", "do", "!", "in"}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """One command of a script: its words, without the assignments in front of them, and its position.

    ``follows`` is the operator behind the command, empty at the end of a line. ``depth`` is the number of ``if``, loops
    and functions around the command. ``is_exec`` tells whether the command replaces the shell.
    """

    words: tuple[str, ...]
    line: int
    follows: str = ""
    depth: int = 0
    is_exec: bool = False
    is_behind_pipe: bool = False


def parse_commands(text: str) -> tuple[ShellCommand, ...] | None:
    """Return the commands of a shell script in order; None for a script with a here-document or an open quote."""
    found: list[ShellCommand] = []
    depth = 0
    for line, logical in _lines(text):
        if "<<" in logical:
            return None
        try:
            lexer = shlex.shlex(logical, posix=True, punctuation_chars=";&|()")
            lexer.whitespace_split = True
            words = list(lexer)
        except ValueError:
            return None
        depth = _take(words, line, depth, found)
    return tuple(found)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the logical lines of a script, each with the number of its first line; a final backslash joins lines."""
    start, joined = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        start = start if joined else number
        if line.endswith("\\"):
            joined += f"{line[:-1]} "
            continue
        yield start, joined + line
        joined = ""
    if joined:
        yield start, joined


def _take(words: list[str], line: int, depth: int, found: list[ShellCommand]) -> int:
    """Append the commands of one line to ``found``, and return the depth behind the line."""
    current: list[str] = []
    is_behind_pipe = False

    def end(operator: str) -> None:
        nonlocal current, is_behind_pipe
        while current and _ASSIGNMENT.fullmatch(current[0]):
            current = current[1:]
        if current:
            is_exec = current[0] == "exec"
            plain = tuple(current[1:] if is_exec else current)
            found.append(ShellCommand(plain, line, operator, depth, is_exec, is_behind_pipe))
        current, is_behind_pipe = [], operator in {"|", "|&"}

    for word in words:
        if word in _OPERATORS:
            end(word)
        elif not current and word in _KEYWORDS:
            continue
        elif word in _OPENING and (not current or word in {"{", "("}):
            end("{")
            depth += 1
        elif word in _CLOSING and (not current or word in {")"}):
            end("")
            depth = max(0, depth - 1)
        elif word == "()":
            current = []
        else:
            current.append(word)
    end("")
    return depth
