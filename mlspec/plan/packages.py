"""The Python packages of an image: their layers, the installer, and the builds of packages without a wheel."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mlspec.facts.versions import minor_version
from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.layers import ALL_WHEELS
from mlspec.lock.pins import FROM_GIT, FROM_PROJECT
from mlspec.plan.build_mounts import SSH, BuildMount, install_mounts
from mlspec.plan.installation import InstallerPlan, plan_installer
from mlspec.plan.run_steps import steps_at
from mlspec.plan.source_builds import Compiler, CompilerFacts, SourceBuild, plan_compiler, plan_source_build
from mlspec.spec.keys import Settings
from mlspec.spec.nested_build_keys import RunStep


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPlan:
    """One layer of packages: its name in the lock, the stage that installs it, and the build of its sources.

    ``index`` is the URL of the index of its wheels, and ``secret`` the login of the index. Both are None for the
    default index.
    """

    name: str
    stage: str
    build: SourceBuild | None = None
    index: str | None = None
    secret: str | None = None

    @property
    def from_stage(self) -> str:
        """The stage that the packages of the layer are installed on."""
        return self.build.from_stage if self.build else "installer"

    @property
    def apt(self) -> tuple[str, ...]:
        """The Debian packages for the builds of the layer's sources."""
        return self.build.apt if self.build else ()

    @property
    def first(self) -> tuple[str, ...]:
        """The lines of the installer's configuration for the layer's builds."""
        return self.build.first if self.build else ()

    @property
    def environment(self) -> tuple[tuple[str, str], ...]:
        """The environment variables of the layer's builds."""
        return self.build.environment if self.build else ()

    @property
    def mounts(self) -> tuple[BuildMount, ...]:
        """The mounts of the step that installs the layer."""
        return install_mounts(f"/lock/{self.name}", self.build, self.secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class GitPlan:
    """The build and the installation of git dependencies."""

    build: SourceBuild
    uses_ssh: bool

    @property
    def apt(self) -> tuple[str, ...]:
        """The Debian packages to fetch and build git dependencies."""
        return ("ca-certificates", "git", *(("openssh-client",) if self.uses_ssh else ()), *self.build.apt)

    @property
    def first(self) -> tuple[str, ...]:
        """The lines of the installer's configuration for the builds of git dependencies."""
        return self.build.first

    @property
    def environment(self) -> tuple[tuple[str, str], ...]:
        """The environment variables of the builds.

        ssh accepts an unknown host key: a wrong host does not have the pinned commit.
        """
        ssh = (("GIT_SSH_COMMAND", "ssh -o StrictHostKeyChecking=accept-new"),) if self.uses_ssh else ()
        return (*ssh, *self.build.environment)

    @property
    def mounts(self) -> tuple[BuildMount, ...]:
        """The mounts of the step that installs git dependencies."""
        return (*install_mounts("/git.lock", self.build), *((SSH,) if self.uses_ssh else ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagesPlan:
    """The packages of an image, layer by layer, and the user's steps after them.

    ``library`` is the folder of the packages in the virtual environment. ``is_light``: all packages are one layer, and
    the pip of the base installs it. ``has_build_lock``: a lock has the build dependencies. ``builds_project``: the lock
    has those of the packages in folders of the project. ``locks_from_stage`` is the stage that divides the locks into
    parts. ``cuda`` is the image's version of CUDA, and ``torch`` its version of
    torch; both are empty if the image has none.
    """

    installer: InstallerPlan | None
    library: str
    layers: tuple[LayerPlan, ...]
    is_light: bool
    git: GitPlan | None
    compiler: Compiler | None
    has_build_lock: bool
    builds_project: bool
    locks_from_stage: str
    steps: tuple[RunStep, ...]
    cuda: str
    torch: str

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The names of the layers in the lock."""
        return tuple(layer.name for layer in self.layers)

    @property
    def build_names(self) -> tuple[str, ...]:
        """The names of the parts of the lock of build dependencies."""
        builds = (*(layer.build for layer in self.layers), self.git.build if self.git else None)
        own = (FROM_PROJECT,) if self.builds_project else ()
        return (*(build.lock for build in builds if build and build.lock), *own)

    @property
    def git_stage(self) -> str | None:
        """The stage that installs git dependencies, or None without git dependencies."""
        return "layer-git" if self.git else None

    @property
    def cuda_compiler(self) -> SourceBuild | None:
        """The preparation of the stage with the compiler of CUDA, or None without such a stage."""
        return self.compiler.cuda if self.compiler else None

    @property
    def uses_ssh(self) -> bool:
        """Tell whether the build fetches git dependencies with the SSH keys of the user who builds."""
        return self.git is not None and self.git.uses_ssh


def plan_packages(settings: Settings, facts: ImageFacts) -> PackagesPlan:
    """Plan the Python packages of an image."""
    cuda = _cuda_version(settings, facts)
    compiling = CompilerFacts(settings, facts.codename, cuda, facts.torch)
    minor = minor_version(settings.python)
    return PackagesPlan(
        installer=plan_installer(settings, facts),
        library=f"lib/python{minor}/site-packages",
        layers=tuple(_plan_layer(compiling, layer, facts) for layer in facts.layers),
        is_light=is_light(settings, facts),
        git=_plan_git(compiling, facts),
        compiler=plan_compiler(compiling, facts.sources),
        has_build_lock=bool(facts.local) or any(source.is_locked for source in facts.sources),
        builds_project=bool(facts.local),
        locks_from_stage="native" if len(settings.platforms) > 1 else "python",
        steps=steps_at(settings, "after_install"),
        cuda=cuda,
        torch=facts.torch,
    )


def _plan_layer(compiling: CompilerFacts, name: str, facts: ImageFacts) -> LayerPlan:
    url = dict(facts.layer_indexes).get(name)
    secret = next((index.secret for index in compiling.settings.indexes if index.url == url), None)
    build = _plan_build(compiling, name, facts)
    stage = "packages" if is_light(compiling.settings, facts) else f"layer-{name}"
    # A build looks for its build dependencies at the other indexes too: its variables name all indexes.
    return LayerPlan(name=name, stage=stage, build=build, index=None if build else url, secret=secret)


def is_light(settings: Settings, facts: ImageFacts) -> bool:
    """Tell whether the pip of the base installs all packages in one step, as one layer of light wheels.

    The pip of an official image can install for another Python (pip 22.3 or newer). Another base may have no pip.
    """
    return (
        (facts.layers == (ALL_WHEELS,) or (bool(facts.local or facts.wheels) and not facts.layers))
        and facts.is_official
        and len(settings.platforms) == 1
        and not (facts.layer_indexes or facts.sources or facts.has_vcs)
    )


def _plan_git(compiling: CompilerFacts, facts: ImageFacts) -> GitPlan | None:
    if not facts.has_vcs:
        return None
    return GitPlan(build=_plan_build(compiling, FROM_GIT, facts) or SourceBuild(), uses_ssh=facts.uses_ssh)


def _plan_build(compiling: CompilerFacts, layer: str, facts: ImageFacts) -> SourceBuild | None:
    source = next((source for source in facts.sources if source.layer == layer), None)
    if not source:
        return None
    build = plan_source_build(compiling, source)
    if not facts.index_urls:
        return build
    # A build dependency, such as torch, may come from another index than the source. The lock pins its version and
    # hashes. An unlocked build dependency comes from the first index that has the name, and the indexes of the spec
    # stand before the default one: to take the newest of all would let a stranger publish the name there.
    indexes = (("UV_INDEX_STRATEGY", "unsafe-first-match"), ("UV_INDEX", " ".join(facts.index_urls)))
    return replace(build, environment=(*build.environment, *indexes))


def _cuda_version(settings: Settings, facts: ImageFacts) -> str:
    """Return the version of CUDA in the spec, or else the version that the locked packages were built for."""
    accelerator = settings.accelerator
    return (accelerator.version or facts.cuda) if accelerator.is_cuda else ""
