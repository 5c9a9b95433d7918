"""Typed rows of ``data/debian.toml``: the Debian releases, and the apt sources of one release."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mlspec.facts.tables import frozen, table


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianRelease:
    """A Debian release; dates are ISO text, empty if not known yet."""

    codename: str
    version: int
    glibc: str = ""
    released: str = ""
    end_of_life: str = ""
    long_term: str = ""


@cache
def debian_releases() -> tuple[DebianRelease, ...]:
    """Return the known Debian releases, oldest first."""
    return tuple(DebianRelease(**frozen(row)) for row in table("debian")["release"])


def debian_release(codename: str) -> DebianRelease | None:
    """Return the Debian release with this codename; None if unknown."""
    return next((release for release in debian_releases() if release.codename == codename), None)


def default_codename() -> str:
    """Return the Debian release for a Python that the tables do not know."""
    return str(table("debian")["default"])


def apt_sources(codename: str, day: str) -> tuple[str, ...]:
    """Return the lines of a deb822 file of apt sources: the archives of a release as they were on an ISO day."""
    stamp = f"{day.replace('-', '')}T000000Z"
    archives = (("debian", f"{codename} {codename}-updates"), ("debian-security", f"{codename}-security"))
    blocks = (
        (
            "Types: deb",
            f"URIs: {table('debian')['snapshot'].format(archive=archive, stamp=stamp)}",
            f"Suites: {suites}",
            "Components: main",
            # An archive's Release file is valid for a week, and the snapshot of a past day has an older one.
            "Check-Valid-Until: no",
        )
        for archive, suites in archives
    )
    first, second = blocks
    return (*first, "", *second)
