"""One image on one platform: the inputs of its lock, and its entry in the last lock."""

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
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.lock.started_programs import list_unknown_programs
from mlspec.lock.state import LockUpdate
from mlspec.lock.update_base import choose_base
from mlspec.lock.world import BuildBase, CompileRequest
from mlspec.spec.files import Files
from mlspec.spec.spec import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformTask:
    """One image on one platform, whose packages an update of the spec's lock locks."""

    update: LockUpdate
    image: Image
    platform: str
    base: BaseLock
    extras: ExtrasChoice

    @property
    def without_extras(self) -> Requirements:
        """The written requirements, without the extras that follow from the accelerator."""
        return self.extras.without_extras

    @property
    def files(self) -> Files:
        """The names of the image's files on this platform."""
        return self.update.files_on(self.image, self.platform)

    @property
    def label(self) -> str:
        """The beginning of messages about this image, if the spec has several images."""
        return f"{self.image.key}: " if self.image.key else ""

    @property
    def target(self) -> LockTarget:
        """The target to resolve for; its Python has patch version 0 if the base's patch version is unknown."""
        python = self.base.python if self.base.python.count(".") == 2 else f"{self.base.python}.0"
        return LockTarget(python=python, platform=self.platform, glibc=self.base.glibc)

    @property
    def indexes(self) -> tuple[Index, ...]:
        """The indexes that the packages come from, without logins."""
        return indexes_of(self.image, self.without_extras)

    @property
    def inputs(self) -> str:
        """The digest of all inputs that decide on the packages."""
        # The accelerator represents its index here, so that a new address of the index does not put every lock out of
        # date.
        accelerator = Index(url=f"accelerator:{self.image.settings.accelerator}")
        indexes = (*written_indexes(self.image, self.without_extras), accelerator)
        return inputs_digest(self.target, self.extras.requirements, indexes, self.image.settings.cooldown)

    @property
    def previous_entry(self) -> ImageLock | None:
        """The entry of the image on this platform in the last lock."""
        return self.update.previous.image(self.image.key, self.platform)

    def request(self, previous: RequirementsLock | None) -> CompileRequest:
        """Return the request to pip; raises SpecError if a login for an index is missing."""
        update, base = self.update, self.base
        return CompileRequest(
            requirements=self.without_extras,
            target=self.target,
            indexes=add_logins(update.world, self.image, self.indexes),
            build_base=BuildBase(
                settings=self.image.settings,
                reference=f"{base.reference}@{base.digest}" if base.digest else base.reference,
                codename=base.codename,
                is_official=choose_base(self.image).is_official,
            ),
            build_constraints=self.without_extras.build_constraints,
            previous=previous,
            upgrade=update.options.upgrade,
            upgrade_packages=self.upgrades(previous),
            programs=self._list_unknown_programs() if self.extras.is_slim else (),
            cooldown=self.image.settings.cooldown,
        )

    def _list_unknown_programs(self) -> tuple[str, ...]:
        return list_unknown_programs(self.image.settings, self.without_extras.own)

    def upgrades(self, previous: RequirementsLock | None) -> Sequence[str]:
        """Return the packages to upgrade that are in this lock; if it is the spec's only lock, all of them."""
        update = self.update
        if update.has_one_lock:
            return update.options.upgrade_packages
        known = {pin.name for pin in (*previous.pins, *previous.vcs)} if previous else set()
        known |= {requirement.name for requirement in self.without_extras.requirements}
        mine = tuple(name for name in update.options.upgrade_packages if canonicalize_name(name) in known)
        update.upgraded.update(mine)
        return mine
