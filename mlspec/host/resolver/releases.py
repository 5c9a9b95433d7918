"""The releases of a package as the resolver reports them, and which of them a hint may propose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRelease:
    """A release that an index has: its version, and why it is no candidate, if so.

    ``has_wheel`` says that one of its wheels runs on the target, ``has_source`` that it can be compiled; ``systems``
    are those that all its wheels are for, if Linux is none of them.
    """

    version: str
    reason: str
    has_wheel: bool
    has_source: bool
    systems: tuple[str, ...] = ()

    @property
    def is_elsewhere(self) -> bool:
        """Tell whether the release is for other systems: macOS alone, or any others, and there is no source."""
        return bool(self.systems) and (self.systems == ("macOS",) or not self.has_source)


def parse_releases(rows: Sequence[Mapping[str, Any]]) -> tuple[IndexRelease, ...]:
    """Return the releases of a package in the order of the report, newest first."""
    return tuple(IndexRelease(**{**row, "systems": tuple(row["systems"])}) for row in rows)


_MARKERS = {"Windows": 'sys_platform == "win32"', "macOS": 'sys_platform == "darwin"'}


def marker_of(systems: Sequence[str]) -> str:
    """Return the marker of a requirement that is for these systems alone."""
    return " or ".join(_MARKERS[system] for system in systems)


def describe_common_python(lacking: Mapping[str, Sequence[str]], count: int, known: Sequence[str], now: str) -> str:
    """Return which Python suits all pinned packages, as a hint; empty where only one package is pinned.

    ``lacking`` has for each Python, newest first, the packages without wheels; ``count`` is the number of pinned ones,
    ``known`` are the Pythons that can be locked for, and ``now`` is the one of the image.
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
