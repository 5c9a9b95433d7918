"""Rules about settings and groups of a project's own tool that the lock does not follow."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from mlspec.advice.lint.subject import Subject
from mlspec.errors import Problem
from mlspec.lock.pins import Pin
from mlspec.lock.requirements.requirement_types import Unheeded


def is_not_heeded(subject: Subject) -> Iterator[Problem]:
    """Warn of settings of uv, pixi and poetry that the lock does not follow, if they could change the image."""
    yield from _find(subject, "setting")


def leaves_group_out(subject: Subject) -> Iterator[Problem]:
    """Warn of dependency groups that the project's own tool installs by default and the image lacks."""
    yield from _find(subject, "group")


def cools_nothing(subject: Subject) -> Iterator[Problem]:
    """Warn of a cooldown beside the lock of another tool, whose pins are taken at any age."""
    if (cooldown := subject.settings.cooldown) and (lock := subject.requirements.tool_lock):
        message = f"the pins of {lock.path} are taken at any age: another tool chose them"
        hint = f'set the age there; for uv, write below [tool.uv]: exclude-newer = "{cooldown.age}"'
        yield subject.warn(message, hint, "cooldown")


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
