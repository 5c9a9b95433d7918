"""The reader of the commands of a RUN: packages of apt and pip are taken over, other steps are left out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from mlspec.advice.draft.readers.pip import read_pip_command
from mlspec.advice.draft.readers.statements import BUILD_STEP, Statement, ToolFile, carry_debian_package

# Commands that clean up after apt and pip, or update apt's package lists: mlspec does this by itself.
_HOUSEKEEPING = re.compile(
    r"apt(?:-get)?\s+(?:-\S+\s+)*(?:update|clean|autoremove|autoclean|purge)\b.*|rm\s+-\S+\s+/var/lib/apt/\S+.*"
    r"|rm\s+-\S+\s+(?:/root/\.cache|/tmp/|~/\.cache)\S*.*|(?:python3?\s+-m\s+)?pip3?\s+cache\s+purge|set\s+-\S+.*|true|:"
)
_PIP = re.compile(r"(?:sudo\s+)?(?:(?:/\S+/)?python[\d.]*\s+-m\s+)?(?:/\S+/)?pip[\d.]*\s+(?:-\S+\s+)*install\s+(.+)")
_UV = re.compile(r"uv\s+pip\s+install\s+(.+)")
_APT = re.compile(r"(?:sudo\s+)?(?:\w+=\S+\s+)*apt(?:-get)?\s+(?:-\S+\s+)*install\s+(.+)")
_USERS = re.compile(r"(?:useradd|adduser|groupadd|addgroup|usermod)\b")


def split_commands(text: str) -> Iterator[str]:
    """Yield the commands of a shell line, split at operators outside of quotes."""
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
    """Yield the statements of one command of a RUN; ``command`` is ``written`` with its variables expanded."""
    if _HOUSEKEEPING.fullmatch(command):
        return
    if installed := _APT.fullmatch(command):
        yield from _read_apt(source, number, _split(installed[1]))
    elif (installed := _PIP.fullmatch(command) or _UV.fullmatch(command)) and _is_plain(installed[1]):
        yield from read_pip_command(source, number, _split(installed[1]))
    elif _USERS.match(command):
        why = "images of mlspec already have a user without privileges"
        yield source.leave(number, f"RUN {written}", why, matters=False)
    else:
        yield source.leave(number, f"RUN {written}", BUILD_STEP)


def _is_plain(text: str) -> bool:
    """Return whether a text has only arguments, and no syntax of a shell such as pipes and redirections."""
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
