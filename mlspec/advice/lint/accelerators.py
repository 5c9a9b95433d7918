"""Rules about accelerators: whether packages, builds and GPUs fit each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlspec.advice.lint.subject import Subject, with_slip
from mlspec.errors import Problem
from mlspec.facts import frameworks
from mlspec.facts.frameworks import TorchBuild
from mlspec.facts.torch import torch_index, torch_indexes
from mlspec.facts.versions import minor_version, parse_release
from mlspec.lock import variants
from mlspec.lock.extras import find_extras
from mlspec.lock.requirements.requirement_types import Requirement
from mlspec.lock.variants import PackageVariant

_FAMILY = ("torch", "torchvision", "torchaudio")


def is_another_variant(subject: Subject) -> Iterator[Problem]:
    """Warn of required packages that are built for another accelerator than the image's, and name the right package."""
    followed = () if subject.is_locked else _list_implied_extras(subject)
    rows = [row for row in variants.variants() if subject.kind in row.instead]
    for requirement in subject.requirements.requirements:
        row = next((row for row in rows if _is_wrong(subject, requirement, row)), None)
        if major := _other_major(subject, requirement.name):
            name = re.sub(r"\d\d(x?)$", rf"{subject.cuda_major}\1", requirement.name)
            message = f"{requirement.name} is for CUDA {major}, but the image is for CUDA {subject.plan.packages.cuda}"
            yield subject.warn_at(requirement, message, f"require {name} in its place")
        elif row and requirement not in followed:
            yield _wrong_variant(subject, requirement, row)


def _list_implied_extras(subject: Subject) -> tuple[Requirement, ...]:
    """Return the requirements to which a new lock will add extras."""
    found = find_extras(subject.requirements, subject.accelerator, subject.plan.platform)
    return tuple(extra.requirement for extra in found)


def _is_wrong(subject: Subject, requirement: Requirement, row: PackageVariant) -> bool:
    if not row.is_wrong(requirement, subject.kind, subject.named_packages):
        return False
    # A build step or a custom base may install the missing part.
    if subject.accelerator.is_cuda and (subject.settings.run or not subject.is_slim):
        return False
    served = any(name == requirement.name for index in subject.settings.indexes for name in index.packages)
    return not (row.index and served)


def _wrong_variant(subject: Subject, requirement: Requirement, row: PackageVariant) -> Problem:
    instead = row.instead[subject.kind].format(major=subject.cuda_major or "12")
    ways = [f"require {instead} in its place"] if instead else []
    ways += [] if "cuda" in row.instead else ["write: accelerator: cuda"]
    index = row.index_for(subject.plan.packages.cuda)
    ways += [f"write: indexes: [{{url: {index}, packages: [{row.package}]}}]"] if index else []
    message = f"{_format_requirement(requirement)} {row.what}, but this is a {subject.accelerator} image"
    return subject.warn_at(requirement, message, "; or ".join(ways))


def _format_requirement(requirement: Requirement) -> str:
    extras = sorted(variants.extras_of(requirement))
    return f"{requirement.name}[{','.join(extras)}]" if extras else requirement.name


def _other_major(subject: Subject, name: str) -> str:
    if not subject.accelerator.is_cuda:
        return ""
    found = re.search(r"-cu(?:da)?(1\d)x?$", name)
    return found[1] if found and subject.plan.packages.cuda and found[1] != subject.cuda_major else ""


# The builds of torch


def is_not_built_for(subject: Subject) -> Iterator[Problem]:
    """Warn of an accelerator for which no torch is known to be built, or not the required torch."""
    label = subject.accelerator.label
    if not label or subject.accelerator.is_cpu or not any(r.name in _FAMILY for r in subject.requirements.requirements):
        return
    row, kind = torch_index(label), subject.kind
    rows = [known for known in torch_indexes() if known.kind == kind]
    torch = subject.version("torch")
    if row not in rows:
        message = f"no build of torch is known for {subject.accelerator}"
    elif torch and _is_known(torch) and not row.has(torch):
        rows = [known for known in rows if known.has(torch)]
        message = f"torch {minor_version(torch)} is not known to be built for {subject.accelerator}"
    else:
        return
    wanted = parse_release(row.version or subject.accelerator.version)
    near = sorted(rows, key=lambda known: _distance(parse_release(known.version), wanted))[:2]
    names = " or ".join(f"{kind}{known.version}" for known in near)
    yield subject.warn(message, f"write: accelerator: {names}" if names else "require another torch", "accelerator")


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    (major, minor), (wanted, least) = ((*version, 0, 0)[:2] for version in (one, other))
    return abs((major - wanted) * 10 + minor - least)


