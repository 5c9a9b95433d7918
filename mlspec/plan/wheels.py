"""The wheels of the project: the stage that installs them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from mlspec.lock.image_facts import ImageFacts
from mlspec.plan.build_context import BuildContext
from mlspec.plan.build_mounts import BuildMount
from mlspec.plan.ignore_file import path_line
from mlspec.plan.installation import choose_target_stage
from mlspec.spec.keys import Settings

_STAGE = "wheels"


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelsPlan:
    """The installation of the wheels of the project.

    ``pins`` are their names with versions, each with the SHA-256 of the wheel. ``mounts`` bring the files.
    """

    from_stage: str
    mounts: tuple[BuildMount, ...]
    pins: tuple[tuple[str, str], ...]

    @property
    def stage(self) -> str:
        """The stage that installs the wheels."""
        return _STAGE


def plan_wheels(settings: Settings, facts: ImageFacts, context: BuildContext) -> WheelsPlan | None:
    """Plan the installation of the wheels of the project; None if the spec requires none."""
    if not facts.wheels:
        return None
    return WheelsPlan(
        from_stage=choose_target_stage(settings, facts),
        mounts=tuple(
            BuildMount((("type", "bind"), ("source", place), ("target", f"/wheels/{posixpath.basename(place)}")))
            for place in _list_paths(facts, context)
        ),
        pins=tuple(sorted((f"{wheel.name}=={wheel.version}", wheel.sha256) for wheel in facts.wheels)),
    )


def list_wheel_lines(facts: ImageFacts, context: BuildContext) -> Iterator[str]:
    """Yield the lines of the ignore file that keep the wheels of the project in the build context."""
    return (f"!{path_line(path)}" for path in _list_paths(facts, context))


def _list_paths(facts: ImageFacts, context: BuildContext) -> tuple[str, ...]:
    """Return the paths in the build context of the wheels of the project."""
    return tuple(sorted({posixpath.normpath(context.path_of(wheel.path)) for wheel in facts.wheels}))
