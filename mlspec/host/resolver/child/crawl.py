"""Requests for pages and metadata ahead of the resolver.

pip asks for one page or wheel after another. Threads ask for what it is about to need: the newest release that the
requirements allow, the packages that this release requires, and so on. They only fill the answers that the resolver
shares with them, so they cannot change a result, and their errors appear only if the resolver asks the same question.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pip._internal.index.package_finder import PackageFinder
from pip._internal.metadata import get_metadata_distribution
from pip._internal.utils.hashes import Hashes
from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
from pip._vendor.packaging.specifiers import SpecifierSet
from pip._vendor.packaging.utils import canonicalize_name

from mlspec.host.resolver.child.wheel_metadata import WheelMetadata

# pip keeps ten connections to a host open.
_THREADS = 8


@dataclass
class Crawl:
    """The requests ahead of one resolution.

    ``bounds`` are the versions that requirements, constraints and former pins allow. ``elsewhere`` are packages from
    addresses: no index is asked for their names. ``former`` are packages of the former lock whose pins do not stay.
    """

    finder: PackageFinder
    metadata: WheelMetadata
    roots: list[Requirement]
    bounds: dict[str, SpecifierSet]
    elsewhere: set[str]
    former: Iterable[str] = ()
    _todo: queue.SimpleQueue[Requirement | str] = field(default_factory=queue.SimpleQueue)
    _met: set[tuple[str, str, frozenset[str]]] = field(default_factory=set)

    def start(self) -> None:
        """Start the threads. They are daemons: a request without an answer does not delay the end of the process."""
        for root in self.roots:
            self._add(root)
        for name in self.former:
            if name not in self.elsewhere:
                self._todo.put(name)
        for _ in range(_THREADS):
            threading.Thread(target=self._work, daemon=True).start()

    def _add(self, requirement: Requirement) -> None:
        name = canonicalize_name(requirement.name)
        if requirement.url:
            self.elsewhere.add(name)
        key = (name, str(requirement.specifier), frozenset(requirement.extras))
        if name not in self.elsewhere and key not in self._met:
            self._met.add(key)
            self._todo.put(requirement)

    def _work(self) -> None:
        while True:
            wanted = self._todo.get()
            # The resolver meets the same error, if it asks the same question, and reports it.
            with contextlib.suppress(Exception):
                if isinstance(wanted, str):
                    self.finder.find_all_candidates(wanted)
                else:
                    self._look(wanted)

    def _look(self, requirement: Requirement) -> None:
        name = canonicalize_name(requirement.name)
        specifier = requirement.specifier & self.bounds.get(name, SpecifierSet())
        best = self.finder.find_best_candidate(name, specifier, Hashes()).best_candidate
        if best is None or not (text := self.metadata.of(best.link, self.finder._link_collector.session)):
            return
        dist: Any = get_metadata_distribution(text, best.link.filename, name)
        # pip evaluates the markers, here as in the resolution.
        for dependency in dist.iter_dependencies(requirement.extras):
            self._add(dependency)


def plan_crawl(job: dict[str, Any], finder: PackageFinder, metadata: WheelMetadata) -> Crawl | None:
    """Return the requests for a job; None if a requirement has an address without a name.

    The package of such a requirement is unknown before a build, and no index may be asked for its name.
    """
    upgraded = {canonicalize_name(Requirement(text).name) for text in job["upgrade_packages"]}
    try:
        required, constraints, kept = map(_read_requirements, ("requirements.in", "constraints.txt", "compiled.txt"))
    except InvalidRequirement:
        return None
    roots = [row for row in required if row.marker is None or row.marker.evaluate()]
    kept = [row for row in kept if canonicalize_name(row.name) not in upgraded]
    bounds: dict[str, SpecifierSet] = {}
    for row in (*roots, *constraints, *kept):
        name = canonicalize_name(row.name)
        bounds[name] = bounds.get(name, SpecifierSet()) & row.specifier
    elsewhere: set[str] = {canonicalize_name(row.name) for row in (*required, *constraints) if row.url}
    former = [name for name in job["former"] if name not in job["kept"]]
    return Crawl(finder, metadata, [*roots, *kept], bounds, elsewhere, former)


def _read_requirements(name: str) -> list[Requirement]:
    place = Path(name)
    text = place.read_text(encoding="utf-8") if place.exists() else ""
    return [Requirement(line.partition(" --hash=")[0]) for line in text.splitlines() if line.strip()]
