"""Lock the packages of an image on each of its platforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlspec.errors import MlspecError, Problem
from mlspec.lock import platforms
from mlspec.lock.extras import choose_extras
from mlspec.lock.mlspec_lock import BaseLock
from mlspec.lock.pins import RequirementsLock
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.lock.requirements_lock import dump_builds, dump_requirements, dump_vcs
from mlspec.lock.state import LockUpdate
from mlspec.lock.task import PlatformTask
from mlspec.lock.update_packages import lock_packages
from mlspec.lock.world import NO_WHEEL
from mlspec.spec.files import Artifact
from mlspec.spec.spec import Image


def lock_platforms(
    update: LockUpdate, image: Image, base: BaseLock, requirements: Requirements
) -> dict[str, RequirementsLock]:
    """Return the packages of an image on each of its platforms, in the same versions if those fit.

    Raises SpecError or LockError with the problems of all platforms.
    """
    locks: dict[str, RequirementsLock] = {}
    failures: dict[str, MlspecError] = {}
    changes: dict[str, Sequence[str]] = {}
    warnings: dict[str, Sequence[Problem]] = {}
    for platform in image.settings.platforms:
        changes_before, warnings_before = len(update.changes), len(update.warnings)
        extras = choose_extras(image, base, requirements, platform)
        task = PlatformTask(update=update, image=image, platform=platform, base=base, extras=extras)
        try:
            locks[platform] = lock_packages(task, next(iter(locks.values()), None))
        except MlspecError as error:
            failures[platform] = error
        changes[platform], update.changes[changes_before:] = update.changes[changes_before:], []
        warnings[platform], update.warnings[warnings_before:] = update.warnings[warnings_before:], []
    if failures:
        raise _join_failures(failures, locks, image, requirements)
    update.changes += platforms.merge_messages(changes, lambda change, where: f"{change}, on {where}")
    update.warnings += platforms.merge_messages(warnings, platforms.mark_platforms)
    update.warnings += platforms.version_warnings(locks, requirements)
    _add_empty_locks(update, image, locks)
    return locks


def _join_failures(
    failures: Mapping[str, MlspecError], locks: Mapping[str, RequirementsLock], image: Image, requirements: Requirements
) -> MlspecError:
    """Return one error with the problems of all platforms, each once."""

    def with_platforms(problem: Problem) -> Problem:
        is_wheel = problem.code == NO_WHEEL
        return platforms.suggest_marker(problem, requirements, tuple(locks)) if is_wheel else problem

    found = {platform: list(map(with_platforms, error.problems)) for platform, error in failures.items()}
    every: dict[str, Sequence[Problem]] = {platform: found.get(platform, ()) for platform in image.settings.platforms}
    return type(next(iter(failures.values())))(*platforms.merge_messages(every, platforms.mark_platforms))


def _add_empty_locks(update: LockUpdate, image: Image, locks: Mapping[str, RequirementsLock]) -> None:
    """Add an empty lock for each kind of packages that only other platforms have: a build copies one lock for each."""
    names, empty = {artifact.path for artifact in update.artifacts}, RequirementsLock()
    for platform in locks:
        files = update.files_on(image, platform)
        header = f"# {files.lock_banner}"
        if any(lock.layers for lock in locks.values()) and files.requirements_lock not in names:
            update.artifacts.append(Artifact(files.requirements_lock, dump_requirements(empty, header=header)))
        if any(lock.vcs for lock in locks.values()) and files.vcs_lock not in names:
            update.artifacts.append(Artifact(files.vcs_lock, dump_vcs(empty, header=header)))
        if any(lock.builds for lock in locks.values()) and files.build_lock not in names:
            update.artifacts.append(Artifact(files.build_lock, dump_builds(empty, header=header)))
