"""Metadata of sources from the key ``dependency_metadata`` of a spec."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import InvalidVersion, Version


def stated_metadata(rows: Iterable[dict[str, Any]], name: str, version: str) -> str:
    """Return the core metadata of a release from the spec; empty if the spec has no row for it.

    A row without a version applies to every release.
    """
    for row in rows:
        if row["name"] == name and _is_same(row["version"], version):
            return "\n".join(_lines(row, row["version"] or version)) + "\n"
    return ""


def _is_same(stated: str, version: str) -> bool:
    try:
        return Version(stated) == Version(version) if stated and version else bool(stated or version)
    except InvalidVersion:
        return False


def _lines(row: dict[str, Any], version: str) -> Iterator[str]:
    yield from ("Metadata-Version: 2.2", f"Name: {canonicalize_name(row['name'])}", f"Version: {version}")
    if row["requires_python"]:
        yield f"Requires-Python: {row['requires_python']}"
    extras = (re.findall(r"""\bextra\s*==\s*["']([^"']+)["']""", text) for text in row["requires_dist"])
    yield from (f"Provides-Extra: {extra}" for extra in dict.fromkeys(name for names in extras for name in names))
    yield from (f"Requires-Dist: {text}" for text in row["requires_dist"])
