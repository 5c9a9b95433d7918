"""The world as a lock sees it: one Protocol, and the values that cross it.

``mlspec.host.world`` is the real one; tests use a small fake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mlspec.lock.pins import LockTarget, Pin, RequirementsLock
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.other_files import Neighbour
from mlspec.lock.requirements.values import Requirement, Requirements
from mlspec.spec.keys import Settings
from mlspec.spec.nested_keys import Secret

NO_WHEEL = "MLS245"
"""The code of a release that has wheels, and none for the target."""

UNFIT = frozenset({"MLS242", "MLS243", "MLS244", NO_WHEEL, "MLS246"})
"""The codes of requirements that no release fits; all others are failures of an index, of git, or of the spec."""

NO_PLATFORM = "MLS304"
"""The code of an image that is not built for a platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryImage:
    """An image as its registry has it for one platform.

    ``digest`` is what ``FROM`` carries: of the index, where the image has several platforms, else of the manifest.
    ``codename`` and ``glibc`` are None where neither the image nor its tag tells.
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
    """The base that an image builds its sources on, and the settings that decide on compilers."""

    settings: Settings
    reference: str
    codename: str
    is_official: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileRequest:
    """What pip is to compile: requirements for a target, from these indexes (logins included).

    The pins of ``previous`` stay unless an upgrade asks for more; it must have been made for the same target.
    ``build_constraints`` limit what builds of sources take. With ``inspects_wheels``, the parts of wheels are read that
    tell which libraries of the system they load, and which of them brings one of the ``programs``.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """A package whose newest release was not taken, and why."""

    name: str
    version: str
    newest: str
    reason: str

    def __str__(self) -> str:
        """Return it as one line for people."""
        return f"{self.name} {self.version}, not {self.newest}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignMetadata:
    """A source whose metadata was made at another ``place`` than the image's build stage, and why.

    The version is empty where nothing told it before the build.
    """

    name: str
    version: str
    place: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The pins of requirements, with hashes or from git; the versions of the tools, and newer releases not taken.

    ``builds`` are the requirements of the build of each source, by its name; ``stated`` the names of the packages whose
    metadata the spec states; ``programs`` the packages that bring the programs that were asked about, empty
    where none does; ``foreign`` the sources whose metadata was not made in the image.
    """

    pins: tuple[Pin, ...]
    vcs: tuple[Pin, ...] = ()
    tools: Mapping[str, str]
    held_back: tuple[HeldBack, ...] = ()
    builds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stated: frozenset[str] = frozenset()
    programs: Mapping[str, str] = field(default_factory=dict)
    foreign: tuple[ForeignMetadata, ...] = ()


class World(Protocol):
    """All that a lock asks of disk, network and person. Paths are POSIX paths relative to the folder of the spec."""

    @property
    def folder(self) -> str:
        """The folder of the spec as messages call it; empty for the current one."""
        ...

    def folder_name(self) -> str:
        """Return the folder's own name."""
        ...

    def say(self, message: str) -> None:
        """Tell the person that something slow begins, or is done."""
        ...

    def read_file(self, path: str) -> str:
        """Return the text of a file; raises OSError, or UnicodeError where it is not text."""
        ...

    def look_at(self, path: str) -> Neighbour:
        """Return what is at a path."""
        ...

    def read_generated(self, path: str) -> str | None:
        """Return the text of a generated file as it is; None where there is none."""
        ...

    def read_lock(self, path: str) -> str | None:
        """Return the text of a lock with LF line ends; None where there is none."""
        ...

    def read_login(self, url: str, name: str, secret: Secret) -> tuple[str, str]:
        """Return user and password for an index from the secret ``name``; raises SpecError where it has none."""
        ...

    def look_up_image(self, reference: str, platform: str) -> RegistryImage:
        """Return an image as its registry has it today; raises ToolError."""
        ...

    def compile_requirements(self, request: CompileRequest) -> Compiled:
        """Return the pins of requirements; raises LockError where nothing fits or an index does not answer."""
        ...
