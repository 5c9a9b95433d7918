"""The names of packages and wheels of the project, which no index may answer for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from mlspec.errors import Problem
from mlspec.lock.pins import Pin
from mlspec.lock.requirements.local_packages.local_package import LocalPackage
from mlspec.lock.requirements.local_packages.local_wheel import LocalWheel
from mlspec.lock.requirements.requirement_types import Requirement, Requirements


def find_name_conflicts(requirements: Requirements, pins: Iterable[Pin]) -> Iterator[Problem]:
    """Yield a problem for each package or wheel of the project that is locked from an index or git as well.

    A second package or wheel of one name is a problem too.
    """
    own: dict[str, LocalPackage | LocalWheel] = {}
    for package in requirements.own:
        first = own.setdefault(package.name, package)
        if first.path != package.path:
            message = f"{package.path} and {first.path} are both {package.name}"
            yield package.place.problem("MLS228", message, "remove one of them")
    for pin in pins:
        if pin.name in own:
            package = own[pin.name]
            via = f"{', '.join(pin.via)} requires" if pin.via else "the requirements ask for"
            what = "wheel" if isinstance(package, LocalWheel) else "package in"
            message = f"{package.name} is the {what} {package.path}, but {via} {pin.requirement} as well"
            hint = "remove one of them; if the two are different packages, give that of the project another name"
            yield package.place.problem("MLS228", message, hint)


def find_unfit_versions(requirements: Requirements) -> Iterator[Problem]:
    """Yield a problem for each bound on a package in a folder of the project that its version does not fit."""
    packages = {package.name: package for package in requirements.local if _is_version(package.version)}
    bounds = (*filter(_is_of_project, requirements.requirements), *requirements.constraints)
    for bound in dict.fromkeys(bounds):
        package = packages.get(bound.name)
        if package is None or bound.kind != "index" or bound.is_locked:
            continue
        written = Pep508(bound.text)
        # A bound under a marker may be for another platform.
        if not (written.marker or _fits(bound, package.version)):
            message = (
                f"{bound.name} has to be {written.specifier}, but the package in {package.path} is {package.version}"
            )
            hint = f"change this line, or the version in {package.path_of('pyproject.toml')}"
            yield bound.problem("MLS246", message, hint)


def _fits(requirement: Requirement, version: str) -> bool:
    return Pep508(requirement.text).specifier.contains(version, prereleases=True)


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _is_of_project(requirement: Requirement) -> bool:
    return requirement.place.file.endswith(("pyproject.toml", "setup.cfg", "setup.py"))


def without_local_names(requirements: Requirements) -> Requirements:
    """Return requirements without those that a package or a wheel of the project fulfils.

    A wheel fulfils requirements of its version. A package in a folder fulfils those of another package for it; of a
    version that is unknown before a build, only those without bounds.
    """
    versions = {package.name: package.version for package in requirements.local}
    wheels = {wheel.name: wheel for wheel in requirements.wheels}

    def is_local(requirement: Requirement) -> bool:
        wheel = wheels.get(requirement.name)
        if wheel and requirement.kind == "index" and not requirement.is_locked:
            written = Pep508(requirement.text)
            return not written.extras and written.specifier.contains(wheel.version, prereleases=True)
        if not _is_of_project(requirement) or requirement.name not in versions or requirement.kind != "index":
            return False
        if requirement.is_locked or Pep508(requirement.text).extras:
            return False
        version = versions[requirement.name]
        is_fulfilled = _is_version(version) and _fits(requirement, version)
        return is_fulfilled or canonicalize_name(requirement.text) == requirement.name

    kept = tuple(requirement for requirement in requirements.requirements if not is_local(requirement))
    bounds = tuple(bound for bound in requirements.constraints if bound.name not in versions)
    return dataclasses.replace(requirements, requirements=kept, constraints=bounds)
