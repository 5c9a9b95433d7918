"""The Debian packages and steps that an image adds to the system of its base."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.facts.debian import apt_sources
from mlspec.lock.image_facts import ImageFacts
from mlspec.plan.run_steps import steps_at
from mlspec.spec.keys import Settings
from mlspec.spec.nested_build_keys import RunStep


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPlan:
    """Debian packages, and the user's steps before the Python packages.

    ``apt_sources`` are the lines that name Debian's archive of a day, if the spec names a day.
    """

    apt: tuple[str, ...]
    apt_sources: tuple[str, ...]
    steps: tuple[RunStep, ...]

    @property
    def is_changed(self) -> bool:
        """Tell whether the image adds Debian packages or steps to the system of the base."""
        return bool(self.apt or self.steps)

    @property
    def stage(self) -> str:
        """The stage with the changed system; the final image starts from it."""
        return "base" if self.is_changed else "python"


def plan_system(settings: Settings, facts: ImageFacts) -> SystemPlan:
    """Plan the additions of an image to the system of its base."""
    day = settings.apt_snapshot
    return SystemPlan(
        apt=tuple(sorted(set(settings.apt))),
        apt_sources=apt_sources(facts.codename, day) if day else (),
        steps=steps_at(settings, "before_install"),
    )
