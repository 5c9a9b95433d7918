"""Typed rows of ``data/compilers.toml``: what it takes to compile packages, and what they load when that is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from mlspec.facts.tables import frozen, table
from mlspec.facts.versions import parse_release


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A language: the ends of its files' names, and the Debian packages of its compiler (``other`` by release)."""

    name: str
    suffixes: tuple[str, ...]
    apt: tuple[str, ...] = ()
    other: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def compilers(self, codename: str) -> tuple[str, ...]:
        """Return the Debian packages of its compiler in a release, beyond those of every compilation."""
        return tuple(self.other.get(codename, self.apt))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a package takes to be compiled (``apt``) and to be loaded (``libraries``), as Debian packages of bookworm.

    ``first`` are the packages that its build asks for and does not name.
    """

    package: str
    apt: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    cuda: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaImage:
    """NVIDIA's image with the compiler and the headers of a version of CUDA, and the newest gcc that it takes."""

    version: str
    image: str
    gcc: int


@cache
def tools() -> tuple[str, ...]:
    """Return the Debian packages that every compilation takes."""
    return tuple(table("compilers")["tools"])


def gcc(codename: str) -> int | None:
    """Return the major version of a Debian release's own gcc; None of one that is not known."""
    known = table("compilers")["gcc"].get(codename)
    return int(known) if known else None


@cache
def languages() -> tuple[Language, ...]:
    """Return the languages that packages are known to be written in."""
    return tuple(Language(**frozen(row)) for row in table("compilers")["language"])


@cache
def recipes() -> tuple[Recipe, ...]:
    """Return what packages are known to take."""
    return tuple(Recipe(**frozen(row)) for row in table("compilers")["package"])


def recipe(package: str) -> Recipe:
    """Return what a package takes: nothing but its languages' compilers, where no more is known."""
    return next((row for row in recipes() if row.package == package), Recipe(package=package))


def asked_by(backend: str) -> tuple[str, ...]:
    """Return the packages that a build backend asks for while it runs, beyond what a source names."""
    return tuple(table("compilers")["backends"].get(backend, ()))


@cache
def _cuda_images() -> tuple[CudaImage, ...]:
    return tuple(CudaImage(**row) for row in table("compilers")["cuda"])


def cuda_versions() -> tuple[str, ...]:
    """Return the versions of CUDA whose compilers are known, oldest first."""
    return tuple(row.version for row in _cuda_images())


def cuda_image(cuda: str) -> CudaImage | None:
    """Return the image of a version of CUDA, or of the nearest of the same major version; None where there is none."""
    major, minor = (*parse_release(cuda), 0, 0)[:2]
    same = [row for row in _cuda_images() if parse_release(row.version)[0] == major]
    return min(same, key=lambda row: abs(parse_release(row.version)[1] - minor), default=None)


def package_of(program: str) -> str:
    """Return the Debian package that has a program, or a library as pkg-config names it; empty where none is known."""
    known: Mapping[str, str] = table("compilers")["programs"]
    return str(known.get(program, ""))
