"""Rules about what a project's own tool would do, and the lock does not."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from mlspec.advice.lint.subject import Subject
from mlspec.errors import Problem
from mlspec.lock.pins import Pin
from mlspec.lock.requirements.values import Unheeded


def is_not_heeded(subject: Subject) -> Iterator[Problem]:
    """Warn of settings of uv, pixi and poetry that the lock does not follow, where that makes a difference."""
    yield from _find(subject, "setting")


def leaves_group_out(subject: Subject) -> Iterator[Problem]:
    """Warn of groups that the project's own tool installs by default, and the image does not have."""
    yield from _find(subject, "group")


def _find(subject: Subject, kind: str) -> Iterator[Problem]:
    for row in subject.requirements.unheeded:
        if row.kind == kind and (row.matters == "always" or any(_matters(row, pin) for pin in subject.pins)):
            yield subject.warn_at(row.place, row.message, row.hint)


def _matters(row: Unheeded, pin: Pin) -> bool:
    if row.packages and canonicalize_name(pin.name) not in map(canonicalize_name, row.packages):
        return False
    return pin.is_source if row.matters == "source" else _is_prerelease(pin.version)


def _is_prerelease(version: str) -> bool:
    try:
        return Version(version).is_prerelease
    except InvalidVersion:
        return False
