"""Upgrades: packages that the user names, and pins of the previous lock that stay."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.utils import canonicalize_name

from mlspec.errors import LockError
from mlspec.lock.pins import Pin, RequirementsLock
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.text import nearest


def check_upgrades(requirements: Requirements, previous: RequirementsLock | None, names: Iterable[str]) -> None:
    """Raise LockError if the user wants to upgrade a package that is neither locked nor required."""
    known = {pin.name for pin in (*previous.pins, *previous.vcs)} if previous else set()
    known |= {r.name for r in requirements.requirements}
    problems = []
    for text in names:
        name = package_name(text)
        if name not in known:
            close = nearest(name, sorted(known))
            hint = f"did you mean: {close[0]}" if close else "name a package of requirements.lock"
            problems.append(
                requirements.problem("MLS240", f"{name} is not in the lock, so it cannot be upgraded", hint)
            )
    if problems:
        raise LockError(*problems)


def package_name(text: str) -> str:
    """Return the normalized name of the package in a requirement."""
    return canonicalize_name(re.split(r"[\s=<>!~\[;@]", text.strip(), maxsplit=1)[0])


def keep_pins(requirements: Requirements, previous: RequirementsLock | None, upgrade: bool) -> tuple[Pin, ...]:
    """Return the pins of the previous lock; empty for an upgrade of all packages.

    pip keeps these pins unless a requirement contradicts them. The result leaves out packages from addresses.
    """
    if upgrade or previous is None:
        return ()
    elsewhere = {r.name for r in requirements.requirements if r.kind != "index"}
    return tuple(p for p in previous.pins if " @ " not in p.requirement and p.name not in elsewhere)
