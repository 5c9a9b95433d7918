"""Statements of another tool's file, one a line: carried over to the spec, changed, or left out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlspec.errors import SECRET_ENDINGS
from mlspec.spec import values as syntax
from mlspec.text import without_login

BUILD_STEP = "a build step: write it under run"
"""Why a step is left out."""

# Longer lines are cut: a message names the line, and the file has the rest.
_LONGEST = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of a file, and what becomes of it.

    With a ``key`` it is taken over, as ``value`` of that key of the spec; ``why`` then says what was changed on the
    way. Without a key it is left out, and ``why`` says the reason and what to do. ``matters`` tells whether the
    program may miss it: a package, a step, a variable or a start; not a label or a comment.
    """

    file: str
    number: int = 0
    text: str
    key: str = ""
    value: str | tuple[str, ...] = ""
    why: str = ""
    matters: bool = True
    package: str = ""
    """The package that is left out, as pip calls it."""

    @property
    def place(self) -> str:
        """The file, with the number of the line where there is one."""
        return f"{self.file}:{self.number}" if self.number else self.file

    @property
    def is_loss(self) -> bool:
        """Whether the program may miss what is left out here."""
        return not self.key and self.matters

    def leave(self, why: str, *, matters: bool = True) -> Statement:
        """Return the same statement, left out."""
        return replace(self, key="", value="", why=why, matters=matters)

    def __str__(self) -> str:
        """Return ``file:line: what: why`` for a person."""
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
        """Return the number of the first line behind line ``after`` that holds ``text``; 0 where none does."""
        numbered = enumerate(self.text.splitlines(), 1)
        return next((number for number, line in numbered if number > after and text in line), 0)

    def find_key(self, *path: str) -> int:
        """Return the number of the line of a TOML text on which a key, or else its table, begins; 0 where none does."""
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
        """Return the data of a TOML text; nothing where it cannot be read."""
        try:
            return tomllib.loads(self.text)
        except (tomllib.TOMLDecodeError, RecursionError):
            return {}

    def toml_problem(self) -> Iterator[Statement]:
        """Yield the reason why a TOML text cannot be read, where it cannot."""
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
    """Return a statement on one line as a message repeats it: without logins and control characters, cut when long."""
    line = without_login(_SECRET.sub(r"\1***", " ".join(text.split())))
    line = "".join(char for char in line if char.isprintable())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


_SECRET = re.compile(rf"(?i)\b((?:\w*_)?(?:{SECRET_ENDINGS})\s*[=:]\s*)[^\s,}}\]]+")


def carry_variable(source: ToolFile, number: int, text: str, name: str, value: str) -> Statement:
    """Return a variable that is taken over, unless it is a secret or could not stand in a spec."""
    if syntax.looks_secret(name, value):
        return source.leave(
            number, text, f"it is a secret: write secrets: [{name}], and set it where you run the image"
        )
    if not value.isprintable():
        return source.leave(number, text, "it holds a line break: write it under environment")
    try:
        syntax.environment_name(name)
    except syntax.Refused:
        return source.leave(number, text, "it is not the name of a variable")
    return source.carry(number, text, "environment", f"{name}={value}")


def carry_debian_package(source: ToolFile, number: int, word: str) -> Iterator[Statement]:
    """Yield a Debian package that is taken over, without its version where a spec could not have it.

    Nothing is yielded for what every image has.
    """
    name, is_pinned, _ = word.partition("=")
    if name in _BUILT_IN:
        return
    if re.fullmatch(r"python[23](?:\.\d+)?(?:-(?:dev|venv|distutils|minimal|full))?", name):
        yield source.leave(number, word, "the image has a Python of its own", matters=False)
    elif re.match(r"python[23]?(?:\.\d+)?-", name):
        why = "a module for Debian's Python, which the image's own does not see: require the package of pip"
        yield source.leave(number, word, why)
    elif _is_debian_package(word):
        yield source.carry(number, word, "apt", word)
    elif is_pinned and _is_debian_package(name):
        why = f"{name} is taken without its version, as a spec takes no pattern there"
        yield source.carry(number, word, "apt", name, why)
    else:
        yield source.leave(number, word, "it is not the name of a Debian package")


_BUILT_IN = {"python3", "python3-pip", "python3-dev", "python3-venv", "python", "python-is-python3"}


def _is_debian_package(word: str) -> bool:
    try:
        return bool(syntax.debian_package(word))
    except syntax.Refused:
        return False
