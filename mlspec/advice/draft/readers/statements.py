"""The statements of other tools' files, each carried over to the spec, changed, or left out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlspec.errors import SECRET_ENDINGS
from mlspec.spec.values import Refused, debian_package, environment_name, looks_secret
from mlspec.text import without_login

BUILD_STEP = "a build step: write it under run"
"""The reason for a build step that is left out."""

# Messages cut longer lines: they name the line, and the file has the rest.
_LONGEST = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of a file, and its outcome.

    A statement with a ``key`` is taken over as ``value`` of this key of the spec; ``why`` then describes the change, if
    any. A statement without a key is left out; ``why`` then has the reason and a hint. ``matters`` tells whether the
    program may miss the statement: a package, a step, a variable or a start matters, a label or a comment does not.
    """

    file: str
    number: int = 0
    text: str
    key: str = ""
    value: str | tuple[str, ...] = ""
    why: str = ""
    matters: bool = True
    package: str = ""
    """The package that is left out, by its name for pip."""

    @property
    def place(self) -> str:
        """The file, with the line number if there is one."""
        return f"{self.file}:{self.number}" if self.number else self.file

    @property
    def is_loss(self) -> bool:
        """Whether this statement is left out and the program may miss it."""
        return not self.key and self.matters

    def leave(self, why: str, *, matters: bool = True) -> Statement:
        """Return the same statement, left out."""
        return replace(self, key="", value="", why=why, matters=matters)

    def __str__(self) -> str:
        """Return ``file:line: text: reason`` for a message."""
        what = f"{self.place}: {self.text}" if self.text else self.place
        return f"{what}: {self.why}" if self.key else f"{what}: left out: {self.why}"


@dataclass(frozen=True, slots=True)
class ToolFile:
    """A file of another tool: its path and its text."""

    file: str
    text: str

    def carry(self, number: int, text: str, key: str, value: str | tuple[str, ...], why: str = "") -> Statement:
        """Return a statement that a spec takes over."""
        return Statement(file=self.file, number=number, text=shorten(text), key=key, value=value, why=why)

    def leave(self, number: int, text: str, why: str, *, matters: bool = True) -> Statement:
        """Return a statement that is left out."""
        return Statement(file=self.file, number=number, text=shorten(text), why=why, matters=matters)

    def find(self, text: str, after: int = 0) -> int:
        """Return the number of the first line behind line ``after`` that has ``text``; 0 if there is none."""
        numbered = enumerate(self.text.splitlines(), 1)
        return next((number for number, line in numbered if number > after and text in line), 0)

    def find_key(self, *path: str) -> int:
        """Return the number of the line of a TOML text with a key, or else with its table; 0 if there is none."""
        table, found = "", 0
        for number, line in enumerate(self.text.splitlines(), 1):
            words = line.strip().replace('"', "").replace("'", "")
            if header := re.match(r"\[{1,9}\s*([^\]]+?)\s*\]+", words):
                table = header[1]
                found = found or (number if table.startswith(".".join(path)) else 0)
            elif "=" in words and ".".join(filter(None, (table, words.partition("=")[0].strip()))) == ".".join(path):
                return number
        return found or (self.find_key(*path[:-1]) if len(path) > 1 else 0)

    def toml(self) -> Mapping[str, Any]:
        """Return the data of a TOML text; empty if it cannot be parsed."""
        try:
            return tomllib.loads(self.text)
        except (tomllib.TOMLDecodeError, RecursionError):
            return {}

    def toml_problem(self) -> Iterator[Statement]:
        """Yield the reason why a TOML text cannot be parsed, if so."""
        try:
            tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            place = re.search(r"\(at line (\d+)", str(error))
            number = int(place[1]) if place else len(self.text.splitlines())
            yield self.leave(number, "", f"it cannot be read as TOML: {_sentence(str(error))}")
        except RecursionError:
            yield self.leave(0, "", "it cannot be read as TOML: it is nested too deeply")


def _sentence(error: str) -> str:
    said = re.sub(r"\s*\(at [^)]*\)", "", error)
    return said[:1].lower() + said[1:]


def shorten(text: str) -> str:
    """Return a text for a message: one line without logins, secrets and control characters, cut if it is long."""
    line = without_login(_SECRET.sub(r"\1***", " ".join(text.split())))
    line = "".join(char for char in line if char.isprintable())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


_SECRET = re.compile(rf"(?i)\b((?:\w*_)?(?:{SECRET_ENDINGS})\s*[=:]\s*)[^\s,}}\]]+")


def carry_variable(source: ToolFile, number: int, text: str, name: str, value: str) -> Statement:
    """Return the statement that carries a variable over, or leaves out a secret or an invalid variable."""
    if looks_secret(name, value):
        return source.leave(
            number, text, f"it is a secret: write secrets: [{name}], and set it where you run the image"
        )
    if not value.isprintable():
        return source.leave(number, text, "it contains a line break: write it under environment")
    try:
        environment_name(name)
    except Refused:
        return source.leave(number, text, "it is not the name of a variable")
    return source.carry(number, text, "environment", f"{name}={value}")


def carry_debian_package(source: ToolFile, number: int, word: str) -> Iterator[Statement]:
    """Yield the statement that carries a Debian package over, without a version that a spec does not allow.

    A package that every image has yields nothing.
    """
    name, is_pinned, _ = word.partition("=")
    if name in _BUILT_IN:
        return
    if re.fullmatch(r"python[23](?:\.\d+)?(?:-(?:dev|venv|distutils|minimal|full))?", name):
        yield source.leave(number, word, "the image has its own Python", matters=False)
    elif re.match(r"python[23]?(?:\.\d+)?-", name):
        why = "a module for Debian's Python, not for the image's: write pip's package under requirements"
        yield source.leave(number, word, why)
    elif _is_debian_package(word):
        yield source.carry(number, word, "apt", word)
    elif is_pinned and _is_debian_package(name):
        why = f"mlspec takes {name} without its version: a spec allows no pattern there"
        yield source.carry(number, word, "apt", name, why)
    else:
        yield source.leave(number, word, "it is not the name of a Debian package")


_BUILT_IN = {"python3", "python3-pip", "python3-dev", "python3-venv", "python", "python-is-python3"}


def _is_debian_package(word: str) -> bool:
    try:
        return bool(debian_package(word))
    except Refused:
        return False
