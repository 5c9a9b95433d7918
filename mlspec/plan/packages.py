"""The Python packages of an image: their layers, what installs them, and what builds those that have no wheel."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mlspec.facts.versions import minor_version
from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.pins import FROM_GIT
from mlspec.plan.folders import VENV
from mlspec.plan.installation import InstallerPlan, plan_installer
from mlspec.plan.run_steps import steps_at
from mlspec.plan.source_builds import Compiler, CompilerFacts, SourceBuild, plan_compiler, plan_source_build
from mlspec.spec.keys import Settings
from mlspec.spec.nested_keys import RunStep


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPlan:
    """One layer of packages: its name in the lock, the stage that installs it, and how its sources are built.

    ``index`` is the index that it comes from, and ``secret`` the login there; None where that is the default index.
    """

    name: str
    stage: str
    build: SourceBuild | None = None
    index: str | None = None
    secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GitPlan:
    """How git dependencies are built and installed."""

    build: SourceBuild
    uses_ssh: bool

    @property
    def apt(self) -> tuple[str, ...]:
        """The Debian packages that fetch and build them."""
        return ("ca-certificates", "git", *(("openssh-client",) if self.uses_ssh else ()), *self.build.apt)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagesPlan:
    """The packages of an image, layer by layer, and the user's steps after them.

    ``partial_layers`` and ``partial_builds`` are those that one of the platforms lacks. ``has_build_lock`` tells that
    a lock holds what builds take, and ``locks_from_stage`` is the stage that locks are cut in. ``cuda`` is the version
    of CUDA that the image is for, and ``torch`` that of its torch; empty where there is none.
    """

    installer: InstallerPlan | None
    site_packages: str
    layers: tuple[LayerPlan, ...]
    partial_layers: tuple[str, ...]
    git: GitPlan | None
    compiler: Compiler | None
    has_build_lock: bool
    partial_builds: tuple[str, ...]
    locks_from_stage: str
    steps: tuple[RunStep, ...]
    cuda: str
    torch: str

    @property
    def uses_ssh(self) -> bool:
        """Tell whether the build fetches git dependencies with the keys of whoever builds."""
        return self.git is not None and self.git.uses_ssh


def plan_packages(settings: Settings, facts: ImageFacts) -> PackagesPlan:
    """Return the packages of an image."""
    cuda = _cuda_version(settings, facts)
    compiling = CompilerFacts(settings, facts.codename, cuda, facts.torch)
    minor = minor_version(settings.python)
    return PackagesPlan(
        installer=plan_installer(settings, facts),
        site_packages=f"{VENV}/lib/python{minor}/site-packages",
        layers=tuple(_plan_layer(compiling, layer, facts) for layer in facts.layers),
        partial_layers=facts.partial_layers,
        git=_plan_git(compiling, facts),
        compiler=plan_compiler(compiling, facts.sources),
        has_build_lock=any(source.is_locked for source in facts.sources),
        partial_builds=facts.partial_builds,
        locks_from_stage="native" if len(settings.platforms) > 1 else "python",
        steps=steps_at(settings, "after_install"),
        cuda=cuda,
        torch=facts.torch,
    )


def _plan_layer(compiling: CompilerFacts, name: str, facts: ImageFacts) -> LayerPlan:
    url = dict(facts.layer_indexes).get(name)
    secret = next((index.secret for index in compiling.settings.indexes if index.url == url), None)
    build = _plan_build(compiling, name, facts)
    return LayerPlan(name=name, stage=f"layer-{name}", build=build, index=url, secret=secret)


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
    # What a build takes may come from another index than the source: torch of its own, for one. Versions and hashes
    # of the lock hold it to that. What no lock holds comes from the first index that has it, those of the spec before
    # the default one: the newest of all would be what a stranger publishes there under the same name.
    indexes = (("UV_INDEX_STRATEGY", "unsafe-first-match"), ("UV_INDEX", " ".join(facts.index_urls)))
    return replace(build, environment=(*build.environment, *indexes))


def _cuda_version(settings: Settings, facts: ImageFacts) -> str:
    """Return the version of CUDA: the one that is named, or the one that the locked packages were built for."""
    accelerator = settings.accelerator
    return (accelerator.version or facts.cuda) if accelerator.is_cuda else ""
