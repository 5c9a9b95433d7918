"""The conversion of resolved requirements into the report."""

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
from mlspec.host.resolver.child.release_rows import YOUNG, newest_wheel, releases_of
from mlspec.host.resolver.child.seen import Seen
from mlspec.host.resolver.child.wheel_scripts import find_programs


def replace_report(job: dict[str, Any], seen: Seen) -> None:
    """Report the pins instead of pip-tools' own hashing, which would download every file of a release."""

    def hashes(_: object) -> Callable[..., Any]:
        def resolve_hashes(self: Any, ireqs: set[Any]) -> dict[Any, set[str]]:  # noqa: ANN401
            check(seen.finder is not None and seen.result is not None, "the resolver is not the one prepared")
            reporter = Reporter(self, job, seen)
            ordered_ireqs = sorted(ireqs, key=lambda ireq: str(ireq.name))
            # Run in threads, because an index without sizes needs a request for the size of each file.
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
            reporter.remember(ordered)
            return {ireq: set(pin["hashes"]) for ireq, pin in pins.items()}

        return resolve_hashes

    replace(piptools.resolver.BacktrackingResolver, "resolve_hashes", hashes)


class Reporter:
    """The writer of report rows for resolved requirements."""

    def __init__(self, resolver: Any, job: dict[str, Any], seen: Seen) -> None:  # noqa: ANN401 - pip-tools' resolver
        self.resolver = resolver
        self.job = job
        self.seen = seen
        self.finder: PackageFinder = resolver.finder
        repository = resolver.repository
        self.repository = getattr(repository, "repository", repository)
        self._found_newer: dict[str, list[tuple[Version, str]]] = {}

    def pin(self, ireq: Any) -> dict[str, Any]:  # noqa: ANN401 - pip's InstallRequirement
        """Return the report row of one package."""
        name = canonicalize_name(ireq.name)
        (specifier,) = ireq.req.specifier
        pin = {"name": name, "version": specifier.version, "via": sorted(ireq._required_by), "url": "", "size": None}
        link: Link = ireq.link
        if ireq.original_link or ireq.req.url:
            known = {} if link.is_vcs else {"hashes": [self._hash(link)], "size": self._size(link)}
            return {**pin, "url": link.url, "hashes": [], "is_source": not link.is_wheel, **known, **self._source(link)}
        fitting = [
            c.link for c in self._candidates(name, ireq.req.specifier) if c.version == Version(specifier.version)
        ]
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

    def _candidates(self, name: str, specifier: Any) -> list[Any]:  # noqa: ANN401 - pip's SpecifierSet
        is_read = name in self.seen.pages
        found = None if is_read else self.seen.records.candidates(self.finder, name, specifier)
        return self.finder.find_all_candidates(name) if found is None else found

    def _newest_wheel(self, name: str) -> str:
        """Return the newest version with a wheel that the other packages allow, even if the spec does not allow it."""
        return newest_wheel(
            name,
            self.seen,
            pre="--pre" in self.job["options"],
            suits=lambda version: not any(parent for parent, _ in self._refusals(name, version)),
        )

    def _source(self, link: Link) -> dict[str, Any]:
        """Return the recorded facts of a source; empty if pip did not unpack it."""
        return self.seen.sources.get(link.url_without_fragment, {})

    def _hash(self, link: Link) -> str:
        known = (getattr(link, "_hashes", None) or {}).get("sha256")
        # If the index has no hash, download the file to compute it; only files that fit get here.
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

    def held_back(self, pins: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield each package with a newer release that the resolver could not choose, and the reason."""
        for pin in pins:
            name, version = pin["name"], pin["version"]
            for newer, against in self._newer(name, Version(version)):
                if reason := against or self._holder(name, newer):
                    yield {
                        "name": name,
                        "version": version,
                        "newest": str(newer),
                        "reason": reason,
                        "is_young": reason.startswith(YOUNG),
                    }
                    break

    def _newer(self, name: str, version: Version) -> list[tuple[Version, str]]:
        """Return the releases above a version, newest first, up to the first that nobody can take, with the reason.

        Pre-releases, if the spec does not ask for them, and yanked releases do not count.
        """
        if name not in self.seen.pages and (record := self.seen.records.find(name, version)):
            return record.newer
        if name in self._found_newer:
            return self._found_newer[name]
        found: list[tuple[Version, str]] = []
        for release in releases_of(name, self.seen, pre="--pre" in self.job["options"]):
            if release["version"] <= version:
                break
            if release["reason"] not in {"it is a pre-release", "it was yanked"}:
                found.append((release["version"], release["reason"]))
                if release["reason"]:
                    break
        self._found_newer[name] = found
        return found

    def remember(self, pins: list[dict[str, Any]]) -> None:
        """Keep the releases of pins from pages, so that the next lock need not ask for those that stay."""
        for pin in pins:
            if pin["url"] or pin["is_source"] or pin["name"] not in self.seen.pages:
                continue
            version, files = Version(pin["version"]), self.seen.pages[pin["name"]].values()
            # `==2.1` allows 2.1+cpu, too. A record has the files of one version only.
            if version.local or not any(_is_local_of(file.version, version) for file in files):
                hashes = set(pin["hashes"])
                own = [f for f in files if f"sha256:{f.row.get('hashes', {}).get('sha256')}" in hashes]
                self.seen.records.keep(pin["name"], pin["version"], own, self._newer(pin["name"], version))

    def _holder(self, name: str, version: Version) -> str:
        """Return the requirement that excludes ``version``, as a text; empty if only the previous lock excludes it."""
        for parent, specifier in self._refusals(name, version):
            return f"{parent or 'the spec'} asks for {name}{specifier}"
        return ""

    def _refusals(self, name: str, version: Version) -> Iterator[tuple[str, str]]:
        """Yield each package that excludes this version, with its specifier; the name is empty for the spec itself."""
        for key, criterion in self.seen.result.criteria.items():
            if canonicalize_name(str(key).partition("[")[0]) != name:
                continue
            for information in criterion.information:
                specifier = getattr(getattr(information.requirement, "_ireq", None), "specifier", None)
                if specifier is not None and not specifier.contains(version, prereleases=True):
                    parent = information.parent
                    yield (f"{parent.project_name} {parent.version}" if parent else "", str(specifier))


def _is_local_of(other: Version | None, version: Version) -> bool:
    return other is not None and other.local is not None and Version(other.public) == version
