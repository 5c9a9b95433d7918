"""Pins that are complete already: nothing is resolved, and each is compared with the files that the index has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pip._internal.models.link import Link
from pip._vendor.packaging.specifiers import SpecifierSet
from pip._vendor.packaging.version import Version
from piptools.repositories import PyPIRepository

from mlspec.host.resolver.child.failure_report import releases_by_name
from mlspec.host.resolver.child.release_rows import version_of
from mlspec.host.resolver.child.seen import Seen


def compare_pins(job: dict[str, Any], seen: Seen, pip_options: Sequence[str]) -> dict[str, Any]:
    """Return the pins with those of their hashes that files for the target have; an error with all that have none."""
    repository = PyPIRepository(list(pip_options), cache_dir=job["cache"])
    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(lambda pin: _compare(pin, repository, seen), job["pins"]))
    wrong = [_explain(row, job, seen) for row in rows if not row["hashes"]]
    return {"error": {"kind": "pins", "errors": wrong}} if wrong else {"pins": rows}


def _compare(pin: dict[str, Any], repository: PyPIRepository, seen: Seen) -> dict[str, Any]:
    name, wanted, given = pin["name"], SpecifierSet(pin["specifier"]), set(pin["hashes"])
    fitting = [c.link for c in repository.finder.find_all_candidates(name) if _fits(wanted, c.version)]
    # Who gives the hash of a source means to build it, even where its release has wheels.
    others = (link for link in seen.pages.get(name, {}).values() if not link.is_wheel)
    sources = [link for link in others if _fits(wanted, version_of(link))]
    links = list(dict.fromkeys((*fitting, *sources)))
    hashes = given & {h for link in links for h in _hashes(link, given, repository)}
    return {**pin, "hashes": sorted(hashes), "has_files": bool(links)}


def _fits(wanted: SpecifierSet, version: Version | None) -> bool:
    return version is not None and wanted.contains(version, prereleases=True)


def _hashes(link: Link, given: Iterable[str], repository: PyPIRepository) -> list[str]:
    """Return the hashes of a file of the kinds that are asked for; what the index does not tell is made of the file."""
    kinds = {value.partition(":")[0] for value in given}
    told = getattr(link, "_hashes", None) or {}
    found = [f"{kind}:{told[kind]}" for kind in kinds if kind in told]
    if missing := kinds - told.keys():
        content = repository.session.get(link.url_without_fragment).content
        found += [f"{kind}:{hashlib.new(kind, content).hexdigest()}" for kind in missing]
    return found


def _explain(row: dict[str, Any], job: dict[str, Any], seen: Seen) -> dict[str, Any]:
    name, version = row["name"], row["specifier"].lstrip("=")
    if row["has_files"]:
        return {"kind": "hashes", "name": name, "message": f"{name} {version}"}
    cause = {"name": name, "specifier": row["specifier"], "parent": "", "parent_version": ""}
    releases = releases_by_name({name}, seen, pre="--pre" in job["options"])
    return {"kind": "conflict", "causes": [cause], "releases": releases, "notes": seen.notes}
