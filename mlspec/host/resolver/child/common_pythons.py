"""The Pythons for which the pinned requirements of a run have wheels."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pip._vendor.packaging.markers import Marker
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import Version

from mlspec.host.resolver.child.index_files import IndexFile
from mlspec.host.resolver.child.release_rows import allows
from mlspec.host.resolver.child.seen import Seen
from mlspec.host.resolver.child.target import ResolverTarget

_PAST = ("3.7", "3.6")
"""Pythons that a lock no longer supports; they explain the pins in an old file."""


def judge_pins(error: Mapping[str, Any], pinned: Iterable[Sequence[str]], seen: Seen) -> dict[str, Any]:
    """Return the pins without wheels for each Python, and the number of all pins; empty if wheels are not the cause.

    ``pinned`` has rows of name, version and marker; the marker may be empty. Rows whose marker excludes the target do
    not count.
    """
    rows = (row for rows in error.get("releases", {}).values() for row in rows)
    if error["kind"] != "build" and not any("no wheel" in row["reason"] for row in rows):
        return {}
    markers = seen.target.markers
    pins = {name: version for name, version, marker in pinned if not marker or Marker(marker).evaluate(dict(markers))}
    return {"lacking": pins_without_wheels(pins, seen), "pinned": len(pins)}


def pins_without_wheels(pins: Mapping[str, str], seen: Seen) -> dict[str, list[str]]:
    """Return for each Python, newest first, the names in ``pins`` without a wheel for that Python.

    Platform and glibc stay those of the target. Pages that the resolver has not read are fetched. A package counts as
    fitting if its index does not answer, or if its release has no wheel at all: pip compiles it on every Python.
    """
    with ThreadPoolExecutor(8) as pool:
        releases = dict(zip(pins, pool.map(lambda name: _release(name, pins[name], seen), pins), strict=True))
    target = seen.target
    older = (ResolverTarget(f"{python}.0", target.platform, target.glibc) for python in _PAST)
    ordered = sorted((target, *target.other_pythons, *older), key=lambda one: one.version, reverse=True)
    return {one.short: [name for name, files in releases.items() if not _fits(files, one)] for one in ordered}


def _release(name: str, version: str, seen: Seen) -> tuple[IndexFile, ...]:
    if canonicalize_name(name) not in seen.pages and seen.finder is not None:
        # The report already has the reason of the failed run, so errors of this extra request do not matter.
        with contextlib.suppress(Exception):
            seen.finder.find_all_candidates(name)
    files: Iterable[IndexFile] = seen.pages.get(canonicalize_name(name), {}).values()
    return tuple(file for file in files if file.version == Version(version))


def _fits(files: tuple[IndexFile, ...], target: ResolverTarget) -> bool:
    wheels = [file for file in files if file.is_wheel]
    return not wheels or any(target.takes(wheel) and allows(wheel, target.short) for wheel in wheels)
