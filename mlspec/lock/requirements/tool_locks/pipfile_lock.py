"""Convert Pipfile.lock to packages (pipfile-spec 6, as pipenv writes it): a table for each category, in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.utils import canonicalize_name

from mlspec.lock.requirements.sources.choices import is_pypi
from mlspec.lock.requirements.tool_locks.lock_model import (
    LockChoice,
    LockedPackage,
    LockReadError,
    PackageSet,
    ProjectLock,
    normalise,
)

_DEFAULT = "default"
_MARKERS = ("sys_platform", "platform_machine", "platform_system", "os_name", "python_version", "implementation_name")


def read_pipfile_lock(data: Mapping[str, Any]) -> ProjectLock:
    """Return the lock in a Pipfile.lock; raises LockReadError if it has another format."""
    meta: Mapping[str, Any] = data.get("_meta", {})
    if meta.get("pipfile-spec") != 6:
        message = f"this Pipfile.lock has format {meta.get('pipfile-spec')}, and mlspec reads format 6"
        raise LockReadError("MLS270", ("_meta",), message, "write it again: pipenv lock")
    listed = meta.get("sources", ())
    sources = {str(row.get("name", "")): str(row.get("url", "")) for row in listed}
    first = next(iter(sources.values()), "")

    def take(choice: LockChoice) -> tuple[LockedPackage, ...]:
        taken = PackageSet()
        for category, rows in data.items():
            name = canonicalize_name(category)
            if category != "_meta" and (name == _DEFAULT or name in choice.groups):
                for package, row in rows.items():
                    if choice.fits(_marker(row)):
                        taken.add(_package(package, row, sources, first), (category, package))
        return taken.finish()

    requires: Mapping[str, Any] = meta.get("requires", {})
    whole, minor = requires.get("python_full_version"), requires.get("python_version")
    python = f"=={whole}" if whole else f"=={minor}.*" if minor else ""
    return ProjectLock(take=take, groups=normalise(data.keys() - {"_meta", _DEFAULT}), python=python)


def _marker(row: Mapping[str, Any]) -> str:
    parts = [f"({row['markers']})"] if row.get("markers") else []
    parts += [f"{name} {row[name]}" for name in _MARKERS if name in row]
    return " and ".join(parts)


def _package(name: str, row: Mapping[str, Any], sources: Mapping[str, str], first: str) -> LockedPackage:
    address, index = "", sources.get(str(row.get("index", "")), first)
    if "git" in row:
        folder = f"#subdirectory={row['subdirectory']}" if row.get("subdirectory") else ""
        address = f"git+{str(row['git']).removeprefix('git+')}@{row.get('ref', '')}{folder}"
    elif "://" in str(row.get("file", "")):
        address = str(row["file"])
    local = "" if address else str(row.get("path") or row.get("file") or "")
    return LockedPackage(
        name=canonicalize_name(name),
        version=str(row.get("version", "")).lstrip("="),
        hashes=() if "git" in row else tuple(map(str, row.get("hashes", ()))),
        index="" if address or local or is_pypi(index) else index,
        address=address,
        local=local,
    )
