"""The base image of an image."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.lock.image_facts import ImageFacts
from mlspec.plan.installation import FORMER_STAGE, choose_installer_stage
from mlspec.spec.keys import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class BasePlan:
    """The base image, with its digest.

    ``user`` is the user for build steps, root, if the base may name another user. ``former`` is the earlier state of
    the base that the packages are still installed on, or None.
    """

    reference: str
    user: str | None
    former: str | None


def plan_base(settings: Settings, facts: ImageFacts) -> BasePlan:
    """Return the base of an image."""
    is_former = choose_installer_stage(settings, facts) == FORMER_STAGE
    return BasePlan(
        reference=facts.base,
        user=None if facts.is_official else "0:0",
        former=facts.install_base if is_former else None,
    )
