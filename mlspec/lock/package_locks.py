"""The locks of the packages of an image on a platform: texts to pins and back, and whether anybody edited them."""

from __future__ import annotations

from mlspec.errors import Problem, SpecError
from mlspec.lock.damage import first_side
from mlspec.lock.digests import body_digest
from mlspec.lock.mlspec_lock import ImageLock
from mlspec.lock.pins import RequirementsLock
from mlspec.lock.requirements_lock import dump_builds, dump_requirements, dump_vcs, parse_requirements, parse_vcs
from mlspec.lock.task import PlatformTask
from mlspec.lock.update_base import choose_base


def parse_locks(task: PlatformTask) -> RequirementsLock:
    """Return the packages that the last lock pins; raises SpecError where its texts are damaged."""
    files, texts, path_of = task.files, task.update.previous.texts, task.update.path_of
    locked, vcs, build = (texts.get(name) for name in files.package_locks)
    return RequirementsLock(
        parse_requirements(locked, path_of(files.requirements_lock)).layers if locked else (),
        parse_vcs(vcs, path_of(files.vcs_lock)) if vcs else (),
        parse_requirements(build, path_of(files.build_lock)).layers if build else (),
    )


def dump_locks(task: PlatformTask, lock: RequirementsLock) -> dict[str, str]:
    """Return the texts of the locks by their file names; without packages of a kind, none for that kind."""
    files = task.files
    header = f"# {files.lock_banner}"
    with_notes = "\n".join((header, *(f"# {note}" for note in task.extras.notes(lock))))
    texts = {files.requirements_lock: dump_requirements(lock, header=with_notes)} if lock.layers else {}
    if lock.vcs:
        texts[files.vcs_lock] = dump_vcs(lock, header=header)
    if lock.builds:
        texts[files.build_lock] = dump_builds(lock, header=header)
    return texts


def has_locks(task: PlatformTask) -> bool:
    """Tell whether any lock of packages is there."""
    return any(name in task.update.previous.texts for name in task.files.package_locks)


def is_unedited(task: PlatformTask, known: ImageLock) -> bool:
    """Tell whether the locks are as they were written; those left over from earlier requirements are dropped."""
    files, texts = task.files, task.update.previous.texts
    for left_over in ((), (files.vcs_lock,), (files.build_lock,), (files.vcs_lock, files.build_lock)):
        names = (name for name in files.package_locks if name in texts and name not in left_over)
        if known.body == body_digest(*(texts[name] for name in names)):
            for name in left_over:
                texts.pop(name, None)
            return True
    return False


def check_unedited(task: PlatformTask, known: ImageLock) -> None:
    """Raise SpecError where somebody edited the locks, or left both sides of a merge in them."""
    if not is_unedited(task, known):
        parse_locks(task)
        path = task.update.path_of(task.files.requirements_lock)
        message = f"{path} was edited by hand, and is no longer what was resolved and hashed"
        hint = "change the requirements instead, then make it anew: mlspec lock"
        raise SpecError(Problem(code="MLS405", message=message, hint=hint).at(path, None))


def previous_pins(task: PlatformTask) -> RequirementsLock | None:
    """Return the old pins where they were made for the same base and platform: for another, they mean nothing."""
    previous, options = task.update.previous, task.update.options
    if previous.lock:
        known = task.known
        if not known or not previous.base(choose_base(task.image)):
            return None
        if has_locks(task) and not options.mend:
            check_unedited(task, known)
    if options.mend:
        for name in task.files.package_locks:
            if name in previous.texts:
                previous.texts[name] = first_side(previous.texts[name])
    try:
        return parse_locks(task)
    except SpecError:
        # Damaged beyond a merge: all packages of the new lock are reported as new.
        return None
