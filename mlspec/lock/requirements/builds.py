"""What a spec says of the builds of source packages: bounds on what they take, and metadata that needs none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from mlspec.errors import KeyPath, Problem, SpecError
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.values import Requirement, Requirements, Stated
from mlspec.spec.nested_keys import PackageMetadata


def with_limits(requirements: Requirements, limits: Requirements) -> Requirements:
    """Return requirements with the bounds on their builds; raises SpecError where one is no bound."""
    bounds = (*limits.requirements, *limits.constraints)
    hint = "write a name and versions, such as: setuptools<81"
    if wrong := [bound for bound in bounds if bound.kind != "index"]:
        message = "an address is no bound on what a build takes"
        raise SpecError(*(bound.problem("MLS263", message, hint) for bound in wrong))
    files = tuple(dict.fromkeys((*requirements.files, *limits.files)))
    return replace(requirements, build_constraints=(*requirements.build_constraints, *bounds), files=files)


def read_metadata(row: PackageMetadata, path: KeyPath) -> Stated | list[Problem]:
    """Return metadata as the spec states it, or all that is wrong with it."""
    problems = []

    def wrong(message: str, hint: str, *below: str | int) -> None:
        problems.append(Problem(code="MLS263", message=message, hint=hint, path=(*path, *below)))

    try:
        Version(row.version or "0")
    except InvalidVersion:
        wrong(f'"{row.version}" is not a version', "write that of the release, such as: version: 3.6.2", "version")
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


def build_requirements(texts: Iterable[str], constraints: tuple[Requirement, ...], path: KeyPath = ()) -> Requirements:
    """Return what a build requires, within the constraints of the spec; ``path`` is the key that problems point at."""
    entries = [RequirementEntry(text, path) for text in dict.fromkeys(texts)]
    return replace(collect(entries, _refuse_file, ""), constraints=constraints)


def _refuse_file(path: str) -> str:
    raise FileNotFoundError(path)
