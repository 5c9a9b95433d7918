"""The installer: the program that installs the packages of an image."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.facts.installer import pinned_installer
from mlspec.lock.image_facts import ImageFacts
from mlspec.plan.run_steps import steps_at
from mlspec.spec.keys import Settings

FORMER_STAGE = "former"
"""The stage with the earlier state of the base, which packages were first installed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerPlan:
    """The pinned installer of a build, and the SHA-256 of its wheels for the platforms.

    ``from_stage`` is the stage that the installer is installed on. ``manylinux`` names the wheels for the image's
    platform, such as ``manylinux_2_36``, if the build machine installs packages for other platforms. It is empty if
    packages are installed on the platform of the image.
    """

    name: str
    version: str
    hashes: tuple[str, ...]
    from_stage: str
    manylinux: str = ""

    @property
    def is_cross_platform(self) -> bool:
        """Tell whether the build machine's own platform installs the packages, for any platform of the image."""
        return bool(self.manylinux)

    @property
    def build_platform(self) -> str | None:
        """The platform of the installer's stage, or None if it is the platform of the image."""
        return "$BUILDPLATFORM" if self.is_cross_platform else None

    @property
    def target_argument(self) -> str | None:
        """The build argument with the image's architecture, or None if that architecture installs the packages."""
        return "TARGETARCH" if self.is_cross_platform else None


def plan_installer(settings: Settings, facts: ImageFacts) -> InstallerPlan | None:
    """Return the installer of an image, or None if the image has no packages to install."""
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

    The stage does not have the Debian packages of the spec, so a change of those reinstalls no Python package. The
    exception: a step of the user prepares the installation.
    """
    if steps_at(settings, "before_install"):
        return "base"
    if facts.install_base and _installs(facts):
        return FORMER_STAGE
    return "native" if _crosses(settings, facts) else "python"


def choose_target_stage(settings: Settings, facts: ImageFacts) -> str:
    """Return the stage for packages that only the platform of the image can install."""
    return "python" if _crosses(settings, facts) else choose_installer_stage(settings, facts)


def _installs(facts: ImageFacts) -> bool:
    return bool(facts.layers or facts.has_vcs or facts.local or facts.wheels)


def _crosses(settings: Settings, facts: ImageFacts) -> bool:
    # Installing a wheel means to unpack it and to compile bytecode, which is the same on each platform. A source runs
    # compilers for one platform, and a step of the user may prepare anything.
    has_only_wheels = not facts.sources and not facts.has_vcs and not steps_at(settings, "before_install")
    return has_only_wheels and len(settings.platforms) > 1
