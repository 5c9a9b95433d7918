"""Resolved requirements to plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import piptools.resolver
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.link import Link
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import Version

from mlspec.host.resolver.child.child_errors import WrongHashesError
from mlspec.host.resolver.child.downloads import download
from mlspec.host.resolver.child.loads import look
from mlspec.host.resolver.child.patching import check, replace
from mlspec.host.resolver.child.release_rows import newest_wheel, releases_of
from mlspec.host.resolver.child.seen import Seen
from mlspec.host.resolver.child.wheel_scripts import find_programs


def replace_report(job: dict[str, Any], seen: Seen) -> None:
    """Report the pins where pip-tools would look for hashes: it downloads every file of a release to make them."""

    def hashes(_: object) -> Callable[..., Any]:
        def resolve_hashes(self: Any, ireqs: set[Any]) -> dict[Any, set[str]]:  # noqa: ANN401
            check(seen.finder is not None and seen.result is not None, "the resolver is not the one prepared")
            reporter = Reporter(self, job, seen)
            ordered_ireqs = sorted(ireqs, key=lambda ireq: str(ireq.name))
            # An index that tells no sizes is asked for each file's.
            with ThreadPoolExecutor(8) as pool:
                pins = dict(zip(ordered_ireqs, pool.map(reporter.pin, ordered_ireqs), strict=True))
            links = [(str(pins[ireq]["name"]), ireq.link) for ireq in ordered_ireqs]
            if job["looks"]:
                loads = look(reporter.repository.session, links, job, seen)
                for pin in pins.values():
                    pin["loads"] = loads.get(str(pin["name"]), [])
            ordered = sorted(pins.values(), key=lambda pin: str(pin["name"]))
            if job["download"]:
                download(reporter.repository.session, [ireq.link for ireq in ordered_ireqs], ordered, job, seen)
            programs = find_programs(reporter.repository.session, links, job) if job["programs"] else {}
            seen.report = {"pins": ordered, "held_back": list(reporter.held_back(ordered)), "programs": programs}
            return {ireq: set(pin["hashes"]) for ireq, pin in pins.items()}

        return resolve_hashes

    replace(piptools.resolver.BacktrackingResolver, "resolve_hashes", hashes)


class Reporter:
    """Resolved requirements to plain data."""

    def __init__(self, resolver: Any, job: dict[str, Any], seen: Seen) -> None:  # noqa: ANN401 - pip-tools' resolver
        self.resolver = resolver
        self.job = job
        self.seen = seen
        self.finder: PackageFinder = resolver.finder
        repository = resolver.repository
        self.repository = getattr(repository, "repository", repository)

    def pin(self, ireq: Any) -> dict[str, Any]:  # noqa: ANN401 - pip's InstallRequirement
        """Return one package as the report tells it."""
        name = canonicalize_name(ireq.name)
        (specifier,) = ireq.req.specifier
        pin = {"name": name, "version": specifier.version, "via": sorted(ireq._required_by), "url": "", "size": None}
        link: Link = ireq.link
        if ireq.original_link or ireq.req.url:
            known = {} if link.is_vcs else {"hashes": [self._hash(link)], "size": self._size(link)}
            return {**pin, "url": link.url, "hashes": [], "is_source": not link.is_wheel, **known, **self._source(link)}
        fitting = [c.link for c in self.finder.find_all_candidates(name) if c.version == Version(specifier.version)]
        hashes = {self._hash(candidate) for candidate in fitting}
        if given := set(self.job["hashes"].get(name, ())):
            hashes &= given
            if not hashes:
                raise WrongHashesError(name, specifier.version)
        return {
            **pin,
            "requirement": f"{name}{specifier}",
            "hashes": sorted(hashes),
            "file": link.filename,
            "is_source": not link.is_wheel,
            "size": self._size(link),
            **self._source(link),
            "wheel_version": "" if link.is_wheel else self._newest_wheel(name),
        }

    def _newest_wheel(self, name: str) -> str:
        """Return the newest version with a wheel that suits the other packages, whatever the spec itself asks for."""
        return newest_wheel(
            name,
            self.seen,
            pre="--pre" in self.job["options"],
            suits=lambda version: not any(parent for parent, _ in self._refusals(name, version)),
        )

    def _source(self, link: Link) -> dict[str, Any]:
        """Return what is in a source, where pip unpacked it."""
        return self.seen.sources.get(link.url_without_fragment, {})

    def _hash(self, link: Link) -> str:
        known = (getattr(link, "_hashes", None) or {}).get("sha256")
        # An index without hashes leaves one way: to fetch the files that fit, and no others.
        return f"sha256:{known}" if known else str(self.repository._get_file_hash(link))

    def _size(self, link: Link) -> int | None:
        if link.url in self.seen.sizes:
            return self.seen.sizes[link.url]
        if link.is_file:
            return Path(link.file_path).stat().st_size
        try:
            headers = {"Accept-Encoding": "identity"}
            response = self.repository.session.head(link.url_without_fragment, allow_redirects=True, headers=headers)
            return int(response.headers["Content-Length"]) if response.ok else None
        except (OSError, KeyError, ValueError):
            return None

    def held_back(self, pins: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
        """Yield each package whose newest release was not taken, with the reason where it is one."""
        pre = "--pre" in self.job["options"]
        for pin in pins:
            for release in releases_of(pin["name"], self.seen, pre=pre):
                if release["version"] <= Version(pin["version"]):
                    break
                if reason := release["reason"] or self._holder(pin["name"], release["version"]):
                    if reason in {"it is a pre-release", "it was withdrawn"}:
                        continue
                    yield {
                        "name": pin["name"],
                        "version": pin["version"],
                        "newest": str(release["version"]),
                        "reason": reason,
                    }
                    break

    def _holder(self, name: str, version: Version) -> str:
        """Return who asks for less than ``version``; no one does where only the lock before holds it."""
        for parent, specifier in self._refusals(name, version):
            return f"{parent or 'the spec'} wants {name}{specifier}"
        return ""

    def _refusals(self, name: str, version: Version) -> Iterator[tuple[str, str]]:
        """Yield who does not allow this version of a package, empty for the spec, and what versions they want."""
        for key, criterion in self.seen.result.criteria.items():
            if canonicalize_name(str(key).partition("[")[0]) != name:
                continue
            for information in criterion.information:
                specifier = getattr(getattr(information.requirement, "_ireq", None), "specifier", None)
                if specifier is not None and not specifier.contains(version, prereleases=True):
                    parent = information.parent
                    yield (f"{parent.project_name} {parent.version}" if parent else "", str(specifier))
