"""Typed rows of ``data/compilers.toml``: the requirements for compiling packages and for loading them afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from mlspec.facts.tables import frozen, table
from mlspec.facts.versions import parse_release


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A language: its file suffixes, and the Debian packages of its compiler (``other`` by release)."""

    name: str
    suffixes: tuple[str, ...]
    apt: tuple[str, ...] = ()
    other: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def compilers(self, codename: str) -> tuple[str, ...]:
        """Return the Debian packages of the compiler in a release, without the tools of every compilation."""
        return tuple(self.other.get(codename, self.apt))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The Debian packages of bookworm for compiling a package (``apt``) and for loading it (``libraries``).

    ``first`` are the undeclared build dependencies of the package.
    """

    package: str
    apt: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    cuda: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaImage:
    """NVIDIA's image with the compiler and the headers of a CUDA version, and the newest gcc for that compiler."""

    version: str
    image: str
    gcc: int


@cache
def tools() -> tuple[str, ...]:
    """Return the Debian packages that every compilation needs."""
    return tuple(table("compilers")["tools"])


def gcc(codename: str) -> int | None:
    """Return the major version of a Debian release's own gcc; None if unknown."""
    known = table("compilers")["gcc"].get(codename)
    return int(known) if known else None


@cache
def languages() -> tuple[Language, ...]:
    """Return the known languages of packages."""
    return tuple(Language(**frozen(row)) for row in table("compilers")["language"])


@cache
def recipes() -> tuple[Recipe, ...]:
    """Return the known recipes of packages."""
    return tuple(Recipe(**frozen(row)) for row in table("compilers")["package"])


def recipe(package: str) -> Recipe:
    """Return the recipe of a package; an empty one if only the compilers of its languages are known to be needed."""
    return next((row for row in recipes() if row.package == package), Recipe(package=package))


def asked_by(backend: str) -> tuple[str, ...]:
    """Return the packages that a build backend requests during a build, besides those that a source declares."""
    return tuple(table("compilers")["backends"].get(backend, ()))


@cache
def _cuda_images() -> tuple[CudaImage, ...]:
    return tuple(CudaImage(**row) for row in table("compilers")["cuda"])


def cuda_versions() -> tuple[str, ...]:
    """Return the CUDA versions with a known compiler, oldest first."""
    return tuple(row.version for row in _cuda_images())


def cuda_image(cuda: str) -> CudaImage | None:
    """Return the image of a CUDA version, or of the nearest one with the same major version; None if there is none."""
    major, minor = (*parse_release(cuda), 0, 0)[:2]
    same = [row for row in _cuda_images() if parse_release(row.version)[0] == major]
    return min(same, key=lambda row: abs(parse_release(row.version)[1] - minor), default=None)


def package_of(program: str) -> str:
    """Return the Debian package with a program, or with a library under its pkg-config name; empty if unknown."""
    known: Mapping[str, str] = table("compilers")["programs"]
    return str(known.get(program, ""))
