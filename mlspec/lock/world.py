"""The world outside a lock: one Protocol, and the values that cross it.

``mlspec.host.local_world`` is the real one; tests use a small fake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mlspec.lock.pins import LockTarget, Pin, RequirementsLock
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.other_files import Neighbour
from mlspec.lock.requirements.requirement_types import Requirement, Requirements
from mlspec.spec.keys import Settings
from mlspec.spec.nested_build_keys import Cooldown
from mlspec.spec.nested_keys import Secret
from mlspec.spec.place import Place

NO_WHEEL = "MLS245"
"""The code of a release that has wheels, but none for the target."""

UNFIT = frozenset({"MLS242", "MLS243", "MLS244", NO_WHEEL, "MLS246"})
"""The codes of requirements that no release fits; all others are failures of an index, of git, or of the spec."""

NO_PLATFORM = "MLS304"
"""The code of an image that is not built for a platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryImage:
    """An image as its registry has it for one platform.

    ``digest`` is the digest for ``FROM``: that of the image index if the image has several platforms, else that of the
    manifest. ``codename`` and ``glibc`` are None if neither the image nor its tag shows them.
    """

    reference: str
    digest: str
    platform: str
    platforms: tuple[str, ...] = ()
    python: str | None = None
    codename: str | None = None
    glibc: str | None = None
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildBase:
    """The base image of a build stage that compiles sources, and the settings that decide on compilers."""

    settings: Settings
    reference: str
    codename: str
    is_official: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileRequest:
    """A request to pip: compile requirements for a target, from these indexes (logins included).

    The pins of ``previous`` stay unless an upgrade asks for more; ``previous`` must be of the same target.
    ``build_constraints`` limit the build dependencies of sources. With ``inspects_wheels``, mlspec reads the parts of
    wheels that name the system libraries they load, and those that show which wheel brings one of the ``programs``.
    """

    requirements: Requirements
    target: LockTarget
    indexes: tuple[Index, ...]
    build_base: BuildBase
    build_constraints: tuple[Requirement, ...] = ()
    previous: RequirementsLock | None = None
    upgrade: bool = False
    upgrade_packages: Sequence[str] = ()
    inspects_wheels: bool = True
    programs: tuple[str, ...] = ()
    cooldown: Cooldown | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """A package whose newest release pip did not take, and the reason; ``is_young`` if that is the cooldown."""

    name: str
    version: str
    newest: str
    reason: str
    is_young: bool = False

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.name} {self.version}, not {self.newest}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignMetadata:
    """A source whose metadata comes from a build on another ``place`` than the image's build stage, and the reason.

    The version is empty if it was unknown before the build.
    """

    name: str
    version: str
    place: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The pins of requirements, with hashes or from git; the versions of the tools, and newer releases not taken.

    ``uploaded_before`` is the day that a cooldown sets: no file of that day or later was taken.
    ``builds`` maps each source to its build dependencies. ``stated`` has the names of packages whose metadata the spec
    states. ``programs`` maps the programs of the request to the packages that bring them, empty if none does.
    ``foreign`` lists the sources whose metadata was not made in the image. ``sizes`` has the file sizes, in bytes, of
    requirements that were pins already: the pins that come back for them have no sizes.
    """

    pins: tuple[Pin, ...]
    vcs: tuple[Pin, ...] = ()
    tools: Mapping[str, str]
    held_back: tuple[HeldBack, ...] = ()
    builds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stated: frozenset[str] = frozenset()
    programs: Mapping[str, str] = field(default_factory=dict)
    foreign: tuple[ForeignMetadata, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    uploaded_before: str = ""


class World(Protocol):
    """All access of a lock to disk, network and person. Paths are POSIX paths relative to the folder of the spec."""

    @property
    def folder(self) -> str:
        """The folder of the spec, as messages show it; empty for the current folder."""
        ...

    def folder_name(self) -> str:
        """Return the folder's own name."""
        ...

    def say(self, message: str) -> None:
        """Report to the person that a slow step begins or ends."""
        ...

    def read_file(self, path: str) -> str:
        """Return the text of a file; raises OSError, or SpecError if the file holds no text."""
        ...

    def read_bytes(self, path: str) -> bytes:
        """Return the bytes of a file of any size; raises OSError."""
        ...

    def look_at(self, path: str) -> Neighbour:
        """Return the kind of a path and, for a folder, the names in it."""
        ...

    def read_generated(self, path: str) -> str | None:
        """Return the text of a generated file as it is; None if there is no such file."""
        ...

    def read_lock(self, path: str) -> str | None:
        """Return the text of a lock with LF line ends; None if there is no such file."""
        ...

    def read_login(self, url: str, name: str, secret: Secret, place: Place) -> tuple[str, str]:
        """Return user and password for an index from the secret ``name``; raises SpecError at ``place`` without one."""
        ...

    def look_up_image(self, reference: str, platform: str, place: Place) -> RegistryImage:
        """Return an image as its registry has it today; raises ToolError at ``place``, which names the image."""
        ...

    def compile_requirements(self, request: CompileRequest) -> Compiled:
        """Return the pins of requirements; raises LockError if no release fits or an index does not answer."""
        ...
