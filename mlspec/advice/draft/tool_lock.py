"""Other tools' locks in a folder: whether a first spec can name a lock, and the pins of the lock."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mlspec.advice.draft.folder import Folder
from mlspec.errors import SpecError
from mlspec.facts.python import python_versions
from mlspec.lock.pins import LockTarget, Pin
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.tool_locks.lock_kinds import find_lock_kind

_PLATFORM, _GLIBC = "linux/amd64", "2.41"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLock:
    """A lock in a folder: its name, the file of its project, and its pins for each Python that it supports.

    If there are no pins, ``reason`` is the reason why a spec cannot name the lock.
    """

    name: str
    project: str
    pins: Mapping[str, tuple[Pin, ...]]
    reason: str = ""

    @property
    def newest(self) -> tuple[Pin, ...]:
        """The pins for the newest Python."""
        return next(reversed(list(self.pins.values())), ())


def find_lock(folder: Folder) -> FoundLock | None:
    """Return the first lock at the top of a folder that a spec can name, or None."""
    names = sorted(name for name in folder.texts if "/" not in name and find_lock_kind(name))
    found = (lock for name in names if (lock := read_lock(name, folder)))
    return next((lock for lock in found if lock.pins), None)


def read_lock(name: str, folder: Folder) -> FoundLock | None:
    """Read a lock of a folder; return None if the file is no lock, or its project file is missing."""
    kind = find_lock_kind(name)
    if not kind or (kind.project and kind.project not in folder.texts):
        return None
    return _read_texts(name, folder.texts[name], kind.project, folder.texts.get(kind.project, ""))


# A draft reads the same lock several times, and reading a long lock takes a second.
@lru_cache(maxsize=8)
def _read_texts(name: str, text: str, project: str, project_text: str) -> FoundLock:
    texts = {name: text, project: project_text}

    def read(path: str) -> str:
        path = posixpath.normpath(path)
        if path not in texts:
            raise FileNotFoundError(path)
        return texts[path]

    try:
        required = collect([RequirementEntry(name, ("requirements",))], read, "mlspec.yaml")
    except SpecError as error:
        return FoundLock(name=name, project=project, pins={}, reason=error.problems[0].message)
    pins, reason = dict[str, tuple[Pin, ...]](), ""
    for row in python_versions():
        target = LockTarget(python=f"{row.python}.0", platform=_PLATFORM, glibc=_GLIBC)
        try:
            pins[row.python] = required.tool_lock.pins(target) if required.tool_lock else ()
        except SpecError as error:
            reason = error.problems[0].message
    return FoundLock(name=name, project=project, pins=pins, reason="" if pins else reason)
