"""The builds of locked sources to the lock of what they take."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from mlspec.errors import LockError, Problem
from mlspec.lock.pins import FROM_GIT, Layer, Pin, RequirementsLock
from mlspec.lock.requirements.values import Requirements
from mlspec.lock.source_layers import undeclared_requirements
from mlspec.relock.work import Work
from mlspec.spec.spec import Image

if TYPE_CHECKING:
    from mlspec.host.resolver import Compiled, Resolver


def with_builds(
    work: Work,
    image: Image,
    resolver: Resolver,
    compiled: Compiled,
    current: RequirementsLock,
    previous: RequirementsLock | None,
) -> RequirementsLock:
    """Return a lock with what the builds of its sources take; of a build that cannot be locked, it is warned."""
    from mlspec.host.resolver import UNFIT
    from mlspec.host.resolver.metadata import build_requirements

    resolver = dataclasses.replace(resolver, looks=False, programs=())
    limits = resolver.metadata.constraints
    versions = {pin.name: pin.requirement for pin in current.pins if " @ " not in pin.requirement}
    before = {layer.name: layer for layer in previous.builds} if previous and not work.wish.upgrade else {}
    builds = []
    for name, pins in _sources(current):
        asked = [text for pin in pins for text in compiled.builds.get(pin.name, ())]
        asked += [text for pin in pins for text in undeclared_requirements(pin.name, versions)]
        names = ", ".join(pin.name for pin in pins)
        work.say(f"locking what it takes to build {names}")
        requirements = build_requirements(asked, limits, image.origin("requirements"))
        try:
            found = _locked(requirements, resolver, before.get(name))
        except LockError as error:
            # An index that is not reached is no reason to lock less: another try may mend it.
            if not {problem.code for problem in error.problems} <= UNFIT:
                raise
            work.warnings += [_unlocked_warning(problem, names) for problem in error.problems[:1]]
            continue
        builds += [Layer(name, found)] if found else []
    return RequirementsLock(current.layers, current.vcs, tuple(builds))


def _sources(lock: RequirementsLock) -> Iterator[tuple[str, Sequence[Pin]]]:
    """Yield the sources of each layer, and those from git."""
    for name, pins in (*((layer.name, layer.pins) for layer in lock.layers), (FROM_GIT, lock.vcs)):
        if sources := [pin for pin in pins if pin.is_source]:
            yield name, sources


def _locked(requirements: Requirements, resolver: Resolver, before: Layer | None) -> tuple[Pin, ...]:
    previous = RequirementsLock((before,)) if before else None
    compiled = resolver.compile(requirements, previous=previous)
    # A build that takes something from git takes it from where its own requirement says.
    return compiled.pins


def regrouped_builds(former: RequirementsLock, layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Return what builds take in the layers of now, as far as it is the same: a layer with other sources has none."""
    old = {name: {pin.name for pin in pins} for name, pins in _sources(former)}
    new = {name: {pin.name for pin in pins} for name, pins in _sources(RequirementsLock(tuple(layers), former.vcs))}
    homes = {frozenset(names): name for name, names in new.items()}
    moved = ((homes.get(frozenset(old.get(layer.name, ()))), layer.pins) for layer in former.builds)
    return tuple(Layer(name, pins) for name, pins in moved if name)


def _unlocked_warning(problem: Problem, names: str) -> Problem:
    """Return a warning that what it takes to build some packages could not be locked, for the reason of a problem."""
    message = f"what it takes to build {names} is not locked: {problem.message}"
    hint = "their builds take what the index has on that day; ask for a release with a wheel, or go on without"
    return dataclasses.replace(problem, code="MLS261", message=message, hint=hint, severity="warning")
