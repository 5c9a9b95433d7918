"""Typed rows of ``data/system_libraries.toml``: what packages of Python need of Debian, and what Debian renamed."""

from __future__ import annotations

import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from mlspec.facts.debian import debian_releases
from mlspec.facts.tables import frozen, table


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemNeed:
    """What a package needs of the system: the words for a warning, the Debian packages, and a package that needs none.

    ``unless`` are packages that bring it along; ``only_asked`` is about packages that matter where the user names them.
    ``proof`` is Python that fails without what is needed, and works with it, as was ``proven`` with a version on a day.
    """

    package: str
    needs: str
    apt: tuple[str, ...]
    instead: str = ""
    unless: tuple[str, ...] = ()
    only_asked: bool = False
    proof: str = ""
    proven: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholePackage:
    """A package, in pip's syntax, whose wheels bring all that it needs; it causes no warning."""

    package: str
    proof: str
    proven: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenamedPackage:
    """A Debian package that is ``gone`` since a release, and what has taken its place."""

    old: str
    new: str
    gone: str


@cache
def needs() -> tuple[SystemNeed, ...]:
    """Return what packages are known to need of the system."""
    return tuple(SystemNeed(**frozen(row)) for row in table("system_libraries")["package"])


@cache
def whole_packages() -> tuple[WholePackage, ...]:
    """Return packages whose wheels are known to bring all that they need."""
    return tuple(WholePackage(**row) for row in table("system_libraries")["whole"])


@cache
def sonames() -> Mapping[str, Mapping[str, str]]:
    """Return the libraries that wheels are known to load and not to bring, with the package of each by release."""
    rows = table("sonames")["library"]
    return {row["soname"]: {key: value for key, value in row.items() if key != "soname"} for row in rows}


@cache
def _read_bringers() -> tuple[tuple[str, ...], Mapping[tuple[str, str], int]]:
    data = resources.files("mlspec.facts.data").joinpath("debian_brings.txt.xz").read_bytes()
    heading, *lines = lzma.decompress(data).decode("ascii").splitlines()
    release, sums = "", {}
    for line in lines:
        first, *names = line.split(" ")
        if first == "release":
            release = names[0]
        else:
            sums.update(dict.fromkeys(((release, name) for name in names), int(first, 16)))
    return tuple(heading.rpartition(": ")[2].split(" ")), sums


def brings(codename: str, apt: str, wanted: str) -> bool:
    """Return whether a Debian package brings another of those with libraries along, or is it."""
    names, sums = _read_bringers()
    known = sums.get((codename, apt), 0)
    return apt == wanted or (wanted in names and bool(known >> names.index(wanted) & 1))


@cache
def bringing(apt: str) -> tuple[str, ...]:
    """Return the Debian packages that bring this one along."""
    return tuple(row["apt"] for row in table("system_libraries")["brings"] if apt in row["brings"])


@cache
def renamed_packages() -> tuple[RenamedPackage, ...]:
    """Return the Debian packages that have another name since some release."""
    return tuple(RenamedPackage(**row) for row in table("system_libraries")["renamed"])


def current_name(package: str, codename: str) -> str:
    """Return the name that a Debian package of an earlier release has in this one."""
    order = [release.codename for release in debian_releases()]
    if codename not in order:
        return package
    rows = (row for row in renamed_packages() if order.index(row.gone) <= order.index(codename))
    return next((current_name(row.new, codename) for row in rows if row.old == package), package)
