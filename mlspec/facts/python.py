"""Typed rows of ``data/python.toml``: versions of Python, variants of the official image, and dates of support."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from mlspec.facts.tables import frozen, table
from mlspec.facts.versions import minor_version, parse_release

Support = Literal["planned", "supported", "ending", "ended", "unknown"]
"""The support of a release on a day; ``ending`` is within six months of its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonVersion:
    """A minor version of CPython; dates are ISO text."""

    python: str
    status: str
    released: str
    end_of_life: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonVariant:
    """A ``slim-CODENAME`` of the official image and its patch versions; ``last`` is empty while it is rebuilt."""

    python: str
    codename: str
    first: str
    last: str = ""

    @property
    def is_rebuilt(self) -> bool:
        """Whether the image still gets Debian's security fixes."""
        return not self.last

    def has(self, patch: str) -> bool:
        """Return whether the image of this patch version was built on this release."""
        number = parse_release(patch)
        return parse_release(self.first) <= number and (not self.last or number <= parse_release(self.last))


@cache
def python_versions() -> tuple[PythonVersion, ...]:
    """Return the known minor versions of Python, oldest first."""
    return tuple(PythonVersion(**frozen(row)) for row in table("python")["version"])


@cache
def python_variants() -> tuple[PythonVariant, ...]:
    """Return the ``slim-CODENAME`` variants of the official image, by Python and then by Debian release."""
    return tuple(PythonVariant(**row) for row in table("python")["variant"])


def python_version(python: str) -> PythonVersion | None:
    """Return the row of a minor (or patch) version of Python; None if unknown."""
    minor = minor_version(python)
    return next((version for version in python_versions() if version.python == minor), None)


def python_variant(python: str, codename: str) -> PythonVariant | None:
    """Return the row of the official image for a Python and a Debian release; None if unknown."""
    minor = minor_version(python)
    return next((row for row in python_variants() if (row.python, row.codename) == (minor, codename)), None)


def support_on(end: str, today: str, *, released: str = "") -> Support:
    """Return the support on the ISO day ``today`` of a release that ends on ``end``."""
    if released > today:
        return "planned"
    if not end:
        return "unknown"
    if end < today:
        return "ended"
    return "ending" if _months(end) - _months(today) < 6 or end[:7] == today[:7] else "supported"


def _months(day: str) -> int:
    year, month, *_ = day.split("-")
    return int(year) * 12 + int(month)
