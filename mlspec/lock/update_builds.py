"""Lock the build dependencies of locked sources."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from mlspec.errors import LockError, Problem
from mlspec.lock.pins import FROM_GIT, FROM_PROJECT, Layer, Pin, RequirementsLock
from mlspec.lock.requirements.builds import build_requirements
from mlspec.lock.source_layers import undeclared_requirements
from mlspec.lock.task import PlatformTask
from mlspec.lock.world import UNFIT, Compiled, CompileRequest

UNLOCKED = "MLS261"
"""The code of a build whose build dependencies are not locked."""


def lock_builds(
    task: PlatformTask, previous: RequirementsLock | None, compiled: Compiled, current: RequirementsLock
) -> RequirementsLock:
    """Return a lock with the build dependencies of its sources; warn of a build that cannot be locked.

    The build dependencies in ``previous`` keep their versions. Raises LockError if an index does not answer. If another
    tool's lock has the packages, this is a warning instead: the packages need no index.
    """
    update, sources = task.update, [*_sources(current)]
    local = task.without_extras.local
    if not (sources or local):
        return RequirementsLock(current.layers, current.vcs)
    request = task.request(previous)
    versions = {pin.name: pin.requirement for pin in current.pins if " @ " not in pin.requirement}
    before = {layer.name: layer for layer in previous.builds} if previous and not request.upgrade else {}
    builds = []
    for name, pins in sources:
        texts = [text for pin in pins for text in compiled.builds.get(pin.name, ())]
        texts += [text for pin in pins for text in undeclared_requirements(pin.name, versions)]
        names = ", ".join(pin.name for pin in pins)
        update.world.say(f"locking the build dependencies of {names}")
        locked = _compile_build(task, _request_build(task, request, texts, before.get(name)), names)
        builds += [Layer(name, locked)] if locked else []
    if local:
        update.world.say(f"locking the build dependencies of {', '.join(package.name for package in local)}")
        texts = [text for package in local for text in package.requires]
        own = _request_build(task, request, texts, before.get(FROM_PROJECT))
        builds.append(Layer(FROM_PROJECT, update.world.compile_requirements(own).pins))
    return RequirementsLock(current.layers, current.vcs, tuple(builds))


def _request_build(
    task: PlatformTask, request: CompileRequest, texts: Iterable[str], before: Layer | None
) -> CompileRequest:
    """Return the request for the build dependencies in ``texts``; those in ``before`` keep their versions."""
    return dataclasses.replace(
        request,
        requirements=build_requirements(texts, request.build_constraints, task.image.at("requirements")),
        previous=RequirementsLock((before,)) if before else None,
        upgrade=False,
        upgrade_packages=(),
        inspects_wheels=False,
        programs=(),
    )


def _compile_build(task: PlatformTask, request: CompileRequest, names: str) -> tuple[Pin, ...]:
    """Return the build dependencies of some sources; none, with a warning, if they cannot be locked."""
    update = task.update
    try:
        # Git dependencies of a build are left out: the build fetches them from the address in its own requirement.
        return update.world.compile_requirements(request).pins
    except LockError as error:
        # An unreachable index is no reason to lock less: the next try may succeed.
        is_unreachable = not {problem.code for problem in error.problems} <= UNFIT
        if is_unreachable and not task.without_extras.tool_lock:
            raise
        if not (is_unreachable and any(warning.code == UNLOCKED for warning in update.warnings)):
            update.warnings += [_unlocked_warning(problem, names) for problem in error.problems[:1]]
        return ()


def _sources(lock: RequirementsLock) -> Iterator[tuple[str, Sequence[Pin]]]:
    """Yield the sources of each layer, then those from git."""
    for name, pins in (*((layer.name, layer.pins) for layer in lock.layers), (FROM_GIT, lock.vcs)):
        if sources := [pin for pin in pins if pin.is_source]:
            yield name, sources


def regroup_builds(former: RequirementsLock, layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Return the former build dependencies for each new layer that has the same sources as a former layer."""
    old = {name: {pin.name for pin in pins} for name, pins in _sources(former)}
    new = {name: {pin.name for pin in pins} for name, pins in _sources(RequirementsLock(tuple(layers), former.vcs))}
    homes = {frozenset(names): name for name, names in new.items()}
    own = [layer for layer in former.builds if layer.name == FROM_PROJECT]
    rest = (layer for layer in former.builds if layer not in own)
    moved = ((homes.get(frozenset(old.get(layer.name, ()))), layer.pins) for layer in rest)
    return (*(Layer(name, pins) for name, pins in moved if name), *own)


def _unlocked_warning(problem: Problem, names: str) -> Problem:
    """Return a warning that the build dependencies of some packages are not locked, with the reason of a problem."""
    message = f"the build dependencies of {names} are not locked: {problem.message}"
    hint = "their builds use the newest versions of that day; require a release with a wheel, or accept this"
    return dataclasses.replace(problem, code=UNLOCKED, message=message, hint=hint, severity="warning")
