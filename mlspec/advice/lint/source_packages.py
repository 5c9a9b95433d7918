"""Rules about packages without a wheel: their libraries, their headers, their compilers, their build settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from packaging.utils import canonicalize_name
from packaging.version import Version

from mlspec.advice.lint.package_needs import has_library
from mlspec.advice.lint.subject import Subject
from mlspec.errors import Add, Problem
from mlspec.facts import compile_recipes
from mlspec.facts.libraries import current_name
from mlspec.lock.pins import Pin
from mlspec.lock.source_layers import PURE


def _sources(subject: Subject) -> Iterator[Pin]:
    yield from (pin for pin in subject.pins if pin.is_source)


def has_no_wheel(subject: Subject) -> Iterator[Problem]:
    """Warn of packages without a wheel that the image builds from source without a request in the spec.

    ``--no-binary`` and a requirement from git are such requests.
    """
    asked = subject.requirements.built_from_source
    for pin in _sources(subject):
        if pin.name in asked or " @ git+" in pin.requirement:
            continue
        how = "built from source" if pin.languages == PURE else "compiled"
        written = f" ({', '.join(pin.languages)})" if how == "compiled" and pin.languages else ""
        message = f"{pin.name} {pin.version} has no wheel, so it is {how}{written} while the image is built"
        hint = f"to accept this, add to the requirements: --no-binary {pin.name}"
        newest = f"{pin.name}=={pin.wheel_version}"
        other = f"require {newest}, the newest that has a wheel; or, " if pin.wheel_version else ""
        yield subject.warn_of_package(pin.name, message, f"{other}{hint}")


def lacks_libraries(subject: Subject) -> Iterator[Problem]:
    """Warn of libraries that a package compiled from source loads and a slim image lacks."""
    if not subject.is_slim:
        return
    for pin in _sources(subject):
        wanted = (current_name(name, subject.base.codename) for name in compile_recipes.recipe(pin.name).libraries)
        missing = tuple(name for name in wanted if not has_library(subject, name))
        if missing:
            message = f"{pin.name} is compiled against {', '.join(missing)}, which a slim image lacks"
            hint = f"add: apt: [{', '.join((*subject.settings.apt, *missing))}]"
            warning = subject.warn_of_package(pin.name, message, hint)
            yield replace(warning, repairs=(Add((*subject.image.origin(), "apt"), missing),))


def keeps_headers(subject: Subject) -> Iterator[Problem]:
    """Warn of Debian's headers and build tools below ``apt``, if separate stages compile the packages."""
    if subject.plan.packages.compiler is None:
        return
    known = {name for pin in _sources(subject) for name in compile_recipes.recipe(pin.name).apt}
    for index, entry in enumerate(subject.settings.apt):
        name = entry.partition("=")[0]
        if name.endswith("-dev") or name in compile_recipes.tools():
            message = f"{name} is only needed to compile, and would be in the image"
            hint = "remove it" if name in {*known, *compile_recipes.tools()} else f"write it below build_apt: [{name}]"
            yield subject.warn(message, hint, "apt", index)


def lacks_cuda_image(subject: Subject) -> Iterator[Problem]:
    """Warn if packages need CUDA's compiler and no image with the compiler of exactly this CUDA is known."""
    cuda = subject.plan.packages.cuda
    compiled = [pin for pin in _sources(subject) if compile_recipes.recipe(pin.name).cuda or "CUDA" in pin.languages]
    image = compile_recipes.cuda_image(cuda) if cuda else None
    if compiled and cuda and (image is None or image.version != cuda):
        known = compile_recipes.cuda_versions()
        taken = f"mlspec uses that of {image.version}" if image else "so it is compiled without it"
        message = f"no image with the compiler of CUDA {cuda} is known for {compiled[0].name}: {taken}"
        hint = f"known: {', '.join(known)}; write: accelerator: cuda{image.version if image else known[-1]}"
        yield subject.warn(message, hint, "accelerator")


def bounds_no_build(subject: Subject) -> Iterator[Problem]:
    """Warn of build settings that match no locked package: the name has a typo, or the setting is out of date."""
    if not subject.is_locked or not subject.pins:
        return
    built = {pin.name: pin.version for pin in _sources(subject)}
    if subject.settings.build_constraints and not built:
        message = "no locked package is built from source, so these constraints have no effect"
        yield subject.warn(message, "remove build_constraints", "build_constraints")
    for index, row in enumerate(subject.settings.dependency_metadata):
        name = canonicalize_name(row.name)
        path = ("dependency_metadata", index, "name")
        if name not in built:
            why = "has a wheel" if name in subject.packages else "is not locked here"
            message = f"{name} {why}, so this entry has no effect"
            yield subject.warn(message, "correct its name, or remove the entry", *path)
        elif row.version and Version(row.version) != Version(built[name]):
            message = f"the lock has {name} {built[name]}, but this is about {row.version}"
            yield subject.warn(message, f"write: version: {built[name]}", "dependency_metadata", index, "version")
    written = {canonicalize_name(row.name) for row in subject.settings.dependency_metadata}
    for stated in subject.requirements.stated:
        if stated.name in subject.packages - built.keys() - written:
            message = f"{stated.name} has a wheel, so what pyproject.toml says about it has no effect here"
            hint = f"require another release: {stated.name}==..."
            yield subject.warn_of_package(stated.name, message, hint)
