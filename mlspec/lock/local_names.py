"""The names of packages and wheels of the project, which no index may answer for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

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


def without_local_names(requirements: Requirements) -> Requirements:
    """Return requirements without those that a package or a wheel of the project fulfils.

    A wheel fulfils requirements of its version. A package in a folder fulfils those of another package for it by its
    name alone: the version in the folder may not fit any others.
    """
    names = {package.name for package in requirements.local}
    wheels = {wheel.name: wheel for wheel in requirements.wheels}

    def is_local(requirement: Requirement) -> bool:
        wheel = wheels.get(requirement.name)
        if wheel and requirement.kind == "index" and not requirement.is_locked:
            written = Pep508(requirement.text)
            return not written.extras and written.specifier.contains(wheel.version, prereleases=True)
        is_of_project = requirement.place.file.endswith(("pyproject.toml", "setup.cfg", "setup.py"))
        return is_of_project and requirement.name in names and canonicalize_name(requirement.text) == requirement.name

    kept = tuple(requirement for requirement in requirements.requirements if not is_local(requirement))
    return dataclasses.replace(requirements, requirements=kept)
