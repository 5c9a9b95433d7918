"""The settings of a spec for builds of source packages: constraints on build dependencies, and stated metadata."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from mlspec.errors import Problem, SpecError
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.requirement_types import Requirement, Requirements, Stated
from mlspec.spec.nested_build_keys import PackageMetadata
from mlspec.spec.place import Place


def with_limits(requirements: Requirements, limits: Requirements) -> Requirements:
    """Return requirements with the constraints on their builds; raises SpecError if an entry is no constraint."""
    bounds = (*limits.requirements, *limits.constraints)
    hint = "write a name and versions, such as: setuptools<81"
    if limits.tool_lock:
        message = f"{limits.tool_lock.path} is a lock of packages, and no constraint for a build"
        raise SpecError(limits.tool_lock.entry.problem("MLS263", message, hint))
    if wrong := [bound for bound in bounds if bound.kind != "index"]:
        message = "a URL is not a constraint for a build"
        raise SpecError(*(bound.problem("MLS263", message, hint) for bound in wrong))
    files = tuple(dict.fromkeys((*requirements.files, *limits.files)))
    return replace(requirements, build_constraints=(*requirements.build_constraints, *bounds), files=files)


def read_metadata(row: PackageMetadata, place: Place) -> Stated | list[Problem]:
    """Return metadata as the spec states it, or all its problems."""
    problems = []

    def wrong(message: str, hint: str, *below: str | int) -> None:
        problems.append(replace(place, path=(*place.path, *below)).problem("MLS263", message, hint))

    try:
        Version(row.version or "0")
    except InvalidVersion:
        wrong(
            f'"{row.version}" is not a version', "write the version of the release, such as: version: 3.6.2", "version"
        )
    try:
        SpecifierSet(row.requires_python)
    except InvalidSpecifier:
        wrong(f'"{row.requires_python}" bounds no version', 'write: requires_python: ">=3.8"', "requires_python")
    for index, text in enumerate(row.requires_dist):
        try:
            Pep508(text)
        except InvalidRequirement:
            hint = "write a name and versions, such as: numpy>=1.23"
            wrong(f'"{text}" is not a requirement', hint, "requires_dist", index)
    if problems:
        return problems
    name = canonicalize_name(row.name)
    return Stated(name=name, version=row.version, requires_dist=row.requires_dist, requires_python=row.requires_python)


def build_requirements(
    texts: Iterable[str], constraints: tuple[Requirement, ...], place: Place | None = None
) -> Requirements:
    """Return the requirements of a build, within the constraints of the spec; problems point at ``place``."""
    place = place or Place()
    entries = [RequirementEntry(text, place.path, place.document) for text in dict.fromkeys(texts)]
    return replace(collect(entries, _refuse_file, ""), constraints=constraints, place=place)


def _refuse_file(path: str) -> str:
    raise FileNotFoundError(path)
