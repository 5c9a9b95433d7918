"""The locks of the packages of an image on a platform: parse and dump them, and detect hand edits."""

from __future__ import annotations

from itertools import chain, combinations

from mlspec.errors import Problem, SpecError
from mlspec.lock.damage import first_side
from mlspec.lock.digests import body_digest
from mlspec.lock.mlspec_lock import ImageLock
from mlspec.lock.pins import RequirementsLock
from mlspec.lock.requirements_lock import dump_builds, dump_requirements, dump_vcs, parse_pins, parse_requirements
from mlspec.lock.task import PlatformTask
from mlspec.lock.update_base import choose_base


def parse_locks(task: PlatformTask) -> RequirementsLock:
    """Return the packages that the last lock pins; raises SpecError if its texts are damaged."""
    files, texts, path_of = task.files, task.update.previous.texts, task.update.path_of
    locked, vcs, build = (texts.get(name) for name in files.package_locks)
    return RequirementsLock(
        parse_requirements(locked, path_of(files.requirements_lock)).layers if locked else (),
        parse_pins(vcs, path_of(files.vcs_lock)) if vcs else (),
        parse_requirements(build, path_of(files.build_lock)).layers if build else (),
    )


def dump_locks(task: PlatformTask, lock: RequirementsLock) -> dict[str, str]:
    """Return the texts of the locks by their file names; a kind without packages has no text."""
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
    """Return whether a lock of packages exists, or the image has none: its wheels may require no packages."""
    known = task.previous_entry
    is_empty = known is not None and known.body == body_digest()
    return is_empty or any(name in task.update.previous.texts for name in task.files.package_locks)


def is_unedited(task: PlatformTask, known: ImageLock) -> bool:
    """Return whether the locks are unedited, and forget those that are left over from earlier requirements."""
    files, texts = task.files, task.update.previous.texts
    for left_over in chain.from_iterable(combinations(files.package_locks, count) for count in range(4)):
        names = (name for name in files.package_locks if name in texts and name not in left_over)
        if known.body == body_digest(*(texts[name] for name in names)):
            for name in left_over:
                texts.pop(name, None)
            return True
    return False


def check_unedited(task: PlatformTask, known: ImageLock) -> None:
    """Raise SpecError if somebody edited the locks, or left both sides of a merge in them."""
    if not is_unedited(task, known):
        parse_locks(task)
        path = task.update.path_of(task.files.requirements_lock)
        message = f"{path} was edited by hand after mlspec resolved and hashed it"
        hint = "change the requirements instead, then lock again: mlspec lock"
        raise SpecError(Problem(code="MLS405", message=message, hint=hint).at(path, None))


def previous_pins(task: PlatformTask) -> RequirementsLock | None:
    """Return the pins of the last lock; None if they are of another base or platform, or the lock is damaged."""
    previous, options = task.update.previous, task.update.options
    if previous.lock:
        known = task.previous_entry
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
        # The lock has more damage than a merge leaves, so all packages of the new lock are reported as new.
        return None
