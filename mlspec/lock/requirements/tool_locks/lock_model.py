"""The contents of another tool's lock, in a form that all tools share, and the choice of an image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from mlspec.lock.requirements.markers import marker_environment


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedFile:
    """A file of a locked package: its name, its hash as pip writes it, and its size in bytes if the lock has it."""

    name: str
    hash: str
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPackage:
    """A package in a lock.

    It comes from ``index``, which is empty for the default index; from ``address``, that of a file or of a git
    repository at a commit, whose branch or tag is ``ref``; or it is ``local``, a folder or file beside the project. If
    the lock has no file names, ``hashes`` are those of all files. ``via`` names the packages that require the package.
    """

    name: str
    version: str
    files: tuple[LockedFile, ...] = ()
    hashes: tuple[str, ...] = ()
    index: str = ""
    address: str = ""
    ref: str = ""
    local: str = ""
    via: tuple[str, ...] = ()

    @property
    def all_hashes(self) -> frozenset[str]:
        """The hashes of all files of the package."""
        return frozenset((*self.hashes, *(file.hash for file in self.files)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LockChoice:
    """The choice of an image from a lock: normalised extras and groups of its project, a Python and a platform.

    ``python`` is a full version, or a minor one, which counts as its first release.
    """

    python: str
    platform: str
    extras: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def fits(self, marker: str, extras: Iterable[str] = ()) -> bool:
        """Return whether a marker is true, with these extras of a package; raises InvalidMarker."""
        environment: Mapping[str, str | frozenset[str]] = marker_environment(self.python, self.platform)
        return not marker or Marker(marker).evaluate({**environment, "extra": frozenset(extras)})


class LockReadError(Exception):
    """A lock that mlspec cannot use: a code, the path of the wrong value, a message and a hint."""

    def __init__(self, code: str, path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.path, self.message, self.hint = code, path, message, hint


Take = Callable[[LockChoice], tuple[LockedPackage, ...]]
"""A function that returns the packages of a choice, by name; it raises LockReadError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectLock:
    """A whole lock of another tool.

    ``extras`` and ``groups`` are those that a spec can choose, and ``python`` is the specifier of the supported
    Pythons. ``direct`` names the packages that the project itself requires; None if the lock does not show them.
    """

    take: Take = field(compare=False)
    extras: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    python: str = ""
    direct: frozenset[str] | None = None


def normalise(names: Iterable[str]) -> frozenset[str]:
    """Return names of extras, groups or packages in normalised spelling."""
    return frozenset(map(canonicalize_name, names))


@dataclass(slots=True)
class PackageSet:
    """The packages of a choice during collection: each once, with all packages that require it."""

    packages: dict[str, LockedPackage] = field(default_factory=dict)
    parents: dict[str, set[str]] = field(default_factory=dict)

    def add(self, package: LockedPackage, path: tuple[str | int, ...]) -> None:
        """Add a package; raises LockReadError if the set has another version of it."""
        other = self.packages.setdefault(package.name, package)
        if other.version != package.version:
            message = f"{package.name} has two versions for one environment: {other.version}, {package.version}"
            raise LockReadError("MLS270", path, message)

    def ask(self, name: str, parent: str) -> None:
        """Record that one package requires another."""
        self.parents.setdefault(name, set()).add(parent)

    def finish(self) -> tuple[LockedPackage, ...]:
        """Return the packages by name."""
        known = self.packages.keys()
        return tuple(
            replace(package, via=tuple(sorted((self.parents.get(name, set()) & known) - {name})))
            for name, package in sorted(self.packages.items())
        )
