"""What of the lock before stays, and what was asked to move."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.utils import canonicalize_name

from mlspec.errors import LockError
from mlspec.host.resolver.wording import problem_at
from mlspec.lock.pins import RequirementsLock
from mlspec.lock.requirements.values import Requirements
from mlspec.text import nearest


def check_upgrades(requirements: Requirements, previous: RequirementsLock | None, names: Iterable[str]) -> None:
    """Raise LockError where a package is to be upgraded that is not there."""
    known = {pin.name for pin in (*previous.pins, *previous.vcs)} if previous else set()
    known |= {r.name for r in requirements.requirements}
    problems = []
    for text in names:
        name = package_name(text)
        if name not in known:
            close = nearest(name, sorted(known))
            hint = f"did you mean: {close[0]}" if close else "name a package of requirements.lock"
            problems.append(problem_at("MLS240", f"{name} is not in the lock, so it cannot be upgraded", hint))
    if problems:
        raise LockError(*problems)


def package_name(text: str) -> str:
    """Return the name of the package in a requirement, normalized."""
    return canonicalize_name(re.split(r"[\s=<>!~\[;@]", text.strip(), maxsplit=1)[0])


def keep_pins(requirements: Requirements, previous: RequirementsLock | None, upgrade: bool) -> tuple[str, ...]:
    """Return the pins of the lock before that hold unless a requirement says otherwise, without their hashes."""
    if upgrade or previous is None:
        return ()
    elsewhere = {r.name for r in requirements.requirements if r.kind != "index"}
    return tuple(p.requirement for p in previous.pins if " @ " not in p.requirement and p.name not in elsewhere)
