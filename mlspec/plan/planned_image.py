"""One image of a spec on one platform, with its settings, its plan and its lock."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.lock.mlspec_lock import BaseLock
from mlspec.lock.pins import Pin
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.plan.plan import Plan
from mlspec.spec.keys import Settings
from mlspec.spec.spec import Image


@dataclass(frozen=True, kw_only=True)
class PlannedImage:
    """An image with its plan and its lock.

    Before the first lock, ``pins`` are the required packages alone, without their dependencies.
    """

    image: Image
    plan: Plan
    base: BaseLock
    requirements: Requirements
    pins: tuple[Pin, ...] = ()

    @property
    def settings(self) -> Settings:
        """The keys of the image."""
        return self.image.settings
