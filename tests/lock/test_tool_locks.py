"""Tests that locks of other tools give the pins and hashes of the tools' exports.

`tests/support/tool_locks.py` made both.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mlspec.lock.requirements.markers import is_true
from mlspec.lock.requirements.tool_locks.lock_kinds import find_lock_kind
from mlspec.lock.requirements.tool_locks.lock_model import LockChoice, ProjectLock
from tests.support.tool_locks import CASES, Case

Pins = dict[str, tuple[str, frozenset[str]]]


def read_exported(text: str, python: str, platform: str) -> Pins:
    """Return the version (or the address) and the hashes of each package of an export for a platform, by name."""
    found: Pins = {}
    for line in text.replace("\\\n", " ").splitlines():
        line = line.partition(" # ")[0].strip()
        if not line or line.startswith(("#", "-")):
            continue
        written, *hashes = re.split(r"\s+--hash=", line)
        requirement = Requirement(re.sub(r"(://\S+);", r"\1 ;", written))
        if not requirement.marker or is_true(requirement.marker, python, platform):
            where = requirement.url or str(requirement.specifier).removeprefix("==")
            found[canonicalize_name(requirement.name)] = where, frozenset(map(str.strip, hashes))
    return found


def take_pins(case: Case, selection: str, python: str, platform: str) -> Pins:
    group = frozenset({selection.removeprefix("+")} if selection.startswith("+") else ())
    extra = frozenset({selection} if selection != "main" and not group else ())
    lock = read(case.folder / case.lock)
    packages = lock.take(LockChoice(python=python, platform=platform, extras=extra, groups=group))
    return {package.name: (package.address or package.version, package.all_hashes) for package in packages}


@cache
def read(path: Path) -> ProjectLock:
    kind = find_lock_kind(path.name)
    assert kind
    return kind.read(kind.parse(path.read_text(encoding="utf-8")))


CHOICES = [(c, s, python, p) for c in CASES for s in c.selections for python in c.pythons for p in c.platforms]


@pytest.mark.parametrize(("case", "selection", "python", "platform"), CHOICES, ids=str)
def test_the_pins_are_those_of_the_tool(case: Case, selection: str, python: str, platform: str) -> None:
    exported = read_exported((case.folder / f"{selection}.txt").read_text(encoding="utf-8"), python, platform)
    assert exported
    assert take_pins(case, selection, python, platform) == exported
