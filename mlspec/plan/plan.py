"""Spec and lock to a plan: every choice made, for one image. It holds facts, not steps."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.lock.image_facts import ImageFacts
from mlspec.plan.base import BasePlan, plan_base
from mlspec.plan.code import CodePlan, plan_code
from mlspec.plan.container import ContainerPlan, plan_container
from mlspec.plan.folders import FoldersPlan, plan_folders
from mlspec.plan.packages import PackagesPlan, plan_packages
from mlspec.plan.run import RunPlan, plan_run
from mlspec.plan.run_steps import plan_build_secrets
from mlspec.plan.system import SystemPlan, plan_system
from mlspec.spec.files import Files, files_of
from mlspec.spec.nested_keys import Secret
from mlspec.spec.spec import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every choice made for one image, in parts that follow each other in a build.

    ``key`` is the image's name in the spec and ``image`` its name in an engine. Of its ``platforms``, ``platform`` is
    the one that is looked at.
    """

    key: str
    files: Files
    image: str
    platforms: tuple[str, ...]
    platform: str
    base: BasePlan
    system: SystemPlan
    packages: PackagesPlan
    code: CodePlan
    folders: FoldersPlan
    container: ContainerPlan
    build_secrets: tuple[tuple[str, Secret], ...]
    run: RunPlan

    @property
    def is_multi_platform(self) -> bool:
        """Tell whether the image has several platforms."""
        return len(self.platforms) > 1

    @property
    def has_steps(self) -> bool:
        """Tell whether steps of the user's run in the final stage, and so need its environment."""
        return bool(self.packages.steps or self.code.steps)


def resolve(spec_file: str, image: Image, facts: ImageFacts) -> Plan:
    """Return the plan for one image of the spec in ``spec_file``."""
    settings, files = image.settings, files_of(spec_file, image.key)
    name = f"{facts.project}-{image.key}" if image.key else facts.project
    system, packages = plan_system(settings, facts), plan_packages(settings, facts)
    return Plan(
        key=image.key,
        files=files,
        image=name,
        platforms=settings.platforms,
        platform=settings.platforms[0],
        base=plan_base(settings, facts),
        system=system,
        packages=packages,
        code=plan_code(image, files, facts, system, packages),
        folders=plan_folders(settings, facts, system),
        container=plan_container(settings, packages),
        build_secrets=plan_build_secrets(settings, facts),
        run=plan_run(name, files, settings),
    )
