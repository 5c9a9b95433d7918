"""One image on one platform: what its lock is made from, and what the lock before says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from mlspec.lock.digests import inputs_digest
from mlspec.lock.extras import ExtrasChoice
from mlspec.lock.image_requirements import add_logins, indexes_of, written_indexes
from mlspec.lock.mlspec_lock import BaseLock, ImageLock
from mlspec.lock.pins import LockTarget, RequirementsLock
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.values import Requirements
from mlspec.lock.started_programs import list_unknown_programs
from mlspec.lock.state import LockUpdate
from mlspec.lock.update_base import choose_base
from mlspec.lock.world import BuildBase, CompileRequest
from mlspec.spec.files import Files
from mlspec.spec.spec import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformTask:
    """One image on one platform, whose packages are locked in an update of the spec's lock."""

    update: LockUpdate
    image: Image
    platform: str
    base: BaseLock
    extras: ExtrasChoice

    @property
    def written(self) -> Requirements:
        """The requirements as they are written, without the extras that follow from the accelerator."""
        return self.extras.written

    @property
    def files(self) -> Files:
        """The names of the image's files on this platform."""
        return self.update.files_on(self.image, self.platform)

    @property
    def label(self) -> str:
        """What messages begin with that are about one of several images."""
        return f"{self.image.key}: " if self.image.key else ""

    @property
    def target(self) -> LockTarget:
        """What is resolved for; of a Python whose patch version nobody tells, the first."""
        python = self.base.python if self.base.python.count(".") == 2 else f"{self.base.python}.0"
        return LockTarget(python=python, platform=self.platform, glibc=self.base.glibc)

    @property
    def indexes(self) -> tuple[Index, ...]:
        """The indexes that the packages come from, without logins."""
        return indexes_of(self.image, self.written)

    @property
    def inputs(self) -> str:
        """The digest of all that decides on the packages."""
        # The accelerator stands for the index it implies, so that a new table of those does not void every lock.
        accelerator = Index(url=f"accelerator:{self.image.settings.accelerator}")
        indexes = (*written_indexes(self.image, self.written), accelerator)
        return inputs_digest(self.target, self.extras.requirements, indexes)

    @property
    def known(self) -> ImageLock | None:
        """The entry of the image on this platform in the last lock."""
        return self.update.previous.image(self.image.key, self.platform)

    def request(self, previous: RequirementsLock | None) -> CompileRequest:
        """Return what pip is asked; raises SpecError where a login for an index is missing."""
        update, base = self.update, self.base
        return CompileRequest(
            requirements=self.written,
            target=self.target,
            indexes=add_logins(update.world, self.image, self.indexes),
            build_base=BuildBase(
                settings=self.image.settings,
                reference=f"{base.reference}@{base.digest}" if base.digest else base.reference,
                codename=base.codename,
                is_official=choose_base(self.image).is_official,
            ),
            build_constraints=self.written.build_constraints,
            previous=previous,
            upgrade=update.options.upgrade,
            upgrade_packages=self._upgrade_packages(previous),
            programs=list_unknown_programs(self.image.settings) if self.extras.is_slim else (),
        )

    def _upgrade_packages(self, previous: RequirementsLock | None) -> Sequence[str]:
        """Return the packages to upgrade that this lock has; where one lock is all there is, none is left out."""
        update = self.update
        if len(update.spec.images) == len(self.image.settings.platforms) == 1:
            return update.options.upgrade_packages
        known = {pin.name for pin in (*previous.pins, *previous.vcs)} if previous else set()
        known |= {requirement.name for requirement in self.written.requirements}
        mine = tuple(name for name in update.options.upgrade_packages if canonicalize_name(name) in known)
        update.upgraded.update(mine)
        return mine
