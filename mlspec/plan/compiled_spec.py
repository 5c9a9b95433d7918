"""A spec with its lock, and the plan of each of its images."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mlspec.errors import Problem, SpecError
from mlspec.lock.pins import RequirementsLock
from mlspec.lock.state import LockResult
from mlspec.plan.plan import Plan, resolve
from mlspec.spec.spec import Image, Spec, choose_image


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledSpec:
    """A spec, its lock, and a plan for each of its images, in their order."""

    spec: Spec
    locked: LockResult
    plans: tuple[Plan, ...]

    def plan(self, image: str | None, platform: str | None = None) -> Plan:
        """Return the plan of the image with the key ``image``, for ``platform`` or else the image's first platform.

        ``image`` may be None if the spec has only one image. Raises SpecError if the choice of the image is ambiguous,
        or if the image does not have the platform.
        """
        found = choose_image(self.spec, image)
        plan = self.plans[self.spec.images.index(found)]
        if platform in {None, *plan.platforms}:
            return replace(plan, platform=platform or plan.platform)
        raise SpecError(_not_for(plan, platform or "", found))

    def packages(self, plan: Plan) -> RequirementsLock:
        """Return the locked packages of an image, on the platform of its plan."""
        return self.locked.contents[plan.key].packages[plan.platform]

    def codename(self, plan: Plan) -> str:
        """Return the codename of the Debian release that an image is built on, or "" if it is not known."""
        return self.locked.contents[plan.key].base.codename

    def lock_text(self, plan: Plan) -> str:
        """Return the text of the spec's lock, or "" without a lock."""
        return next((a.text for a in self.locked.artifacts if a.path == plan.files.lock), "")


def _not_for(plan: Plan, platform: str, image: Image) -> Problem:
    message = f"{plan.image} is not for {platform}"
    hint = f"add it to platforms; or name {' or '.join(plan.platforms)}"
    return image.problem("MLS239", message, hint, "platforms")


def compile_spec(spec: Spec, file: str, locked: LockResult) -> CompiledSpec:
    """Plan each image of a spec that was read from ``file``, with its lock."""
    plans = tuple(resolve(file, image, locked.facts[image.key]) for image in spec.images)
    return CompiledSpec(spec=spec, locked=locked, plans=plans)
