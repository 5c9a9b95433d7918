"""The parser of a plain sequence of shell commands, each with its place in the script."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"""\\.|["'`]|&&|\|\||[;\n()|&]|[^\\"'`;\n()|&]+""", re.DOTALL)
_COMPOUND = re.compile(
    r"(?:if|then|else|elif|fi|for|while|until|do|done|case|esac|function|select|\{|\})(?=\s|$)|\w+\s*\(\)"
)


@dataclass(frozen=True, slots=True)
class ScriptCommand:
    """One command with its pipes and alternatives, and its offset in the script."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset of the last character in the script."""
        return self.start + len(self.text) - 1


@dataclass(frozen=True, slots=True)
class ScriptWord:
    """A word of a command, without its quotes, and its offset in the script."""

    text: str
    start: int


def split_script(script: str) -> tuple[ScriptCommand, ...] | None:
    """Return the commands of a script that run in sequence; None if it has loops, conditions or groups."""
    commands = tuple(_split(script))
    if any(_COMPOUND.match(command.text) or command.text.startswith("(") for command in commands):
        return None
    return commands


def _split(script: str) -> Iterator[ScriptCommand]:
    start = depth = 0
    quote = ""
    for token in _TOKEN.finditer(script):
        text = token[0]
        if quote:
            quote = "" if text == quote else quote
        elif text in {'"', "'", "`"}:
            quote = text
        elif text == "(":
            depth += 1
        elif text == ")":
            depth -= 1
        elif depth <= 0 and text in {"&&", ";", "\n"}:
            yield from _command(script, start, token.start())
            start = token.end()
    yield from _command(script, start, len(script))


def _command(script: str, start: int, end: int) -> Iterator[ScriptCommand]:
    text = script[start:end]
    bare = text.strip()
    if bare and not bare.startswith("#"):
        yield ScriptCommand(bare, start + len(text) - len(text.lstrip()))


_WORD = re.compile(r"""(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|[^\s\\"'])+""", re.DOTALL)


def split_words(command: ScriptCommand) -> tuple[ScriptWord, ...] | None:
    """Return the words of a command; None if it has pipes, redirections, substitutions or an open quote."""
    words = list[ScriptWord]()
    for found in _WORD.finditer(command.text):
        written = found[0]
        if re.match(r"(?:\d?[<>]|\||&)", written) or re.search(r"`|\$\(", written):
            return None
        try:
            texts = shlex.split(written)
        except ValueError:
            return None
        words += [ScriptWord(text, command.start + found.start()) for text in texts[:1]]
    return tuple(words)
