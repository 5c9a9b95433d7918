"""The comparison of complete pins with the files on the index, without a resolution."""

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
from mlspec.host.resolver.child.seen import Seen


def compare_pins(job: dict[str, Any], seen: Seen, pip_options: Sequence[str]) -> dict[str, Any]:
    """Return the pins with only the hashes of files for the target; or an error with all pins without such a hash."""
    repository = PyPIRepository(list(pip_options), cache_dir=job["cache"])
    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(lambda pin: _compare(pin, repository, seen), job["pins"]))
    wrong = [_explain(row, job, seen) for row in rows if not row["hashes"]]
    return {"error": {"kind": "pins", "errors": wrong}} if wrong else {"pins": rows}


def _compare(pin: dict[str, Any], repository: PyPIRepository, seen: Seen) -> dict[str, Any]:
    name, wanted, given = pin["name"], SpecifierSet(pin["specifier"]), set(pin["hashes"])
    fitting = [c.link for c in repository.finder.find_all_candidates(name) if _fits(wanted, c.version)]
    # Accept sources, too: a user who gives the hash of a source wants to build it, even if its release has wheels.
    others = (file for file in seen.pages.get(name, {}).values() if not file.is_wheel)
    sources = [file.link for file in others if _fits(wanted, file.version)]
    links = list(dict.fromkeys((*fitting, *sources)))
    known = {link: given & {*_hashes(link, given, repository)} for link in links}
    hashes = sorted({value for values in known.values() for value in values})
    size = next((seen.sizes[link.url] for link, values in known.items() if values and link.url in seen.sizes), None)
    return {**pin, "hashes": hashes, "has_files": bool(links), "size": size}


def _fits(wanted: SpecifierSet, version: Version | None) -> bool:
    return version is not None and wanted.contains(version, prereleases=True)


def _hashes(link: Link, given: Iterable[str], repository: PyPIRepository) -> list[str]:
    """Return the hashes of a file, of the same kinds as the given hashes.

    If the index lacks a kind, the file is downloaded to compute the hash.
    """
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
