"""The state of a lock during an update: the caller's options, the last lock, and the results so far."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field

from mlspec.errors import Problem
from mlspec.facts.base_image import BaseChoice
from mlspec.facts.versions import minor_version
from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.mlspec_lock import BaseLock, ImageLock, Lock
from mlspec.lock.pins import RequirementsLock
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.lock.world import World
from mlspec.spec.files import Artifact, Files, files_of
from mlspec.spec.spec import Image, Spec

NOT_CURRENT = frozenset({"MLS404", "MLS405"})
"""The codes of a lock that is missing, out of date or edited; they are no fault of the spec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOptions:
    """The options of an update: require a current lock (``locked``), or allow newer pins and digests."""

    locked: bool = False
    unpinned: bool = False
    """Accept a base by its tag alone, if its digest is unknown."""
    upgrade: bool = False
    upgrade_packages: tuple[str, ...] = ()
    adopt: bool = False
    """Take the digests of base images from the Dockerfiles, where a bot changed them."""
    mend: bool = False
    """Resolve locks again that somebody edited by hand; without this, such locks are refused."""


@dataclass(frozen=True, slots=True)
class ImageContents:
    """The contents of one image: its base, the requirements of the spec, and the locked packages by platform.

    ``programs`` maps the programs that mlspec searched for in wheels to the packages that bring them; empty if none
    does. ``dev`` are the locked packages for developers by platform, which the image does not have.
    """

    base: BaseLock
    requirements: Requirements
    packages: Mapping[str, RequirementsLock]
    programs: Mapping[str, str] = field(default_factory=dict)
    dev: Mapping[str, RequirementsLock] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockResult:
    """A current lock: facts and contents of each image by its key, the lock files, the changes and the warnings."""

    facts: Mapping[str, ImageFacts]
    contents: Mapping[str, ImageContents]
    artifacts: tuple[Artifact, ...]
    changes: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    lock: Lock | None = None
    recorded: Mapping[str, str] = field(default_factory=dict)
    """The fingerprints of generated files in the last lock; empty if that lock had unresolved merge conflicts."""


@dataclass(frozen=True)
class PreviousLock:
    """The last lock of a spec: mlspec.lock, and the texts of the locked requirements by their file names."""

    lock: Lock | None
    texts: dict[str, str] = field(default_factory=dict)
    held_merge: bool = False

    def base(self, choice: BaseChoice) -> BaseLock | None:
        """Return the entry of a base image; if the spec has a digest, only an entry with that digest."""
        bases = self.lock.bases if self.lock else ()
        fits = (base for base in bases if base.reference == choice.reference and choice.digest in {"", base.digest})
        return next(fits, None)

    def former_base(self, base: BaseLock) -> BaseLock | None:
        """Return the last entry of the same base, if packages installed on it also run on this one."""
        bases = self.lock.bases if self.lock else ()
        return next((former for former in bases if _kind(former) == _kind(base)), None)

    def image(self, key: str, platform: str) -> ImageLock | None:
        """Return the entry of this image on a platform."""
        return next((image for image in self.images(key) if image.platform == platform), None)

    def images(self, key: str) -> tuple[ImageLock, ...]:
        """Return the entries of this image, one for each of its platforms."""
        return tuple(image for image in self.lock.images if image.name == key) if self.lock else ()

    def has_platform(self, platform: str) -> bool:
        """Return whether anything is locked for a platform."""
        return any(image.platform == platform for image in (self.lock.images if self.lock else ()))


def _kind(base: BaseLock) -> tuple[str, str, str, str]:
    return base.reference, minor_version(base.python), base.glibc, base.codename


@dataclass(slots=True)
class LockUpdate:
    """One lock during its update."""

    spec: Spec
    world: World
    options: LockOptions
    previous: PreviousLock
    bases: dict[str, BaseLock] = field(default_factory=dict)
    images: list[ImageLock] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    facts: dict[str, ImageFacts] = field(default_factory=dict)
    contents: dict[str, ImageContents] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    upgraded: set[str] = field(default_factory=set)
    adopted: set[str] = field(default_factory=set)
    """The base images whose digests come from a Dockerfile."""
    looked_up: set[tuple[str, str]] = field(default_factory=set)
    """The pairs of base image and platform that mlspec asked a registry for."""

    @property
    def spec_file(self) -> str:
        """The path of the spec, as messages show it."""
        return self.spec.document.file

    @property
    def project_files(self) -> Files:
        """The names of the files that all images of the spec share."""
        return files_of(self.spec_file, "")

    @property
    def has_one_lock(self) -> bool:
        """Whether the spec has one image on one platform, without packages for developers."""
        first, *others = self.spec.images
        return not others and len(first.settings.platforms) == 1 and not first.settings.dev

    def files_on(self, image: Image, platform: str) -> Files:
        """Return the names of an image's files on one of its platforms."""
        return files_of(self.spec_file, image.key).on(platform, image.settings.platforms)

    def path_of(self, name: str) -> str:
        """Return the path of a file beside the spec, as messages show it."""
        return posixpath.join(self.world.folder, name)

    def not_current(self, reason: str) -> Problem:
        """Return the problem that the lock is missing, or was made for other inputs."""
        name = self.path_of(self.project_files.lock)
        is_there = self.previous.lock is not None
        message = f"{name} was not made for this spec: {reason}" if is_there else f"there is no {name}"
        hint = f"make it{' again' if is_there else ''}: mlspec lock"
        return Problem(code="MLS404", message=message, hint=hint).at(name, None)
