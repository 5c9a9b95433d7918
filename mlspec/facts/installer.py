"""Typed rows of ``data/installer.toml``: the program that installs the locked wheels during a build."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mlspec.facts.tables import table
from mlspec.facts.versions import parse_release


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerWheel:
    """One wheel of the installer, for a platform and a C library."""

    platform: str
    libc: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerRelease:
    """The program that installs the locked wheels during a build.

    ``glibcs`` are the C library versions that its options accept for a target, oldest first.
    """

    name: str
    version: str
    wheels: tuple[InstallerWheel, ...]
    glibcs: tuple[str, ...]

    def hashes(self, platform: str) -> tuple[str, ...]:
        """Return the sha256 of all installer wheels for ``platform``; none if pip has to install the packages."""
        return tuple(wheel.sha256 for wheel in self.wheels if wheel.platform == platform)

    def manylinux(self, glibc: str) -> str:
        """Return its option for wheels of a C library, or of the newest known version before it: ``manylinux_2_36``."""
        fitting = [known for known in self.glibcs if parse_release(known) <= parse_release(glibc)]
        return f"manylinux_{(fitting or self.glibcs[:1])[-1].replace('.', '_')}"


@cache
def pinned_installer() -> InstallerRelease:
    """Return the pinned release of the installer."""
    data = table("installer")
    wheels = tuple(InstallerWheel(**row) for row in data["wheel"])
    return InstallerRelease(name=data["name"], version=data["version"], wheels=wheels, glibcs=tuple(data["glibcs"]))
