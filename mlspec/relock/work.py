"""A lock in the making: what a caller wants of it, what stood there before, and what there is of it so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlspec.errors import Problem
from mlspec.facts import base_image
from mlspec.facts.versions import minor_version
from mlspec.host.files.find import MARK
from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.mlspec_lock import BaseLock, ImageLock, Lock
from mlspec.lock.pins import RequirementsLock
from mlspec.lock.requirements.values import Requirements
from mlspec.spec.files import Artifact, Files, files_of
from mlspec.spec.spec import Spec

NOT_CURRENT = frozenset({"MLS404", "MLS405"})
"""The codes of a lock that is missing, out of date or edited: no fault of its spec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a caller wants of a lock: left as it is (``locked``), or pins and digests moved."""

    locked: bool = False
    unpinned: bool = False
    upgrade: bool = False
    upgrade_packages: tuple[str, ...] = ()
    adopt: bool = False
    """Take the digests of base images from the Dockerfiles, where a bot moved them."""
    mend: bool = False
    """Resolve again what was edited by hand, rather than refuse it."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in one image's lock: its base, what was required, and every package that came of it, by platform.

    ``programs`` are those that wheels were looked into for, and the packages that bring them, empty where none does.
    """

    base: BaseLock
    requirements: Requirements
    packages: Mapping[str, RequirementsLock]
    programs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A current lock: facts and contents for each image by its key, the lock files, what moved, and what to warn of."""

    resolved: Mapping[str, ImageFacts]
    contents: Mapping[str, Contents]
    artifacts: tuple[Artifact, ...]
    changes: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    lock: Lock | None = None
    recorded: Mapping[str, str] = field(default_factory=dict)
    """The fingerprints of generated files that the last lock holds; none where it held both sides of a merge."""


@dataclass(frozen=True)
class Before:
    """What stands beside a spec from the last lock: the lock and the texts of the locked requirements."""

    lock: Lock | None
    texts: dict[str, str] = field(default_factory=dict)
    held_merge: bool = False

    def base(self, choice: base_image.BaseChoice) -> BaseLock | None:
        """Return the entry of this base image: with the digest that the spec writes, where it writes one."""
        bases = self.lock.bases if self.lock else ()
        fits = (base for base in bases if base.reference == choice.reference and choice.digest in {"", base.digest})
        return next(fits, None)

    def former(self, base: BaseLock) -> BaseLock | None:
        """Return the last entry of the same base, if what was installed on it runs on this one too."""
        bases = self.lock.bases if self.lock else ()
        return next((former for former in bases if _kind(former) == _kind(base)), None)

    def image(self, key: str, platform: str) -> ImageLock | None:
        """Return the entry of this image on a platform."""
        return next((image for image in self.images(key) if image.platform == platform), None)

    def images(self, key: str) -> tuple[ImageLock, ...]:
        """Return the entries of this image, one for each of its platforms."""
        return tuple(image for image in self.lock.images if image.name == key) if self.lock else ()


def _kind(base: BaseLock) -> tuple[str, str, str, str]:
    minor = minor_version(base.python)
    return base.reference, minor, base.glibc, base.codename


@dataclass(slots=True)
class Work:
    """One lock in the making."""

    spec: Spec
    folder: Path
    wish: Wish
    before: Before
    say: Callable[[str], None]
    bases: dict[str, BaseLock] = field(default_factory=dict)
    images: list[ImageLock] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    resolved: dict[str, ImageFacts] = field(default_factory=dict)
    contents: dict[str, Contents] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    upgraded: set[str] = field(default_factory=set)
    adopted: set[str] = field(default_factory=set)
    """The base images whose digest was taken from a Dockerfile."""
    seen: set[tuple[str, str]] = field(default_factory=set)
    """The bases and platforms that a registry was asked for."""


def banner(files: Files) -> str:
    """Return the sentence that a lock begins with."""
    return f"{MARK}{files.spec}; edit that file, then run: mlspec lock"


def not_current(work: Work, why: str) -> Problem:
    """Return the problem that a lock is missing or was made for something else."""
    name = (work.folder / files_of(work.spec.document.file, "").lock).as_posix()
    is_there = work.before.lock is not None
    message = f"{name} was not made for this spec: {why}" if is_there else f"there is no {name}"
    hint = f"make it{' anew' if is_there else ''}: mlspec lock"
    return Problem(code="MLS404", message=message, hint=hint).at(name, None)
