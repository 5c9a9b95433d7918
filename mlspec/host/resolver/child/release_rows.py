"""The releases of a package on an index, with the reason why a release is no candidate."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from pip._internal.index.package_finder import LinkType
from pip._vendor.packaging.specifiers import SpecifierSet
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import Version

from mlspec.host.resolver.child.index_files import IndexFile
from mlspec.host.resolver.child.seen import Seen
from mlspec.host.resolver.child.target import ResolverTarget

YOUNG = "it was uploaded within the cooldown"
"""The beginning of the reason against a release that is younger than a cooldown allows."""


def releases_of(name: str, seen: Seen, *, pre: bool) -> Iterator[dict[str, Any]]:
    """Yield the releases of a package on its index, newest first; ``reason`` is empty for a candidate."""
    assert seen.finder is not None  # noqa: S101 - pages are read by finders
    evaluator = seen.finder.make_link_evaluator(name)
    if canonicalize_name(name) not in seen.pages and seen.records.find(canonicalize_name(name)):
        # The pin stayed, and its page was not needed until now. The report works without it, too.
        with contextlib.suppress(Exception):
            seen.finder.find_all_candidates(name)
    releases: dict[Version, list[IndexFile]] = {}
    for file in seen.pages.get(canonicalize_name(name), {}).values():
        if version := file.version:
            releases.setdefault(version, []).append(file)
    for version in sorted(releases, reverse=True):
        found = releases[version]
        yield {
            "version": version,
            "reason": _reason(version, found, evaluator, seen, pre=pre),
            "has_wheel": any(seen.target.takes(file) for file in found if file.is_wheel),
            "has_source": not all(file.is_wheel for file in found),
            "systems": _other_systems(found),
        }


_SYSTEMS = {"win": "Windows", "macosx": "macOS"}


def _other_systems(files: list[IndexFile]) -> list[str]:
    """Return the systems of all wheels of a release; empty if a wheel is for Linux or any system, or without wheels."""
    platforms = {platform for file in files if file.is_wheel for platform in file.platforms}
    beginnings = {next((b for b in _SYSTEMS if platform.startswith(b)), "") for platform in platforms}
    return [] if "" in beginnings else sorted(_SYSTEMS[beginning] for beginning in beginnings)


def newest_wheel(name: str, seen: Seen, *, pre: bool, suits: Callable[[Version], bool] = lambda version: True) -> str:
    """Return the newest version that ``suits`` accepts and that has a wheel for the target; empty if there is none."""
    files = seen.pages.get(canonicalize_name(name), {}).values()
    assert seen.finder is not None  # noqa: S101 - pages are read by finders
    evaluator = seen.finder.make_link_evaluator(name)
    fitting = (file for file in files if file.is_wheel and not file.is_yanked and seen.target.may_take(file))
    fitting = (file for file in fitting if not seen.uploads.is_young(canonicalize_name(name), file))
    taken = (file for file in fitting if evaluator.evaluate_link(file.link)[0] == LinkType.candidate)
    versions = [version for file in taken if (version := file.version) and (pre or not version.is_prerelease)]
    versions = list(filter(suits, versions))
    return str(max(versions)) if versions else ""


def python_with_wheel(files: list[IndexFile], target: ResolverTarget) -> str:
    """Return the newest Python with a fitting wheel on the target's platform and glibc; empty if there is none."""
    wheels = [file for file in files if file.is_wheel]
    fitting = (
        other.short
        for other in target.other_pythons
        for wheel in wheels
        if other.takes(wheel) and allows(wheel, other.short)
    )
    return next(fitting, "")


def allows(file: IndexFile, python: str) -> bool:
    """Return whether the Requires-Python of a file allows a minor version of Python."""
    return not file.requires_python or SpecifierSet(file.requires_python).contains(f"{python}.0")


def _reason(version: Version, files: list[IndexFile], evaluator: Any, seen: Seen, *, pre: bool) -> str:  # noqa: ANN401
    if version.is_prerelease and not pre:
        return "it is a pre-release"
    if all(file.is_yanked for file in files):
        return "it was yanked"
    has_wheels = any(file.is_wheel for file in files)
    pythons, young = [], ""
    for file in files:
        kind, _ = evaluator.evaluate_link(file.link)
        if kind == LinkType.candidate and (file.is_wheel or not has_wheels):
            if not seen.uploads.is_young(canonicalize_name(evaluator.project_name), file):
                return ""
            young = file.upload_time[:10]
        if kind == LinkType.requires_python_mismatch:
            pythons.append(file.requires_python)
    if young:
        return f"{YOUNG}, on {young}"
    if len(pythons) == len(files) or (pythons and not has_wheels):
        return f"it needs Python {pythons[0]}"
    other = python_with_wheel(files, seen.target)
    return "it has no wheel that fits the target" + (f", but one for Python {other}" if other else "")
