"""Linux wheel tags: the manylinux platforms that a C library supports (PEP 600)."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.facts.versions import parse_release

# PEP 600: the older names of three versions.
_ALIASES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def list_manylinux(glibc: str, machine: str) -> Iterator[str]:
    """Yield the manylinux platforms that a C library supports, newest first."""
    major, minor = parse_release(glibc)[:2]
    # For other machines than x86_64, no older version than 2.17 was ever built.
    for older in range(minor, (5 if machine == "x86_64" else 17) - 1, -1):
        yield f"manylinux_{major}_{older}_{machine}"
        if older in _ALIASES:
            yield f"{_ALIASES[older]}_{machine}"
