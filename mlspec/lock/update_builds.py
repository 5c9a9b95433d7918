"""What the builds of locked sources take, locked too."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from mlspec.errors import LockError, Problem
from mlspec.lock.pins import FROM_GIT, Layer, Pin, RequirementsLock
from mlspec.lock.requirements.builds import build_requirements
from mlspec.lock.source_layers import undeclared_requirements
from mlspec.lock.task import PlatformTask
from mlspec.lock.world import UNFIT, Compiled, CompileRequest


def lock_builds(
    task: PlatformTask, request: CompileRequest, compiled: Compiled, current: RequirementsLock
) -> RequirementsLock:
    """Return a lock with the packages that builds of its sources take; warn of a build that cannot be locked.

    ``request`` is the one that the packages were compiled by. Raises LockError where an index does not answer.
    """
    update, previous = task.update, request.previous
    versions = {pin.name: pin.requirement for pin in current.pins if " @ " not in pin.requirement}
    before = {layer.name: layer for layer in previous.builds} if previous and not request.upgrade else {}
    builds = []
    for name, pins in _sources(current):
        texts = [text for pin in pins for text in compiled.builds.get(pin.name, ())]
        texts += [text for pin in pins for text in undeclared_requirements(pin.name, versions)]
        names = ", ".join(pin.name for pin in pins)
        update.world.say(f"locking what it takes to build {names}")
        own = dataclasses.replace(
            request,
            requirements=build_requirements(texts, request.build_constraints, task.image.origin("requirements")),
            previous=RequirementsLock((before[name],)) if name in before else None,
            upgrade=False,
            upgrade_packages=(),
            inspects_wheels=False,
            programs=(),
        )
        try:
            # A build that takes something from git takes it from where its own requirement says.
            locked = update.world.compile_requirements(own).pins
        except LockError as error:
            # An index that is not reached is no reason to lock less: another try may mend it.
            if not {problem.code for problem in error.problems} <= UNFIT:
                raise
            update.warnings += [_unlocked_warning(problem, names) for problem in error.problems[:1]]
            continue
        builds += [Layer(name, locked)] if locked else []
    return RequirementsLock(current.layers, current.vcs, tuple(builds))


def _sources(lock: RequirementsLock) -> Iterator[tuple[str, Sequence[Pin]]]:
    """Yield the sources of each layer, and those from git."""
    for name, pins in (*((layer.name, layer.pins) for layer in lock.layers), (FROM_GIT, lock.vcs)):
        if sources := [pin for pin in pins if pin.is_source]:
            yield name, sources


def regroup_builds(former: RequirementsLock, layers: Iterable[Layer]) -> tuple[Layer, ...]:
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
