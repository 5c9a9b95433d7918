"""Typed rows of ``data/programs.toml``: programs that containers start, and the packages that bring them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from mlspec.facts.tables import frozen, table


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemProgram:
    """A system program: the Debian packages and the Python packages that bring it."""

    apt: tuple[str, ...]
    packages: tuple[str, ...] = ()
    is_in_full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapper:
    """A program that only starts another program; ``run`` is True if that one comes after the word ``run``.

    ``options`` are its options with a value.
    """

    run: bool
    options: tuple[str, ...] = ()


@cache
def console_programs() -> Mapping[str, tuple[str, ...]]:
    """Return the packages that bring a program, by its name, or by its name and first argument."""
    return {name: tuple(packages) for name, packages in table("programs")["console"].items()}


def packages_of(words: Sequence[str]) -> tuple[str, ...]:
    """Return the packages that bring the program of a command; none if it is unknown."""
    known = console_programs()
    return known.get(" ".join(words[:2])) or (known.get(words[0], ()) if words else ())


@cache
def system_programs() -> Mapping[str, SystemProgram]:
    """Return the system programs that a slim image lacks, by their names."""
    return {name: SystemProgram(**frozen(row)) for name, row in table("programs")["system"].items()}


@cache
def wrappers() -> Mapping[str, Wrapper]:
    """Return the programs that only start another program, by their names."""
    return {name: Wrapper(**frozen(row)) for name, row in table("programs")["wrapper"].items()}


@cache
def slim_programs() -> frozenset[str]:
    """Return the names of the programs in a slim image, except Python itself."""
    return frozenset(table("programs")["slim"].split())
