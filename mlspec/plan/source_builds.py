"""The builds of locked sources: compilers, Debian packages, environment variables, and the compiler of CUDA."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mlspec.facts import compile_recipes, debian_packages, frameworks
from mlspec.facts.debian import apt_sources
from mlspec.facts.libraries import current_name
from mlspec.facts.versions import parse_release
from mlspec.lock.pins import FROM_GIT
from mlspec.lock.source_layers import SourceLayer
from mlspec.plan.run_steps import steps_at
from mlspec.spec.keys import Settings
from mlspec.spec.nested_build_keys import RunStep
from mlspec.spec.nested_keys import Secret


@dataclass(frozen=True, slots=True)
class CompilerFacts:
    """The facts that decide on the compilers of an image: its settings, Debian release, CUDA and torch."""

    settings: Settings
    codename: str = ""
    cuda: str = ""
    torch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """The stages with compilers: Debian packages, and to compile CUDA also NVIDIA's image and its folder."""

    apt: tuple[str, ...]
    cuda_image: str = ""
    cuda_folder: str = ""
    cuda_apt: tuple[str, ...] = ()
    cuda_environment: tuple[tuple[str, str], ...] = ()

    @property
    def cuda(self) -> SourceBuild | None:
        """The preparation of the stage with the compiler of CUDA, or None without such a stage."""
        build = SourceBuild(from_stage="compiler", apt=self.cuda_apt, environment=self.cuda_environment)
        return build if self.cuda_image else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataStage:
    """The stage that makes the metadata of a source, before there is a lock: the image's base, and compilers.

    ``apt_sources`` are the lines that name Debian's archive of a day, if the spec names a day. ``steps`` are the user's
    steps before the installation, ``secrets`` the secrets of these steps, and ``own_apt`` the Debian packages that are
    installed before these steps.
    """

    base: str
    base_user: str | None = None
    own_apt: tuple[str, ...] = ()
    steps: tuple[RunStep, ...] = ()
    secrets: tuple[tuple[str, Secret], ...] = ()
    apt: tuple[str, ...] = ()
    apt_sources: tuple[str, ...] = ()
    codename: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBuild:
    """The build of a layer's sources: its stage, its Debian packages, and its environment variables.

    ``lock`` is the part of the lock with the build dependencies. ``first`` are lines of the installer's configuration.
    """

    from_stage: str = "installer"
    apt: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    first: tuple[str, ...] = ()
    lock: str = ""


def plan_compiler(facts: CompilerFacts, sources: Iterable[SourceLayer]) -> Compiler | None:
    """Return the compilers for the sources of an image, or None if none are needed or the spec wants none."""
    compiled = [source for source in sources if _takes_compilers(facts, source)]
    if not compiled:
        return None
    image = (
        compile_recipes.cuda_image(facts.cuda) if facts.cuda and any(source.has_cuda for source in compiled) else None
    )
    apt = _tools(facts)
    if not image:
        return Compiler(apt=apt)
    gcc = _older_gcc(facts.codename, image.gcc)
    return Compiler(
        apt=apt,
        cuda_image=image.image,
        cuda_folder=f"/usr/local/cuda-{image.version}",
        cuda_apt=(f"g++-{gcc}", f"gcc-{gcc}") if gcc else (),
        cuda_environment=tuple(_cuda_environment(facts, gcc)),
    )


def _takes_compilers(facts: CompilerFacts, source: SourceLayer) -> bool:
    """Tell whether a source is built on the stage with compilers.

    It is also built there if the spec names Debian packages for builds.
    """
    return facts.settings.build_apt != () and (source.is_compiled or bool(facts.settings.build_apt))


def _tools(facts: CompilerFacts) -> tuple[str, ...]:
    # The spec names headers below `apt` because something compiles against them.
    headers = (name for name in facts.settings.apt if name.partition("=")[0].endswith("-dev"))
    return tuple(sorted({*compile_recipes.tools(), *headers, *(facts.settings.build_apt or ())}))


def _older_gcc(codename: str, newest: int) -> int | None:
    """Return the version of gcc to install for nvcc, or None if the Debian release's own gcc is not too new.

    ``newest`` is the newest gcc that nvcc accepts.
    """
    own = compile_recipes.gcc(codename)
    if own is None or own <= newest:
        return None
    known = debian_packages.debian_package_names(codename)
    return next((number for number in range(newest, 8, -1) if f"g++-{number}" in known), None)


