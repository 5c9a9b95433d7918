"""The requirements of a spec, as frozen values that know their place."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, Protocol

from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

from mlspec.errors import Problem, Severity
from mlspec.lock.pins import LockTarget, Pin
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.local_packages.local_package import LocalPackage
from mlspec.lock.requirements.local_packages.local_wheel import LocalWheel
from mlspec.spec.place import Place
from mlspec.spec.suppressions import Ignores

Kind = Literal["index", "url", "vcs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement: its text for the resolver, without hashes, and its normalised name.

    The name is empty if only the address of a repository or archive was written.
    """

    text: str
    name: str
    kind: Kind
    hashes: tuple[str, ...] = ()
    place: Place = field(default=Place(), compare=False)
    is_locked: bool = False
    """Whether another tool's lock has the pin of this requirement, so that pip does not resolve it."""

    def problem(self, code: str, message: str, hint: str = "", *, severity: Severity = "error") -> Problem:
        """Return a problem that points at the place of this requirement."""
        return self.place.problem(code, message, hint, severity=severity)

    @property
    def is_pinned(self) -> bool:
        """Whether only one version fits, and its hashes are known."""
        if self.kind != "index" or not self.hashes:
            return False
        specifiers = list(Pep508(self.text).specifier)
        return len(specifiers) == 1 and specifiers[0].operator in {"==", "==="} and "*" not in specifiers[0].version


@dataclass(frozen=True, slots=True)
class RequiredPython:
    """The Pythons that a project supports, as a specifier, and the place of the specifier."""

    specifier: str
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The metadata of a source package as the spec states it; without a version it is that of every release."""

    name: str
    version: str = ""
    requires_dist: tuple[str, ...] = ()
    requires_python: str = ""


Matters = Literal["always", "source", "pre-release"]


@dataclass(frozen=True, slots=True)
class Unheeded:
    """A setting, or a default group, of a project's own tool that the lock does not follow.

    ``matters`` says when it changes the lock: always, if a package is compiled from its ``source``, or if a
    ``pre-release`` is locked. If ``packages`` is not empty, the setting is about these packages alone.
    """

    kind: Literal["setting", "group"]
    message: str
    hint: str
    place: Place = field(compare=False)
    matters: Matters = field(default="always", kw_only=True)
    packages: tuple[str, ...] = field(default=(), kw_only=True)


class ToolLock(Protocol):
    """Another tool's lock that a spec names, and the pins that an image takes from it.

    :class:`mlspec.lock.requirements.tool_locks.chosen_lock.ChosenLock` is one.
    """

    @property
    def path(self) -> str:
        """The path of the lock, relative to the folder of the spec."""
        ...

    @property
    def entry(self) -> Place:
        """The entry of the spec that names the lock."""
        ...

    @property
    def has_sizes(self) -> bool:
        """Whether the lock contains file sizes."""
        ...

    def pins(self, target: LockTarget, built: Collection[str] = ()) -> tuple[Pin, ...]:
        """Return the pins on a target; raises SpecError if a package has no file for the target."""
        ...

    def tell_upgrade(self, name: str = "") -> str:
        """Return the command that upgrades its pins, or the pin of the package ``name``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """All requirements of a spec: requirements, constraints, pip options, and the files that contain them.

    Each item of ``options`` is one option with its value, such as ``--no-binary flash-attn``. ``files`` are relative to
    the spec's folder. ``indexes`` are those that projects name for some of their packages. ``build_constraints`` limit
    build dependencies, and ``stated`` is metadata of packages that need no build for it. ``pythons`` are the Pythons
    that projects support. ``unheeded`` lists the settings of projects that the lock does not follow. ``local`` are the
    packages in folders of the project, and ``wheels`` its wheels. The pins of ``tool_lock`` stay unchanged, and the
    requirements that it pins are marked as locked.
    """

    requirements: tuple[Requirement, ...] = ()
    constraints: tuple[Requirement, ...] = ()
    options: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    indexes: tuple[Index, ...] = ()
    build_constraints: tuple[Requirement, ...] = ()
    stated: tuple[Stated, ...] = ()
    pythons: tuple[RequiredPython, ...] = ()
    unheeded: tuple[Unheeded, ...] = ()
    ignores: Ignores = field(default_factory=Ignores)
    local: tuple[LocalPackage, ...] = ()
    wheels: tuple[LocalWheel, ...] = ()
    tool_lock: ToolLock | None = None

    place: Place = field(default=Place(), compare=False)
    """The place for problems that are about no single requirement."""

    def problem(self, code: str, message: str, hint: str = "", requirement: Requirement | None = None) -> Problem:
        """Return a problem at the place of a requirement, or at the place of all requirements."""
        return (requirement.place if requirement else self.place).problem(code, message, hint)

    @property
    def own(self) -> tuple[LocalPackage | LocalWheel, ...]:
        """The packages and wheels of the project."""
        return (*self.local, *self.wheels)

    @property
    def without_tool_lock(self) -> tuple[Requirement, ...]:
        """The requirements that another tool's lock does not pin."""
        return tuple(r for r in self.requirements if not r.is_locked)

    @property
    def is_compiled(self) -> bool:
        """Whether every requirement is pinned and has hashes, so that the requirements are a lock already."""
        return bool(self.requirements) and all(r.is_pinned for r in self.requirements)

    @property
    def built_from_source(self) -> frozenset[str]:
        """The normalised names of the packages that ``--no-binary`` builds from source."""
        values = (o.removeprefix("--no-binary ") for o in self.options if o.startswith("--no-binary "))
        return frozenset(canonicalize_name(n) for value in values for n in value.split(",") if not n.startswith(":"))

    def find_requirement(self, name: str) -> Requirement | None:
        """Return the first requirement or constraint of the package ``name``, or None."""
        wanted = canonicalize_name(name)
        return next((r for r in (*self.requirements, *self.constraints) if r.name == wanted), None)
