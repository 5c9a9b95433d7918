"""Read the last lock of a spec, with the texts of its locks of packages."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mlspec.errors import SpecError
from mlspec.lock.damage import first_side
from mlspec.lock.mlspec_lock import Lock, parse_lock
from mlspec.lock.state import LockUpdate, PreviousLock
from mlspec.spec.files import architecture
from mlspec.spec.spec import Image


def read_previous(update: LockUpdate) -> PreviousLock:
    """Return the last lock; a damaged lock counts as missing if the caller wants to mend it."""
    name, held_merge = update.project_files.lock, False
    text = update.world.read_lock(name)
    try:
        lock = parse_lock(text, update.path_of(name)) if text else None
    except SpecError:
        if not update.options.mend:
            raise
        lock = _parse_first_side(text or "")
        held_merge = True
    previous = PreviousLock(lock, held_merge=held_merge)
    for image in update.spec.images:
        for platform in image.settings.platforms:
            previous.texts.update(_lock_texts(update, image, platform, previous))
    return previous


def _parse_first_side(text: str) -> Lock | None:
    """Return the lock on the first side of a merge; None if it is damaged too."""
    try:
        return parse_lock(first_side(text), "")
    except SpecError:
        return None


def _lock_texts(update: LockUpdate, image: Image, platform: str, previous: PreviousLock) -> Mapping[str, str]:
    """Return the locks of an image's packages on a platform, by their current names."""
    own, read = update.files_on(image, platform), update.world.read_lock
    names = own.package_locks
    texts = {name: text for name in names if (text := read(name)) is not None}
    if texts or not previous.image(image.key, platform):
        return texts
    # The names of the locks change when the spec goes from one platform to several, or back.
    other = dataclasses.replace(own, architecture="" if own.architecture else architecture(platform))
    former = zip(names, other.package_locks, strict=True)
    return {name: text for name, path in former if (text := read(path)) is not None}
