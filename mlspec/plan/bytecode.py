"""The bytecode of Python's standard library, which an image adds to its base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlspec.lock.image_facts import ImageFacts
    from mlspec.plan.system import SystemPlan
    from mlspec.spec.keys import Settings

BYTECODE = "/srv/python"
"""The folder of the stage that holds the bytecode."""

# What no program imports, or only with a display. site-packages has the base's own packages, such as pip.
_LEFT_OUT = "/(site-packages|tests?|idlelib|lib2to3|tkinter)/"


@dataclass(frozen=True, slots=True, kw_only=True)
class BytecodePlan:
    """How an image compiles the standard library, in a stage made from ``from_stage``.

    The folders are made in the same stage, or in one made from ``folders_stage``. ``left_out`` is a regular expression
    for the paths that are not compiled. ``invalidation`` is the mode of the bytecode.
    """

    from_stage: str
    folders_stage: str | None
    left_out: str
    invalidation: str

    @property
    def stage(self) -> str:
        """The name of the stage."""
        return "bytecode" if self.folders_stage else "folders"


def plan_bytecode(settings: Settings, facts: ImageFacts, system: SystemPlan, folders_from: str) -> BytecodePlan:
    """Plan the compilation of an image's standard library.

    ``folders_from`` is the stage that the folders are made from.
    """
    # The platform of the build machine compiles for all. Steps of the user, and bases of their own, may have another
    # Python on each platform, or change the library.
    is_alike = facts.is_official and not system.steps
    crosses = is_alike and len(settings.platforms) > 1
    from_stage = ("native" if crosses else "python") if is_alike else system.stage
    return BytecodePlan(
        from_stage=from_stage,
        folders_stage=folders_from if folders_from != from_stage else None,
        # This module differs between platforms.
        left_out=f"{_LEFT_OUT}|/_sysconfigdata" if crosses else _LEFT_OUT,
        # A tag can have a newer patch release on one platform for some days. Python then compares the sources.
        invalidation="checked-hash" if crosses else "unchecked-hash",
    )
