"""Typed rows of ``data/system_libraries.toml``: Debian packages that Python packages need, and renamed packages."""

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
    """The system packages that a Python package needs: the words for a warning, the Debian packages, an alternative.

    ``instead`` is a Python package without the need. ``unless`` are packages that already bring the Debian packages.
    With ``only_asked``, the row is about a package that matters only if the user names it. ``proof`` is Python code
    that fails without the Debian packages and works with them; ``proven`` has the version and the day of that proof.
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
class CodeNeed:
    """The system packages that code needs if it imports one of the modules, or makes one of the calls."""

    needs: str
    apt: tuple[str, ...]
    imports: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WholePackage:
    """A package, in pip's syntax, whose wheels bring all their libraries; it causes no warning."""

    package: str
    proof: str
    proven: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenamedPackage:
    """A Debian package that is ``gone`` since a release, and its replacement."""

    old: str
    new: str
    gone: str


@cache
def needs() -> tuple[SystemNeed, ...]:
    """Return the known system needs of packages."""
    return tuple(SystemNeed(**frozen(row)) for row in table("system_libraries")["package"])


@cache
def code_needs() -> tuple[CodeNeed, ...]:
    """Return the known system needs of imports and calls."""
    return tuple(CodeNeed(**frozen(row)) for row in table("system_libraries")["code"])


@cache
def whole_packages() -> tuple[WholePackage, ...]:
    """Return packages whose wheels are known to bring all their libraries."""
    return tuple(WholePackage(**row) for row in table("system_libraries")["whole"])


@cache
def sonames() -> Mapping[str, Mapping[str, str]]:
    """Return the libraries that wheels load but do not bring, with the Debian package of each by release."""
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
    """Return whether a Debian package is, or depends on, a ``wanted`` package of libraries."""
    names, sums = _read_bringers()
    known = sums.get((codename, apt), 0)
    return apt == wanted or (wanted in names and bool(known >> names.index(wanted) & 1))


@cache
def bringing(apt: str) -> tuple[str, ...]:
    """Return the Debian packages that bring a Debian package along."""
    return tuple(row["apt"] for row in table("system_libraries")["brings"] if apt in row["brings"])


@cache
def renamed_packages() -> tuple[RenamedPackage, ...]:
    """Return the Debian packages with a new name since some release."""
    return tuple(RenamedPackage(**row) for row in table("system_libraries")["renamed"])


def current_name(package: str, codename: str) -> str:
    """Return the name that a Debian package has in this release."""
    order = [release.codename for release in debian_releases()]
    if codename not in order:
        return package
    rows = (row for row in renamed_packages() if order.index(row.gone) <= order.index(codename))
    return next((current_name(row.new, codename) for row in rows if row.old == package), package)
