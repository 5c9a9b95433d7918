"""The locks of an image, one for each of its platforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlspec.errors import MlspecError, Problem
from mlspec.lock import platforms
from mlspec.lock.mlspec_lock import BaseLock
from mlspec.lock.pins import RequirementsLock
from mlspec.lock.requirements.values import Requirements
from mlspec.lock.requirements_txt import dump_builds, dump_requirements, dump_vcs
from mlspec.relock.packages import requirements_lock
from mlspec.relock.work import Work, banner
from mlspec.spec.files import Artifact, files_of
from mlspec.spec.spec import Image


def platform_locks(work: Work, image: Image, base: BaseLock, requirements: Requirements) -> dict[str, RequirementsLock]:
    """Return the packages of an image on each of its platforms, in the same versions wherever those fit.

    Raises SpecError or LockError with the problems of all platforms.
    """
    locks: dict[str, RequirementsLock] = {}
    failures: dict[str, MlspecError] = {}
    changes: dict[str, Sequence[str]] = {}
    warnings: dict[str, Sequence[Problem]] = {}
    for platform in image.settings.platforms:
        told, warned = len(work.changes), len(work.warnings)
        model = next(iter(locks.values()), None)
        try:
            locks[platform] = requirements_lock(work, image, platform, base, requirements, model=model)
        except MlspecError as error:
            failures[platform] = error
        changes[platform], work.changes[told:] = work.changes[told:], []
        warnings[platform], work.warnings[warned:] = work.warnings[warned:], []
    if failures:
        raise _joined(failures, locks, image, requirements)
    work.changes += platforms.told(changes, lambda change, where: f"{change}, on {where}")
    work.warnings += platforms.told(warnings, platforms.on)
    work.warnings += platforms.differing(locks, requirements)
    _complete(work, image, locks)
    return locks


def _joined(
    failures: Mapping[str, MlspecError], locks: Mapping[str, RequirementsLock], image: Image, requirements: Requirements
) -> MlspecError:
    """Return one error with the problems of all platforms, each told once."""
    from mlspec.host.resolver import NO_WHEEL

    def told(problem: Problem) -> Problem:
        return platforms.without_wheels(problem, requirements, tuple(locks)) if problem.code == NO_WHEEL else problem

    said = {platform: list(map(told, error.problems)) for platform, error in failures.items()}
    every: dict[str, Sequence[Problem]] = {platform: said.get(platform, ()) for platform in image.settings.platforms}
    return type(next(iter(failures.values())))(*platforms.told(every, platforms.on))


def _complete(work: Work, image: Image, locks: Mapping[str, RequirementsLock]) -> None:
    """Add the locks of platforms that have no packages of a kind which another has: a build copies one for each."""
    names = {artifact.path for artifact in work.artifacts}
    for platform in locks:
        own = files_of(work.spec.document.file, image.key).on(platform, image.settings.platforms)
        header = f"# {banner(own)}"
        if any(lock.layers for lock in locks.values()) and own.requirements_lock not in names:
            text = dump_requirements(RequirementsLock(), header=header)
            work.artifacts.append(Artifact(own.requirements_lock, text))
        if any(lock.vcs for lock in locks.values()) and own.vcs_lock not in names:
            work.artifacts.append(Artifact(own.vcs_lock, dump_vcs(RequirementsLock(), header=header)))
        if any(lock.builds for lock in locks.values()) and own.build_lock not in names:
            work.artifacts.append(Artifact(own.build_lock, dump_builds(RequirementsLock(), header=header)))
