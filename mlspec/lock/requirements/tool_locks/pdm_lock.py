"""Convert pdm.lock to packages (format 4.5, as pdm 2.17 and later write it: its docs of lock files)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from mlspec.lock.requirements.tool_locks.lock_model import (
    LockChoice,
    LockedFile,
    LockedPackage,
    LockReadError,
    PackageSet,
    ProjectLock,
    normalise,
)

_DEFAULT = "default"


def read_pdm_lock(data: Mapping[str, Any]) -> ProjectLock:
    """Return the lock in a pdm.lock; raises LockReadError if its format does not show when a package is needed."""
    metadata: Mapping[str, Any] = data.get("metadata", {})
    if str(metadata.get("lock_version", "")).split(".")[0] != "4":
        message = f"this pdm.lock has format {metadata.get('lock_version')}, and mlspec reads format 4"
        raise LockReadError("MLS270", ("metadata", "lock_version"), message, "write it with pdm 2: pdm lock")
    if "inherit_metadata" not in metadata.get("strategy", ()):
        message = "this pdm.lock does not say which packages are needed when: it lacks the strategy inherit_metadata"
        raise LockReadError("MLS270", ("metadata", "strategy"), message, "pdm lock --strategy inherit_metadata")
    rows: list[Mapping[str, Any]] = data.get("package", [])

    def take(choice: LockChoice) -> tuple[LockedPackage, ...]:
        _check_targets(metadata, choice)
        wanted, taken = {_DEFAULT, *choice.extras, *choice.groups}, PackageSet()
        for number, row in enumerate(rows):
            is_wanted = not wanted.isdisjoint(normalise(row.get("groups", [_DEFAULT])))
            if is_wanted and choice.fits(str(row.get("marker", ""))):
                package = _package(row)
                taken.add(package, ("package", number))
                for text in row.get("dependencies", ()):
                    taken.ask(canonicalize_name(re.split(r"[\s\[<>=!~;@(]", str(text), maxsplit=1)[0]), package.name)
        return taken.finish()

    # pdm makes no difference between an extra and a group.
    groups = normalise(metadata.get("groups", ())) - {_DEFAULT}
    return ProjectLock(take=take, extras=groups, groups=groups, python=_python(metadata))


def _python(metadata: Mapping[str, Any]) -> str:
    """Return the Pythons of the lock if all its targets have the same; else empty."""
    found = {str(row.get("requires_python", "")) for row in metadata.get("targets", ())}
    return found.pop() if len(found) == 1 else ""


_SYSTEMS = re.compile(r"^(?:linux|manylinux\S*_(?P<machine>x86_64|aarch64))$")


def _check_targets(metadata: Mapping[str, Any], choice: LockChoice) -> None:
    targets = metadata.get("targets") or ()
    if targets and not any(_is_target(row, choice) for row in targets):
        message = f"this pdm.lock is not for {choice.platform} with Python {choice.python}"
        hint = f"pdm lock --append --platform linux --python '=={choice.python}'"
        raise LockReadError("MLS272", ("metadata", "targets"), message, hint)


def _is_target(row: Mapping[str, Any], choice: LockChoice) -> bool:
    whole = choice.python if choice.python.count(".") > 1 else f"{choice.python}.0"
    if not SpecifierSet(str(row.get("requires_python", ""))).contains(whole, prereleases=True):
        return False
    if str(row.get("implementation", "cpython")) != "cpython":
        return False
    platform = str(row.get("platform", ""))
    found = _SYSTEMS.match(platform)
    machines = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
    # In pdm, plain "linux" means x86_64.
    return not platform or bool(found and (found["machine"] or "x86_64") == machines.get(choice.platform))


def _package(row: Mapping[str, Any]) -> LockedPackage:
    address, ref = "", ""
    if "git" in row:
        folder = f"#subdirectory={row['subdirectory']}" if row.get("subdirectory") else ""
        address = f"git+{str(row['git']).removeprefix('git+')}@{row.get('revision', '')}{folder}"
        ref = "" if row.get("ref") == row.get("revision") else str(row.get("ref", "HEAD"))
    elif "url" in row:
        address = str(row["url"]) + (f"#subdirectory={row['subdirectory']}" if row.get("subdirectory") else "")
    files = (
        LockedFile(
            name=str(file.get("file") or unquote(urlsplit(str(file.get("url", ""))).path.rpartition("/")[2])),
            hash=str(file["hash"]),
        )
        for file in row.get("files", ())
    )
    return LockedPackage(
        name=canonicalize_name(str(row["name"])),
        version=str(row.get("version", "")),
        files=() if "git" in row else tuple(files),
        address=address,
        ref=ref,
        local=str(row.get("path", "")),
    )