def _is_known(torch: str) -> bool:
    return any(parse_release(r.version) == parse_release(torch)[:2] for r in frameworks.releases("torch"))


def lacks_wheels(subject: Subject) -> Iterator[Problem]:
    """Warn of a framework that is known to have no wheels for the image's Python."""
    python = subject.settings.python
    for framework in ("torch", "tensorflow", "jaxlib"):
        version = subject.version(framework)
        rows = frameworks.releases(framework)
        row = next((row for row in rows if version and row.version == minor_version(version)), None)
        if row and not row.has(python):
            fitting = next((other.version for other in reversed(rows) if other.has(python)), "")
            nearest = row.last if parse_release(python) > parse_release(row.last) else row.first
            hint = f"write: python: {nearest}" + (f"; or require {framework}=={fitting}.*" if fitting else "")
            message = f"{framework} {row.version} has no wheels for Python {python}"
            yield subject.warn_of_package(framework, message, hint)


# GPUs


def is_unknown_gpu(subject: Subject) -> Iterator[Problem]:
    """Warn of unknown names of GPUs: mlspec cannot check anything for such a GPU."""
    for index, gpu in enumerate(subject.settings.gpu_models):
        if not frameworks.capability(gpu):
            near = " or ".join(frameworks.near_gpus(gpu))
            hint = f"did you mean {near}?" if near else "write its architecture: if nvidia-smi prints 9.0, write sm_90"
            warning = subject.warn(f"the GPU {gpu} is unknown, so mlspec cannot check it", hint, "gpu_models", index)
            yield with_slip(warning, gpu, frameworks.near_gpus(gpu))


def lacks_kernels(subject: Subject) -> Iterator[Problem]:
    """Warn of GPUs for which the image's torch is known to have no kernels, and name the nearest build with kernels."""
    settings, torch = subject.settings, subject.version("torch")
    mine = frameworks.find_builds(subject.plan.packages.cuda, torch, subject.plan.platform)
    for index, gpu in enumerate(settings.gpu_models):
        capability = frameworks.capability(gpu)
        if "torch" not in subject.packages or not capability or not mine or any(b.runs_on(capability) for b in mine):
            continue
        called = f"torch {minor_version(torch)}" if torch else "torch"
        architecture = frameworks.architecture(capability)
        name = gpu if gpu.lower() == architecture else f"{gpu} ({architecture})"
        message = f"{called} for CUDA {subject.plan.packages.cuda} has no kernels for {name}: nothing would run on it"
        yield subject.warn(message, _nearest_build(subject, torch, mine), "gpu_models", index)


def _nearest_build(subject: Subject, torch: str, mine: tuple[TorchBuild, ...]) -> str:
    wanted = tuple(filter(None, map(frameworks.capability, subject.settings.gpu_models)))
    known = frameworks.builds(subject.plan.platform)
    whole = [build for build in known if all(map(build.runs_on, wanted))]
    same = [build for build in whole if not torch or build.has(torch)]
    here = parse_release(subject.plan.packages.cuda)
    if same:
        build = min(same, key=lambda build: _distance(parse_release(build.cuda), here))
        return f"write: accelerator: cuda{build.cuda}"
    if whole:
        build = min(whole, key=lambda build: (parse_release(build.first), parse_release(build.cuda)))
        return f"require torch=={build.first}.*, and write: accelerator: cuda{build.cuda}"
    return "no single build is known with kernels for all of gpu_models: give each kind of GPU its own image"
