"""The plan of one image: every choice that follows from its spec and its lock, as facts and not as steps."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.lock.image_facts import ImageFacts
from mlspec.plan.base import BasePlan, plan_base
from mlspec.plan.build_context import BuildContext, plan_build_context
from mlspec.plan.build_mounts import LockParts
from mlspec.plan.bytecode import BytecodePlan, plan_bytecode
from mlspec.plan.code import CodePlan, plan_code
from mlspec.plan.container import ContainerPlan, plan_container
from mlspec.plan.developer import DeveloperPlan, plan_developer
from mlspec.plan.folders import FoldersPlan, plan_folders
from mlspec.plan.packages import PackagesPlan, plan_packages
from mlspec.plan.project import ProjectPlan, plan_project
from mlspec.plan.push import PushPlan, plan_push
from mlspec.plan.run import RunPlan, plan_run
from mlspec.plan.run_steps import plan_build_secrets
from mlspec.plan.system import SystemPlan, plan_system
from mlspec.plan.wheels import WheelsPlan, plan_wheels
from mlspec.spec.files import Files, files_of
from mlspec.spec.nested_keys import Secret
from mlspec.spec.spec import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All choices for one image, in the order of a build.

    ``key`` is the image's name in the spec, and ``image`` its name in an engine. ``platform`` is the selected one of
    ``platforms``.
    """

    key: str
    files: Files
    context: BuildContext
    image: str
    platforms: tuple[str, ...]
    platform: str
    base: BasePlan
    system: SystemPlan
    bytecode: BytecodePlan
    folders: FoldersPlan
    packages: PackagesPlan
    project: ProjectPlan | None
    wheels: WheelsPlan | None
    code: CodePlan
    container: ContainerPlan
    build_secrets: tuple[tuple[str, Secret], ...]
    push: PushPlan
    run: RunPlan
    developer: DeveloperPlan

    @property
    def is_multi_platform(self) -> bool:
        """Tell whether the image has several platforms."""
        return len(self.platforms) > 1

    @property
    def has_steps(self) -> bool:
        """Tell whether steps of the user run in the final stage, and so need its environment."""
        return bool(self.packages.steps or self.code.steps)

    @property
    def locks(self) -> tuple[LockParts, ...]:
        """The locks that a build installs layer by layer."""
        requirements = LockParts(self.requirements_lock, "/lock", self.packages.layer_names)
        builds = LockParts(self.context.path_of(self.files.build_lock), "/build-lock", self.packages.build_names)
        return tuple(lock for lock in (requirements, builds) if lock.layers)

    @property
    def requirements_lock(self) -> str:
        """The path in the build context of the lock with the pinned requirements."""
        return self.context.path_of(self.files.requirements_lock)

    @property
    def git_lock(self) -> str | None:
        """The path in the build context of the lock of git dependencies, or None without git dependencies."""
        return self.context.path_of(self.files.vcs_lock) if self.packages.git else None

    @property
    def dockerfile(self) -> str:
        """The path in the build context of the Dockerfile."""
        return self.context.path_of(self.files.dockerfile)

    @property
    def compiled_stage(self) -> str | None:
        """The stage that compiles modules of the project, or None without such modules."""
        return self.project.stage if self.project and self.project.compiled else None

    @property
    def project_stage(self) -> str | None:
        """The stage that installs the packages in folders of the project, or None without such packages."""
        return self.project.stage if self.project else None

    @property
    def wheels_stage(self) -> str | None:
        """The stage that installs the wheels of the project, or None without wheels."""
        return self.wheels.stage if self.wheels else None

    @property
    def target_argument(self) -> str | None:
        """The build argument with the architecture of the image, or None if the image has one platform."""
        return "TARGETARCH" if self.is_multi_platform else None

    @property
    def working_dir_before_steps(self) -> str | None:
        """The working directory of an image without steps, or None.

        WORKDIR stands early, so the cache keeps it when packages or the code change.
        """
        return None if self.has_steps else self.container.working_dir

    @property
    def working_dir_after_steps(self) -> str | None:
        """The working directory of an image with steps, or None: the steps before the code do not run there."""
        return self.container.working_dir if self.has_steps else None


def resolve(spec_file: str, image: Image, facts: ImageFacts) -> Plan:
    """Plan one image of the spec in ``spec_file``."""
    settings, files = image.settings, files_of(spec_file, image.key)
    name = f"{facts.project}-{image.key}" if image.key else facts.project
    system, packages = plan_system(settings, facts), plan_packages(settings, facts)
    context = plan_build_context(image)
    folders = plan_folders(settings, facts, system)
    return Plan(
        key=image.key,
        files=files,
        context=context,
        image=name,
        platforms=settings.platforms,
        platform=settings.platforms[0],
        base=plan_base(settings, facts),
        system=system,
        bytecode=plan_bytecode(settings, facts, system, folders.from_stage),
        folders=folders,
        packages=packages,
        project=plan_project(image, context.path_of(files.build_lock), facts, packages),
        wheels=plan_wheels(settings, facts, context),
        code=plan_code(image, files, facts, system, packages, context),
        container=plan_container(settings, packages),
        build_secrets=plan_build_secrets(settings, facts),
        push=plan_push(name, settings),
        run=plan_run(name, files, settings),
        developer=plan_developer(name, files, settings, facts),
    )
