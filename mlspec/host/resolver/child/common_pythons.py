"""All pinned requirements of a run together: for which Pythons each has wheels."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pip._internal.models.link import Link
from pip._internal.models.wheel import Wheel
from pip._vendor.packaging.markers import Marker
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import Version

from mlspec.host.resolver.child.release_rows import allows, version_of
from mlspec.host.resolver.child.seen import Seen
from mlspec.host.resolver.child.target import ResolverTarget

_PAST = ("3.7", "3.6")
"""Pythons that nothing is locked for any more: they explain the pins of an old file."""


def judge_pins(error: Mapping[str, Any], pinned: Iterable[Sequence[str]], seen: Seen) -> dict[str, Any]:
    """Return the pins without wheels by Python, and the number of all pins, if a failure is about wheels.

    ``pinned`` are names, versions and markers, which may be empty; those that the target does not need do not count.
    """
    rows = (row for rows in error.get("releases", {}).values() for row in rows)
    if error["kind"] != "build" and not any("no wheel" in row["reason"] for row in rows):
        return {}
    markers = seen.target.markers
    pins = {name: version for name, version, marker in pinned if not marker or Marker(marker).evaluate(dict(markers))}
    return {"lacking": pins_without_wheels(pins, seen), "pinned": len(pins)}


def pins_without_wheels(pins: Mapping[str, str], seen: Seen) -> dict[str, list[str]]:
    """Return, for each Python from the newest down, the names of those of ``pins`` that have no wheel for it.

    The rest of the target stays as it is. Pages that the resolver did not come to are fetched; a package whose index
    does not answer, and a release without any wheel, which is compiled on every Python, count as fitting.
    """
    with ThreadPoolExecutor(8) as pool:
        releases = dict(zip(pins, pool.map(lambda name: _release(name, pins[name], seen), pins), strict=True))
    target = seen.target
    older = (ResolverTarget(f"{python}.0", target.platform, target.glibc) for python in _PAST)
    ordered = sorted((target, *target.other_pythons, *older), key=lambda one: one.version, reverse=True)
    return {one.short: [name for name, links in releases.items() if not _fits(links, one)] for one in ordered}


def _release(name: str, version: str, seen: Seen) -> tuple[Link, ...]:
    if canonicalize_name(name) not in seen.pages and seen.finder is not None:
        # The reason why the run failed is told in any case.
        with contextlib.suppress(Exception):
            seen.finder.find_all_candidates(name)
    links: Iterable[Link] = seen.pages.get(canonicalize_name(name), {}).values()
    return tuple(link for link in links if version_of(link) == Version(version))


def _fits(links: tuple[Link, ...], target: ResolverTarget) -> bool:
    wheels = [link for link in links if link.is_wheel]
    return not wheels or any(target.takes(Wheel(link.filename)) and allows(link, target.short) for link in wheels)
