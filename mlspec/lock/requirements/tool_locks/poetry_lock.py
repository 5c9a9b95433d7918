"""Convert poetry.lock to packages (format 2.1, as poetry 2 writes it: its docs of lock files).

Each package in the lock has the groups and markers that need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.utils import canonicalize_name

from mlspec.lock.requirements.sources.choices import is_pypi
from mlspec.lock.requirements.sources.poetry import read_python
from mlspec.lock.requirements.tool_locks.lock_model import (
    LockChoice,
    LockedFile,
    LockedPackage,
    LockReadError,
    PackageSet,
    ProjectLock,
    normalise,
)

_MAIN = "main"


def read_poetry_lock(data: Mapping[str, Any]) -> ProjectLock:
    """Return the lock in a poetry.lock; raises LockReadError if its format does not show when a package is needed."""
    metadata: Mapping[str, Any] = data.get("metadata", {})
    version = str(metadata.get("lock-version", ""))
    if version.split(".")[0] != "2" or version == "2.0":
        message = f"this poetry.lock has format {version or '?'}, and mlspec reads format 2.1, as poetry 2 writes it"
        raise LockReadError("MLS270", ("metadata", "lock-version"), message, "write it with poetry 2: poetry lock")
    rows: list[Mapping[str, Any]] = data.get("package", [])

    def take(choice: LockChoice) -> tuple[LockedPackage, ...]:
        taken = PackageSet()
        for number, row in enumerate(rows):
            if _is_taken(row, choice):
                package = _package(row)
                taken.add(package, ("package", number))
                for name in row.get("dependencies", {}):
                    taken.ask(canonicalize_name(name), package.name)
        return taken.finish()

    groups = normalise(group for row in rows for group in row.get("groups", ()))
    python = read_python(str(metadata.get("python-versions", "")))
    return ProjectLock(take=take, extras=normalise(data.get("extras", {})), groups=groups - {_MAIN}, python=python)


def _is_taken(row: Mapping[str, Any], choice: LockChoice) -> bool:
    markers = row.get("markers", "")
    for group in row.get("groups", [_MAIN]):
        if group == _MAIN or canonicalize_name(group) in choice.groups:
            marker = markers.get(group, "") if isinstance(markers, dict) else str(markers)
            if choice.fits(marker, choice.extras):
                return True
    return False


def _package(row: Mapping[str, Any]) -> LockedPackage:
    source: Mapping[str, Any] = row.get("source", {})
    kind, url = source.get("type", ""), str(source.get("url", ""))
    index, address, ref, local = "", "", "", ""
    if kind == "git":
        commit, folder = str(source.get("resolved_reference", "")), str(source.get("subdirectory", ""))
        address = f"git+{url}@{commit}" + (f"#subdirectory={folder}" if folder else "")
        ref = "" if source.get("reference") == commit else str(source.get("reference", "HEAD"))
    elif kind == "url":
        address = url + (f"#subdirectory={source['subdirectory']}" if source.get("subdirectory") else "")
    elif kind in {"directory", "file"}:
        local = url
    elif url and not is_pypi(url):
        index = url
    files = tuple(LockedFile(name=str(file["file"]), hash=str(file["hash"])) for file in row.get("files", ()))
    return LockedPackage(
        name=canonicalize_name(str(row["name"])),
        version=str(row["version"]),
        files=() if kind == "git" else files,
        index=index,
        address=address,
        ref=ref,
        local=local,
    )
