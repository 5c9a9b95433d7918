"""The input and the choices of a first spec: the folder of code, and the options of the caller."""

from __future__ import annotations

import posixpath
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlspec.advice.draft.readers import Statement, is_of_a_tool, is_requirement_file

REQUIREMENT_FILES = ("requirements.in", "requirements.txt")
_CODE = (".py", ".ipynb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder of code: its name, the texts of the files that :func:`is_read` selects, by path, and its subfolders.

    ``files`` are the paths of all files, including files that are not read.
    """

    name: str
    texts: Mapping[str, str]
    folders: tuple[str, ...] = ()
    files: frozenset[str] = frozenset()

    def has(self, path: str) -> bool:
        """Return whether there is a file, or a folder with files, at a path."""
        known = self.files | self.texts.keys()
        return path in known or any(other.startswith(f"{path}/") for other in known)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftOptions:
    """The options of the caller; other keys are guessed. An empty text leaves a key out."""

    name: str | None = None
    python: str | None = None
    base: str | None = None
    accelerator: str | None = None
    requirements: tuple[str, ...] = ()
    apt: tuple[str, ...] = ()
    entrypoint: str | None = None
    ports: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A key of the spec, its value (empty if the reader has to decide), and the reason.

    A choice without a key is a note on something that was left out; ``matters`` if the program may miss it.
    """

    key: str
    value: str | tuple[str, ...]
    why: str
    matters: bool = False

    def __str__(self) -> str:
        value = self.value if isinstance(self.value, str) else ", ".join(self.value)
        return f"{self.key}: {value or 'left out'} ({self.why})" if self.key else f"{value}: left out ({self.why})"


@dataclass(frozen=True, slots=True)
class Decision:
    """The choices for a part of the spec, and the statements that were not used for them."""

    choices: tuple[Choice, ...] = ()
    left: tuple[Statement, ...] = ()


def is_read(path: str) -> bool:
    """Return whether a draft reads the file at this path within the folder."""
    # A spec cannot hold a name that is not printable.
    is_code = path.endswith(_CODE) and not posixpath.basename(path).startswith(".")
    return path.isprintable() and (is_code or is_of_a_tool(path) or is_requirement_file(path))


def pyproject(folder: Folder) -> Mapping[str, Any]:
    """Return the data of pyproject.toml; empty if the file is missing or cannot be parsed."""
    return toml(folder.texts.get("pyproject.toml", ""))


def toml(text: str) -> Mapping[str, Any]:
    """Return the data of a TOML text; empty if it cannot be parsed."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a table within a table; empty if there is none."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}
