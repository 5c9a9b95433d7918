"""Version numbers, in the form in which the tables compare them."""

from __future__ import annotations

import re


def parse_release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, without its local label: ``2.9.1+cu128`` is ``(2, 9, 1)``."""
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0]))


def minor_version(version: str) -> str:
    """Return the first two parts of a version: ``3.12.4`` is ``3.12``."""
    return ".".join(map(str, parse_release(version)[:2]))


def major_version(version: str) -> str:
    """Return the first part of a version: ``12.8`` is ``12``; empty if there is none."""
    return version.partition(".")[0]
