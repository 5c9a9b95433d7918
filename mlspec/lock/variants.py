"""Typed rows of ``data/variants.toml``: packages in variants for accelerators, and extras for an accelerator."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

from packaging.requirements import Requirement as Pep508

from mlspec.facts.accelerator import Accelerator
from mlspec.facts.tables import frozen, table
from mlspec.facts.versions import parse_release
from mlspec.lock.requirements.requirement_types import Requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageVariant:
    """A package, perhaps with an extra, that does not fit some accelerators, and its replacement.

    ``instead`` maps kinds of accelerator (cpu, cuda, rocm) to the replacement; empty if there is none. The package does
    fit with an extra of ``needs``, or beside a package of ``unless``. If it has an ``index`` of its own, it also fits
    with any index of the user's.
    """

    package: str
    what: str
    instead: Mapping[str, str]
    extra: str = ""
    needs: str = ""
    unless: tuple[str, ...] = ()
    index: str = ""
    builds: tuple[str, ...] = ()

    def is_wrong(self, requirement: Requirement, kind: str, packages: Collection[str]) -> bool:
        """Return whether a requirement does not fit a kind of accelerator in an image with these packages."""
        if kind not in self.instead or not fnmatch.fnmatchcase(requirement.name, self.package):
            return False
        extras = extras_of(requirement)
        if self.extra and not matches_any(extras, self.extra):
            return False
        return not (self.needs and matches_any(extras, self.needs)) and not any(
            matches_any(packages, n) for n in self.unless
        )

    def index_for(self, cuda: str) -> str:
        """Return the address of the index for a CUDA version; empty if there is none.

        It is the index of the newest build that is no newer than ``cuda``. Without a version it is that of the newest
        build for CUDA 12, which the drivers of most hosts run.
        """
        major, *minor = parse_release(cuda or "12")
        fitting = [build for build in self.builds if parse_release(build)[0] == major]
        known = [build for build in fitting if not minor or parse_release(build)[1] <= minor[0]]
        return self.index.format(label=Accelerator("cuda", known[-1]).label) if known else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """Extras of a package that bring the CUDA packages of an image; ``data/variants.toml`` explains each field."""

    package: str
    extras: tuple[str, ...]
    majors: tuple[str, ...]
    default: str
    proof: str
    others: tuple[str, ...]
    platforms: tuple[str, ...] = ()
    is_alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Same:
    """Packages that install the same files, called ``what``; ``best`` is the one to keep, by kind of accelerator."""

    what: str
    packages: tuple[str, ...]
    best: Mapping[str, str]


def fitting_name(requirement: Requirement, kind: str) -> str:
    """Return the package to require in place of one that does not fit an accelerator; empty if none is known."""
    rows = (row for row in variants() if row.is_wrong(requirement, kind, ()))
    return next((row.instead[kind] for row in rows if row.instead[kind]), "")


def extras_of(requirement: Requirement) -> frozenset[str]:
    """Return the extras of a requirement from an index."""
    return frozenset(Pep508(requirement.text).extras) if requirement.kind == "index" else frozenset()


def matches_any(names: Collection[str], pattern: str) -> bool:
    """Return whether any of the names fits a pattern such as ``jax-cuda*``."""
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


# The rows


@cache
def variants() -> tuple[PackageVariant, ...]:
    """Return the known packages in variants."""
    return tuple(PackageVariant(**frozen(row)) for row in table("variants")["variant"])


@cache
def same() -> tuple[Same, ...]:
    """Return the packages that install the same files."""
    return tuple(Same(**frozen(row)) for row in table("variants")["same"])


@cache
def extra_rows() -> tuple[Extra, ...]:
    """Return the extras that follow from an accelerator."""
    return tuple(Extra(**frozen(row)) for row in table("variants")["extra"])


@cache
def bringers() -> tuple[str, ...]:
    """Return the packages that bring the libraries of CUDA in exact versions."""
    return tuple(table("variants")["bringers"])
