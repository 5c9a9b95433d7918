"""The extras that follow from an accelerator, in a lock: what is wanted, what came of it, and how it is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlspec.errors import LockError
from mlspec.facts import base_image
from mlspec.lock import variants
from mlspec.lock.mlspec_lock import BaseLock
from mlspec.lock.pins import RequirementsLock
from mlspec.lock.requirements.values import Requirements
from mlspec.lock.variants import Followed
from mlspec.spec.spec import Image

if TYPE_CHECKING:
    from mlspec.host.resolver import Compiled


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an image requires as it was written, and with the extras that follow from its accelerator.

    Its base ``is_slim`` where nothing but Python is known to be in it.
    """

    written: Requirements
    extras: tuple[Followed, ...]
    accelerator: str
    is_slim: bool

    @property
    def requirements(self) -> Requirements:
        """The requirements with their extras."""
        return variants.with_extras(self.written, self.extras)

    def compiled(self, compile_: Callable[[Requirements], Compiled]) -> Compiled:
        """Return the pins; without the extras where those fit nothing else, or where something brings CUDA itself.

        Raises LockError where nothing fits without them either.
        """
        from mlspec.host.resolver import UNFIT

        if not self.extras:
            return compile_(self.written)
        try:
            found = compile_(self.requirements)
        except LockError as error:
            if not any(problem.code in UNFIT for problem in error.problems):
                raise
            # What fails then is told of what the user wrote; where that fits, a rule warns of what it lacks.
            return compile_(self.written)
        names = {pin.name for pin in found.pins}
        crowded = names & set(variants.bringers()) and any(extra.row.is_alone for extra in self.extras)
        return compile_(self.written) if crowded else found

    def notes(self, current: RequirementsLock) -> tuple[str, ...]:
        """Return a sentence for each extra that the lock holds the packages of."""
        proven = (extra for extra in self.extras if extra.is_proven(current.pins))
        return tuple(f"extra: {e.shown} for {e.requirement.name}, by accelerator: {self.accelerator}" for e in proven)


def wanted(image: Image, base: BaseLock, requirements: Requirements, platform: str) -> Wanted:
    """Return what an image requires of its lock on a platform: what is written, and the extras that follow from it.

    None follow where a step, a base of the user's own, or a compiled file may bring what they would.
    """
    settings = image.settings
    choice = base_image.base_reference(settings.python, settings.base)
    is_slim = isinstance(choice, base_image.BaseChoice) and choice.is_official and "-slim" in base.reference
    extras: tuple[Followed, ...] = ()
    if is_slim and not settings.run and not requirements.compiled:
        extras = variants.followed(requirements, settings.accelerator, platform)
    return Wanted(requirements, extras, settings.accelerator, is_slim)
