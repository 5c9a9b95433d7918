"""Typed rows of ``data/writers.toml``: calls by which programs write files."""

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
    """Where a library writes by itself once one of its ``calls`` is made, unless a call or a variable decides it."""

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
    """Return where libraries write by themselves."""
    return tuple(DefaultStore(**frozen(row)) for row in table("writers")["default_stores"].values())


@cache
def taking_away() -> frozenset[str]:
    """Return the last names of calls that take a file elsewhere, or away."""
    return frozenset(table("writers")["elsewhere"]["calls"])
