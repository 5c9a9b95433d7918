"""Typed rows of ``data/writers.toml``: calls that write files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mlspec.facts.tables import frozen, table


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A call that writes a file or a folder, and its argument for the path; the table explains each field."""

    call: str = ""
    method: str = ""
    argument: int = 0
    keyword: tuple[str, ...] = ("file", "filename", "path", "name")
    mode: int = -1
    default: str = ""
    unless: tuple[str, ...] = ()
    is_folder: bool = False
    opens: bool = False
    needs_path: bool = False
    is_plain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultStore:
    """The default path of a library that writes files when one of its ``calls`` is made.

    The calls in ``decided_by`` and ``variables`` of the environment set another path.
    """

    calls: tuple[str, ...]
    decided_by: tuple[str, ...]
    variables: tuple[str, ...]
    path: str


@cache
def writers() -> tuple[Writer, ...]:
    """Return the calls that write files."""
    return tuple(Writer(**frozen(row)) for row in table("writers")["writer"])


@cache
def default_stores() -> tuple[DefaultStore, ...]:
    """Return the default paths of libraries that write files."""
    return tuple(DefaultStore(**frozen(row)) for row in table("writers")["default_stores"].values())


@cache
def taking_away() -> frozenset[str]:
    """Return the last names of calls that send a file elsewhere, or delete it."""
    return frozenset(table("writers")["elsewhere"]["calls"])
