"""Merge the locks and messages of an image's platforms."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from mlspec.errors import Problem
from mlspec.facts.versions import parse_release
from mlspec.lock.pins import Layer, Pin, RequirementsLock
from mlspec.lock.requirements.requirement_types import Requirements

_T = TypeVar("_T", bound=Hashable)

MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
"""The value of Python's ``platform_machine`` on each platform."""


def merge_messages(said: Mapping[str, Iterable[_T]], marked: Callable[[_T, str], _T]) -> tuple[_T, ...]:
    """Merge the messages of all platforms; name the platforms where not all share a message."""
    places: dict[_T, list[str]] = {}
    for platform, things in said.items():
        for thing in dict.fromkeys(things):
            places.setdefault(thing, []).append(platform)
    return tuple(
        thing if len(found) == len(said) else marked(thing, " and ".join(found)) for thing, found in places.items()
    )


def mark_platforms(problem: Problem, where: str) -> Problem:
    """Return a problem of only some platforms, with their names in its message."""
    is_named = where in problem.message
    return problem if is_named else dataclasses.replace(problem, message=f"{problem.message}, on {where}")


def merge_layer_names(layers: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Return the names of the layers of several locks, each once, in the order of the first lock.

    A layer that only a later lock has is inserted before its successor in that lock.
    """
    names: list[str] = []
    for other in layers:
        for index in reversed(range(len(other))):
            if other[index] not in names:
                behind = other[index + 1] if index + 1 < len(other) else None
                names.insert(names.index(behind) if behind else len(names), other[index])
    return tuple(names)


def prefer_pins(model: RequirementsLock, own: RequirementsLock | None) -> RequirementsLock:
    """Return the pins of ``model``, and those of ``own`` for packages that ``model`` does not pin."""
    known = {pin.name for pin in (*model.pins, *model.vcs)}

    def rest(pins: Iterable[Pin]) -> tuple[Pin, ...]:
        return tuple(pin for pin in pins if pin.name not in known)

    if own is None:
        return model
    return RequirementsLock((*model.layers, Layer("", rest(own.pins))), (*model.vcs, *rest(own.vcs)))


def suggest_marker(problem: Problem, requirements: Requirements, others: Sequence[str]) -> Problem:
    """Return the problem of a platform without a wheel, with a hint to limit the requirement to the ``others``."""
    requirement = next((r for r in requirements.requirements if _place(r.problem("", "")) == _place(problem)), None)
    if requirement is None or not others:
        return problem
    markers = " or ".join(f'platform_machine == "{MACHINES[platform]}"' for platform in others)
    hint = f"{problem.hint}; or leave it out there: {requirement.text.partition(';')[0].strip()} ; {markers}"
    return dataclasses.replace(problem, code="MLS236", hint=hint)


def _place(problem: Problem) -> tuple[object, ...]:
    return problem.path, problem.file, problem.span


def version_warnings(locks: Mapping[str, RequirementsLock], requirements: Requirements) -> Iterator[Problem]:
    """Yield a warning for each package of the spec whose version differs between platforms."""
    found = {platform: {pin.name: pin.version for pin in lock.pins} for platform, lock in locks.items()}
    for requirement in requirements.requirements:
        versions = {platform: pins[requirement.name] for platform, pins in found.items() if requirement.name in pins}
        # The label of a build follows the accelerator, and differs where only one platform has the accelerator.
        if len({version.partition("+")[0] for version in versions.values()}) > 1:
            said = " and ".join(f"{version} on {platform}" for platform, version in versions.items())
            oldest = min(versions.values(), key=parse_release)
            hint = f"to have one version on all, require {requirement.name}=={oldest.partition('+')[0]}"
            yield requirement.problem("MLS237", f"{requirement.name} is {said}", hint, severity="warning")
