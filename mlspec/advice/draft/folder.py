"""A folder of code, the options of the caller, and the choices for a first spec."""

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
    """What a folder holds: its name, the texts that :func:`is_read` asks for by their path, the folders in it.

    ``files`` are the paths of all files, those that are not read included.
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
    """The choices of the caller; the rest is guessed. An empty text leaves a key out."""

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
    """A key of the spec, what to write there (nothing where it is left to the reader), and why.

    Without a key it is a note on something that was found and left out; ``matters`` where the program may miss it.
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
    """The choices for a key, and the statements that were not used for it."""

    choices: tuple[Choice, ...] = ()
    left: tuple[Statement, ...] = ()


def is_read(path: str) -> bool:
    """Tell whether the text of this file, by its path within the folder, says something about the spec."""
    # A name that is not printable could not be written into a spec either.
    is_code = path.endswith(_CODE) and not posixpath.basename(path).startswith(".")
    return path.isprintable() and (is_code or is_of_a_tool(path) or is_requirement_file(path))


def pyproject(folder: Folder) -> Mapping[str, Any]:
    """Return what pyproject.toml says; nothing where there is none, or none that can be read."""
    return toml(folder.texts.get("pyproject.toml", ""))


def toml(text: str) -> Mapping[str, Any]:
    """Return the data of a TOML text; nothing where it cannot be read."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a table within a table; an empty one where there is none."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}
