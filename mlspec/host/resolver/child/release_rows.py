"""The releases that an index has of a package, and why one is no candidate."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from pip._internal.exceptions import InstallationError
from pip._internal.index.package_finder import LinkType
from pip._internal.models.link import Link
from pip._internal.models.wheel import Wheel
from pip._vendor.packaging.specifiers import SpecifierSet
from pip._vendor.packaging.utils import canonicalize_name, parse_sdist_filename
from pip._vendor.packaging.version import Version

from mlspec.host.resolver.child.seen import Seen
from mlspec.host.resolver.child.target import ResolverTarget


def version_of(link: Link) -> Version | None:
    """Return the version that the name of a file says; none where it says none."""
    try:
        if link.is_wheel:
            return Version(Wheel(link.filename).version)
        return parse_sdist_filename(link.filename.replace(".tgz", ".tar.gz").replace(".tar.bz2", ".tar.gz"))[1]
    except (ValueError, InstallationError):
        return None


def releases_of(name: str, seen: Seen, *, pre: bool) -> Iterator[dict[str, Any]]:
    """Yield the releases an index has of a package, newest first, and why one is no candidate, if so."""
    links = list(seen.pages.get(canonicalize_name(name), {}).values())
    assert seen.finder is not None  # noqa: S101 - pages are read by finders
    evaluator = seen.finder.make_link_evaluator(name)
    versioned = sorted(((v, link) for link in links if (v := version_of(link))), key=lambda pair: pair[0], reverse=True)
    for version, group in itertools.groupby(versioned, key=lambda pair: pair[0]):
        found = [link for _, link in group]
        yield {
            "version": version,
            "reason": _reason(version, found, evaluator, seen.target, pre=pre),
            "has_wheel": any(seen.target.takes(Wheel(link.filename)) for link in found if link.is_wheel),
            "has_source": not all(link.is_wheel for link in found),
            "systems": _other_systems(found),
        }


_SYSTEMS = {"win": "Windows", "macosx": "macOS"}


def _other_systems(links: list[Link]) -> list[str]:
    """Return the systems that all wheels of a release are for, where Linux is none of them; none without wheels."""
    platforms = {tag.platform for link in links if link.is_wheel for tag in Wheel(link.filename).file_tags}
    beginnings = {next((b for b in _SYSTEMS if platform.startswith(b)), "") for platform in platforms}
    return [] if "" in beginnings else sorted(_SYSTEMS[beginning] for beginning in beginnings)


def newest_wheel(name: str, seen: Seen, *, pre: bool, suits: Callable[[Version], bool] = lambda version: True) -> str:
    """Return the newest version of a package that ``suits`` and has a wheel for the target; empty where none has."""
    links = seen.pages.get(canonicalize_name(name), {}).values()
    assert seen.finder is not None  # noqa: S101 - pages are read by finders
    evaluator = seen.finder.make_link_evaluator(name)
    fitting = (link for link in links if link.is_wheel and not link.is_yanked)
    taken = (link for link in fitting if evaluator.evaluate_link(link)[0] == LinkType.candidate)
    versions = [version for link in taken if (version := version_of(link)) and (pre or not version.is_prerelease)]
    versions = list(filter(suits, versions))
    return str(max(versions)) if versions else ""


def python_with_wheel(links: list[Link], target: ResolverTarget) -> str:
    """Return the newest Python that one of these wheels is for, where the rest of the target stays as it is."""
    wheels = [link for link in links if link.is_wheel]
    fitting = (
        other.short
        for other in target.other_pythons
        for link in wheels
        if other.takes(Wheel(link.filename)) and allows(link, other.short)
    )
    return next(fitting, "")


def allows(link: Link, python: str) -> bool:
    """Return whether a file says that it runs on a minor version of Python."""
    return not link.requires_python or SpecifierSet(link.requires_python).contains(f"{python}.0")


def _reason(version: Version, links: list[Link], evaluator: Any, target: ResolverTarget, *, pre: bool) -> str:  # noqa: ANN401
    if version.is_prerelease and not pre:
        return "it is a pre-release"
    if all(link.is_yanked for link in links):
        return "it was withdrawn"
    has_wheels = any(link.is_wheel for link in links)
    pythons = []
    for link in links:
        kind, _ = evaluator.evaluate_link(link)
        if kind == LinkType.candidate and (link.is_wheel or not has_wheels):
            return ""
        if kind == LinkType.requires_python_mismatch:
            pythons.append(str(link.requires_python))
    if len(pythons) == len(links) or (pythons and not has_wheels):
        return f"it needs Python {pythons[0]}"
    other = python_with_wheel(links, target)
    return "it has no wheel that fits the target" + (f", but one for Python {other}" if other else "")
