"""What a spec requires, as frozen values that know where they were written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

from mlspec.errors import KeyPath, Problem, Severity, Span
from mlspec.lock.requirements.indexes import Index
from mlspec.spec.suppressions import Ignores

Kind = Literal["index", "url", "vcs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something was written: under a key of the spec, or in a line of a file."""

    path: KeyPath = ()
    file: str = ""
    span: Span | None = None
    excerpt: str = ""

    def problem(self, code: str, message: str, hint: str = "", *, severity: Severity = "error") -> Problem:
        """Return a problem that points here."""
        problem = Problem(code=code, message=message, hint=hint, path=() if self.file else self.path, severity=severity)
        return problem.at(self.file, self.span, self.excerpt) if self.file else problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement: its text as it goes to the resolver, without hashes, and its normalised name.

    The name is empty where only the address of a repository or archive was written.
    """

    text: str
    name: str
    kind: Kind
    hashes: tuple[str, ...] = ()
    place: Place = field(default=Place(), compare=False)

    def problem(self, code: str, message: str, hint: str = "", *, severity: Severity = "error") -> Problem:
        """Return a problem that points at where this requirement was written."""
        return self.place.problem(code, message, hint, severity=severity)

    @property
    def is_pinned(self) -> bool:
        """Whether one version, known by its hashes, is all that can fit."""
        if self.kind != "index" or not self.hashes:
            return False
        specifiers = list(Pep508(self.text).specifier)
        return len(specifiers) == 1 and specifiers[0].operator in {"==", "==="} and "*" not in specifiers[0].version


@dataclass(frozen=True, slots=True)
class RequiredPython:
    """The Pythons that a project says it is for, as a specifier, and where it says so."""

    specifier: str
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The metadata of a source package as the spec states it, of every release where it names no version."""

    name: str
    version: str = ""
    requires_dist: tuple[str, ...] = ()
    requires_python: str = ""


Matters = Literal["always", "source", "pre-release"]


@dataclass(frozen=True, slots=True)
class Unheeded:
    """A setting, or a group by default, of a project's own tool that the lock does not follow.

    It ``matters`` always, where a package is compiled from its ``source``, or where a ``pre-release`` is locked; only
    for ``packages``, where they are named.
    """

    kind: Literal["setting", "group"]
    message: str
    hint: str
    place: Place = field(compare=False)
    matters: Matters = field(default="always", kw_only=True)
    packages: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """All that a spec requires: requirements, constraints, pip options, and the files they were read from.

    ``options`` holds one option and its value an item, such as ``--no-binary flash-attn``; ``files`` are relative to
    the spec's folder. ``indexes`` are those that projects name for some of their packages, ``build_constraints`` hold
    for what builds take, ``stated`` is metadata that needs no build, and ``pythons`` are those that projects say they
    are for; ``unheeded`` is what they say and the lock does not follow.
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

    @property
    def compiled(self) -> bool:
        """Whether every requirement is pinned and hashed, so that this is a lock already."""
        return bool(self.requirements) and all(r.is_pinned for r in self.requirements)

    @property
    def built(self) -> frozenset[str]:
        """The normalised names of the packages to build from their source, as ``--no-binary`` names them."""
        values = (o.removeprefix("--no-binary ") for o in self.options if o.startswith("--no-binary "))
        return frozenset(canonicalize_name(n) for value in values for n in value.split(",") if not n.startswith(":"))

    def named(self, name: str) -> Requirement | None:
        """Return the first requirement of the package ``name``, or None."""
        wanted = canonicalize_name(name)
        return next((r for r in (*self.requirements, *self.constraints) if r.name == wanted), None)
