"""The commands of a RUN: what apt and pip install is taken over, and every other step is named."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from mlspec.advice.draft.readers.pip import read_pip_command
from mlspec.advice.draft.readers.statements import BUILD_STEP, Statement, ToolFile, carry_debian_package

# What only clears up behind apt and pip, or lists what they may install: mlspec does that by itself.
_HOUSEKEEPING = re.compile(
    r"apt(?:-get)?\s+(?:-\S+\s+)*(?:update|clean|autoremove|autoclean|purge)\b.*|rm\s+-\S+\s+/var/lib/apt/\S+.*"
    r"|rm\s+-\S+\s+(?:/root/\.cache|/tmp/|~/\.cache)\S*.*|(?:python3?\s+-m\s+)?pip3?\s+cache\s+purge|set\s+-\S+.*|true|:"
)
_PIP = re.compile(r"(?:sudo\s+)?(?:(?:/\S+/)?python[\d.]*\s+-m\s+)?(?:/\S+/)?pip[\d.]*\s+(?:-\S+\s+)*install\s+(.+)")
_UV = re.compile(r"uv\s+pip\s+install\s+(.+)")
_APT = re.compile(r"(?:sudo\s+)?(?:\w+=\S+\s+)*apt(?:-get)?\s+(?:-\S+\s+)*install\s+(.+)")
_USERS = re.compile(r"(?:useradd|adduser|groupadd|addgroup|usermod)\b")


def split_commands(text: str) -> Iterator[str]:
    """Yield the commands of a shell's line, split where quotes do not keep it together."""
    part, quote = "", ""
    for token in re.split(r"""(\\.|["']|&&|\|\||;|\n)""", text):
        if token in {'"', "'"} and (not quote or quote == token):
            quote = "" if quote else token
        if token in {"&&", ";", "\n", "||"} and not quote:
            if part.strip():
                yield part.strip()
            part = ""
        else:
            part += token
    if part.strip():
        yield part.strip()


def read_run(source: ToolFile, number: int, written: str, command: str) -> Iterator[Statement]:
    """Yield what one command of a RUN says; ``command`` is as ``written``, with its variables."""
    if _HOUSEKEEPING.fullmatch(command):
        return
    if installed := _APT.fullmatch(command):
        yield from _read_apt(source, number, _split(installed[1]))
    elif (installed := _PIP.fullmatch(command) or _UV.fullmatch(command)) and _is_plain(installed[1]):
        yield from read_pip_command(source, number, _split(installed[1]))
    elif _USERS.match(command):
        why = "mlspec has a user without rights of its own"
        yield source.leave(number, f"RUN {written}", why, matters=False)
    else:
        yield source.leave(number, f"RUN {written}", BUILD_STEP)


def _is_plain(text: str) -> bool:
    """Tell whether the words behind a command are its arguments, and nothing that only a shell understands."""
    return not any(re.match(r"[|<>]|\d?>", word) or "`" in word or "$(" in word for word in _split(text))


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _read_apt(source: ToolFile, number: int, words: list[str]) -> Iterator[Statement]:
    for word in words:
        if not word.startswith("-"):
            yield from carry_debian_package(source, number, word)
