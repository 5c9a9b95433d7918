"""The releases of a package in the resolver's report, and hints about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRelease:
    """A release on an index: its version, and the reason why it is no candidate, or an empty text.

    ``has_wheel`` is True if one of its wheels runs on the target, ``has_source`` if pip can compile it. ``systems`` are
    the systems of all its wheels if Linux is not among them.
    """

    version: str
    reason: str
    has_wheel: bool
    has_source: bool
    systems: tuple[str, ...] = ()

    @property
    def is_elsewhere(self) -> bool:
        """Whether the release is only for other systems: for macOS alone, or for any other system without a source."""
        return bool(self.systems) and (self.systems == ("macOS",) or not self.has_source)


def parse_releases(rows: Sequence[Mapping[str, Any]]) -> tuple[IndexRelease, ...]:
    """Return the releases of a package in the order of the report, newest first."""
    return tuple(IndexRelease(**{**row, "systems": tuple(row["systems"])}) for row in rows)


_MARKERS = {"Windows": 'sys_platform == "win32"', "macOS": 'sys_platform == "darwin"'}


def marker_of(systems: Sequence[str]) -> str:
    """Return the environment marker that limits a requirement to these systems."""
    return " or ".join(_MARKERS[system] for system in systems)


def describe_common_python(lacking: Mapping[str, Sequence[str]], count: int, known: Sequence[str], now: str) -> str:
    """Return a hint with the Python that has wheels for all pinned packages; empty for fewer than two packages.

    ``lacking`` has the packages without wheels for each Python, newest Python first. ``count`` is the number of pinned
    packages, ``known`` are the Pythons that a lock supports, and ``now`` is the Python of the image.
    """
    if count < 2:
        return ""
    usable = [python for python in lacking if python in known and python != now]
    fitting = next((python for python in usable if not lacking[python]), "")
    if fitting:
        return f"write: python: {fitting}, for which all {count} pinned packages have wheels"
    past = next((python for python in lacking if python not in known and not lacking[python]), "")
    best = min(usable, key=lambda python: len(lacking[python]), default="")
    names = ", ".join(lacking[best]) if best else ""
    old = f"; all of them have wheels for Python {past}, which is too old to lock" if past else ""
    return f"no Python has wheels for all {count} pinned packages: {best} lacks them for {names}{old}" if best else ""
