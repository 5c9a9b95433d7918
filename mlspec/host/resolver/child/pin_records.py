"""Pins of the former lock whose releases were looked at before: they need no page of an index.

A record has the files of one release that fit one target, and the newer releases of that day. It counts only for a pin
that stays, and only if its hashes are exactly those in the lock. A pin that moves, and ``mlspec lock --upgrade``, read
the page again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.candidate import InstallationCandidate
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import Version

from mlspec.host.resolver.child.index_files import IndexFile, parse_version
from mlspec.host.resolver.child.patching import replace
from mlspec.host.resolver.child.routing import without_login
from mlspec.host.resolver.child.upload_times import UploadTimes
from mlspec.host.resolver.child.wheel_metadata import write_whole

_FORMAT = 1


@dataclass
class PinRecord:
    """The record of one release: its files for the target, and the newer releases with the reason against each."""

    version: Version
    files: list[IndexFile]
    newer: list[tuple[Version, str]]


@dataclass
class PinRecords:
    """The records in the user's cache, and those of them that this resolution takes, by name."""

    job: dict[str, Any]
    route: Callable[[str], str]
    uploads: UploadTimes
    _met: dict[str, PinRecord | None] = field(default_factory=dict)
    _candidates: dict[str, list[InstallationCandidate]] = field(default_factory=dict)

    def find(self, name: str, version: Version | None = None) -> PinRecord | None:
        """Return the record of a pin that stays; None if there is none, or if the pin has another ``version``."""
        if name not in self._met:
            self._met[name] = self._read(name)
        found = self._met[name]
        return found if found and version in {None, found.version} else None

    def candidates(self, finder: PackageFinder, name: str, specifier: Any) -> list[InstallationCandidate] | None:  # noqa: ANN401
        """Return the candidates of a pin, if a specifier allows no other version; else None."""
        record = self.find(canonicalize_name(name)) if specifier else None
        if record is None or not any(_is_exactly(clause, record.version) for clause in specifier):
            return None
        if name not in self._candidates:
            evaluator = finder.make_link_evaluator(name)
            found = [finder.get_install_candidate(evaluator, file.link) for file in record.files]
            self._candidates[name] = [candidate for candidate in found if candidate]
        return self._candidates[name]

    def keep(self, name: str, version: str, files: Iterable[IndexFile], newer: list[tuple[Version, str]]) -> None:
        """Write the record of a release, if all its files are rows of a JSON page without a login."""
        found = list(files)
        if not found or any(not file.row or "@" in f"{file.page_url}{file.url}" for file in found):
            return
        rows = [{"page": file.page_url, "row": file.row} for file in found]
        data = {"files": rows, "newer": [[str(version), reason] for version, reason in newer]}
        write_whole(self._place(name, version), json.dumps(data).encode())

    def _read(self, name: str) -> PinRecord | None:
        pin = self.job["kept"].get(name)
        if pin is None or name in self.job["hashes"] or name in self.job["build"]:
            return None
        try:
            data = json.loads(self._place(name, pin["version"]).read_bytes())
            files = [IndexFile(row["row"], row["page"]) for row in data["files"]]
            newer = [(Version(version), str(reason)) for version, reason in data["newer"]]
            hashes = {f"sha256:{file.row['hashes']['sha256']}" for file in files}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        if hashes != set(pin["hashes"]) or any(self.uploads.is_young(name, file) for file in files):
            return None
        return PinRecord(Version(pin["version"]), files, newer)

    def _place(self, name: str, version: str) -> Path:
        target = [self.job[key] for key in ("python", "platform", "glibc", "options")]
        # With a cooldown, a newer release may be too young today and old enough tomorrow.
        target += [self.uploads.before] if self.uploads.limits(name) else []
        key = json.dumps([_FORMAT, without_login(self.route(name)), name, version, *target])
        return Path(self.job["cache"], "pins", hashlib.sha256(key.encode()).hexdigest())


def _is_exactly(clause: Any, version: Version) -> bool:  # noqa: ANN401 - pip's Specifier
    return clause.operator == "==" and not clause.version.endswith(".*") and parse_version(clause.version) == version


def replace_search(records: PinRecords) -> None:
    """Replace pip's search for candidates: for a pin that stays, take them from its record."""

    def search(original: Callable[..., Any]) -> Callable[..., Any]:
        def find_best_candidate(
            self: PackageFinder,
            project_name: str,
            specifier: Any = None,  # noqa: ANN401
            hashes: Any = None,  # noqa: ANN401
        ) -> Any:  # noqa: ANN401
            found = records.candidates(self, project_name, specifier)
            if found is None:
                return original(self, project_name, specifier, hashes)
            evaluator = self.make_candidate_evaluator(project_name=project_name, specifier=specifier, hashes=hashes)
            return evaluator.compute_best_candidate(found)

        # pip-tools clears the cache that older pips have here.
        for name in ("cache_clear", "cache_info"):
            with contextlib.suppress(AttributeError):
                setattr(find_best_candidate, name, getattr(original, name))
        return find_best_candidate

    replace(PackageFinder, "find_best_candidate", search)
