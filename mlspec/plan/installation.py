"""The program that installs the packages of an image."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.facts.installer import pinned_installer
from mlspec.lock.image_facts import ImageFacts
from mlspec.plan.run_steps import steps_at
from mlspec.spec.keys import Settings

FORMER_STAGE = "former"
"""The stage of the base that packages were first installed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerPlan:
    """The pinned program that installs packages during a build, and the SHA-256 of its wheels for the platforms.

    ``from_stage`` is the stage that it is installed on. ``manylinux`` names the wheels to take for a platform that need
    not be the one of the machine that builds, such as ``manylinux_2_36``; empty where packages are installed on the
    platform of the image.
    """

    name: str
    version: str
    hashes: tuple[str, ...]
    from_stage: str
    manylinux: str = ""

    @property
    def is_cross_platform(self) -> bool:
        """Tell whether packages are installed on the machine that builds, whatever the platform of the image."""
        return bool(self.manylinux)


def plan_installer(settings: Settings, facts: ImageFacts) -> InstallerPlan | None:
    """Return the installer of an image, or None where there is nothing to install."""
    if not _installs(facts):
        return None
    row = pinned_installer()
    return InstallerPlan(
        name=row.name,
        version=row.version,
        hashes=tuple(value for platform in settings.platforms for value in row.hashes(platform)),
        from_stage=choose_installer_stage(settings, facts),
        manylinux=row.manylinux(facts.glibc) if _crosses(settings, facts) else "",
    )


def choose_installer_stage(settings: Settings, facts: ImageFacts) -> str:
    """Return the stage that packages are installed on.

    They do not depend on the system's own packages, so that a change of those reinstalls nothing; except where a step
    of the user's prepares the installation.
    """
    if steps_at(settings, "before_install"):
        return "base"
    if facts.install_base and _installs(facts):
        return FORMER_STAGE
    return "native" if _crosses(settings, facts) else "python"


def _installs(facts: ImageFacts) -> bool:
    return bool(facts.layers) or facts.has_vcs


def _crosses(settings: Settings, facts: ImageFacts) -> bool:
    # Wheels are unpacked and compiled to bytecode, which is the same everywhere; what has to be built runs compilers,
    # and nobody knows what a step of the user's prepares.
    has_only_wheels = not facts.sources and not facts.has_vcs and not steps_at(settings, "before_install")
    return has_only_wheels and len(settings.platforms) > 1