def _cuda_environment(facts: CompilerFacts, gcc: int | None) -> Iterator[tuple[str, str]]:
    yield "CUDA_HOME", "/usr/local/cuda"
    yield "PATH", "/usr/local/cuda/bin:$PATH"
    if gcc:
        yield "CC", f"gcc-{gcc}"
        yield "CXX", f"g++-{gcc}"
        yield "NVCC_PREPEND_FLAGS", f"-ccbin /usr/bin/g++-{gcc}"
    # A build has no GPU, so packages cannot detect the compute capability to compile for.
    yield "FORCE_CUDA", "1"
    if architectures := _architectures(facts):
        yield "TORCH_CUDA_ARCH_LIST", ";".join(architectures)


def _architectures(facts: CompilerFacts) -> tuple[str, ...]:
    """Return the compute capabilities to compile for: those of the spec's GPUs, or else all that torch supports."""
    wanted = filter(None, map(frameworks.capability, facts.settings.gpu_models))
    if named := sorted(set(wanted), key=parse_release):
        return tuple(named)
    builds = frameworks.find_builds(facts.cuda, facts.torch, facts.settings.platforms[0])
    return (*builds[0].architectures[:-1], f"{builds[0].architectures[-1]}+PTX") if builds else ()


def plan_source_build(facts: CompilerFacts, source: SourceLayer) -> SourceBuild:
    """Plan the build of a layer's sources."""
    has_compiler = _takes_compilers(facts, source)
    has_cuda = has_compiler and source.has_cuda and bool(facts.cuda and compile_recipes.cuda_image(facts.cuda))
    return SourceBuild(
        from_stage=("cuda-compiler" if has_cuda else "compiler") if has_compiler else "installer",
        apt=_apt(facts, source) if has_compiler else (),
        environment=tuple(_environment(source, has_cuda=has_cuda)),
        first=tuple(f"{name} = {json.dumps(list(first))}" for name, first in source.first),
        lock=source.layer if source.is_locked else "",
    )


def _apt(facts: CompilerFacts, source: SourceLayer) -> tuple[str, ...]:
    known = {language.name: language for language in compile_recipes.languages()}
    written_in = (known[language] for language in source.languages if language in known)
    names = [name for language in written_in for name in language.compilers(facts.codename)]
    names += [name for package in source.packages for name in compile_recipes.recipe(package).apt]
    return tuple(sorted({current_name(name, facts.codename) for name in names}))


def plan_metadata_stage(facts: CompilerFacts, base: str, base_user: str | None, source: SourceLayer) -> MetadataStage:
    """Plan the stage for the metadata of a source: the stage that will build the source, without CUDA's compiler."""
    apt = (*_tools(facts), *_apt(facts, source)) if _takes_compilers(facts, source) else ()
    # Build backends often read the version from the tags of the repository.
    apt = (*apt, *(("git",) if source.layer == FROM_GIT else ()))
    day = facts.settings.apt_snapshot
    # Builds of sources see the results of these steps, such as a library of the user or another apt source.
    steps = steps_at(facts.settings, "before_install")
    taken = {name for step in steps for name in step.secrets}
    return MetadataStage(
        base=base,
        base_user=base_user,
        own_apt=tuple(sorted(set(facts.settings.apt))) if steps else (),
        steps=steps,
        secrets=tuple((name, secret) for name, secret in facts.settings.secrets.items() if name in taken),
        apt=tuple(sorted(set(apt))),
        apt_sources=apt_sources(facts.codename, day) if day else (),
        codename=facts.codename,
    )


def _environment(source: SourceLayer, *, has_cuda: bool) -> Iterator[tuple[str, str]]:
    for package in source.packages:
        recipe = compile_recipes.recipe(package)
        if has_cuda or not recipe.cuda:
            yield from recipe.environment.items()
    if source.is_locked:
        yield "UV_BUILD_CONSTRAINT", "/build-lock"
    if source.first:
        yield "UV_CONFIG_FILE", "/uv/uv.toml"
