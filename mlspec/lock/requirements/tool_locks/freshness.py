"""Check whether another tool's lock still fits the project beside it, by the method of that tool."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from mlspec.lock.requirements.tool_locks.uv_lock import find_root

Data = Mapping[str, Any]


def find_change(tool: str, lock: Data, project: Data, text: str) -> str:
    """Return the change to a project since its lock was made; empty if there is none.

    ``text`` is the text of the lock.
    """
    if tool == "uv":
        return _changed_for_uv(lock, project)
    if tool == "poetry":
        return _changed_for_poetry(lock, project, text)
    if tool == "pdm":
        recorded = str(lock.get("metadata", {}).get("content_hash", "")).partition(":")
        return _compare(recorded[2], _hash_for_pdm(project, recorded[0] or "sha256"))
    if tool == "pipenv":
        return _compare(str(lock.get("_meta", {}).get("hash", {}).get("sha256", "")), _hash_for_pipenv(project))
    return ""


def _compare(recorded: str, now: str) -> str:
    return "" if recorded in {"", now} else "the project has another hash now"


# poetry, pdm and pipenv: a hash over the inputs of their resolvers


def _changed_for_poetry(lock: Data, project: Data, text: str) -> str:
    """Return the change by the method of `poetry.packages.locker` (2.5).

    Before 2.3 poetry left out the groups of PEP 735.
    """
    recorded = str(lock.get("metadata", {}).get("content-hash", ""))
    hashes = [_hash_for_poetry(project, with_groups=True)]
    written = re.search(r"Poetry (\S+)", text.partition("\n")[0])
    if written and _is_before(written[1], "2.3.0"):
        hashes.append(_hash_for_poetry(project, with_groups=False))
    return "" if recorded in {"", *hashes} else _compare(recorded, hashes[0])


def _is_before(version: str, other: str) -> bool:
    try:
        return Version(version) < Version(other)
    except InvalidVersion:
        return False


_OF_PROJECT = ("requires-python", "dependencies", "optional-dependencies")
_OF_POETRY = ("dependencies", "source", "extras", "dev-dependencies")


def _hash_for_poetry(data: Data, *, with_groups: bool) -> str:
    own, groups = data.get("project", {}), data.get("dependency-groups", {}) if with_groups else {}
    tool = data.get("tool", {}).get("poetry", {})
    project = {key: own[key] for key in _OF_PROJECT if own.get(key) is not None}
    has_more = bool(project or groups)
    poetry = {key: tool.get(key) for key in _OF_POETRY if tool.get(key) is not None or not has_more}
    poetry |= {"group": tool["group"]} if tool.get("group") is not None else {}
    content: dict[str, Any] = {"project": project} if project else {}
    content |= {"dependency-groups": groups} if groups else {}
    content = {**content, "tool": {"poetry": poetry}} if content else poetry
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _hash_for_pdm(data: Data, kind: str) -> str:
    """Return the hash that `pdm.project.project_file` makes of a project (2.26)."""
    settings, metadata = data.get("tool", {}).get("pdm", {}), data.get("project", {})
    groups: dict[str, list[Any]] = {canonicalize_name(k): list(v) for k, v in data.get("dependency-groups", {}).items()}
    for name, listed in settings.get("dev-dependencies", {}).items():
        groups.setdefault(canonicalize_name(name), []).extend(listed)
    content = {
        "sources": settings.get("source", []),
        "dependencies": metadata.get("dependencies", []),
        "dev-dependencies": groups,
        "optional-dependencies": metadata.get("optional-dependencies", {}),
        "requires-python": metadata.get("requires-python", ""),
        "resolution": settings.get("resolution", {}),
    }
    if kind not in {"sha256", "sha384", "sha512"}:
        return ""
    return hashlib.new(kind, json.dumps(content, sort_keys=True).encode()).hexdigest()


_NO_CATEGORIES = {
    "source",
    "packages",
    "dev-packages",
    "requires",
    "scripts",
    "pipfile",
    "pipenv",
    "default",
    "develop",
}


def _hash_for_pipenv(data: Data) -> str:
    """Return the hash that `pipenv.utils.pipfile` makes of a Pipfile (2026.10)."""

    def spell_names(section: Data) -> dict[str, Any]:
        return {canonicalize_name(name): value for name, value in section.items()}

    content: dict[str, Any] = {
        "_meta": {"sources": data.get("source", {}), "requires": data.get("requires", {})},
        "default": spell_names(data.get("packages", {})),
        "develop": spell_names(data.get("dev-packages", {})),
    }
    content |= {name: spell_names(rows) for name, rows in data.items() if name not in _NO_CATEGORIES}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# uv: a copy of the project's requirements

_Asked = tuple[str, str, str, frozenset[str]]
"""A requirement for comparison: its extra or group, its name, its versions, and its extras."""


def _changed_for_uv(lock: Data, project: Data) -> str:
    root = find_root(lock)
    if root is None or "project" not in project:
        return ""
    row: Data = lock["package"][root]
    own, metadata = project["project"], row.get("metadata", {})
    name = canonicalize_name(str(own.get("name", "")))
    if name != row.get("name"):
        return f"it is the lock of {row.get('name')}"
    if _spell(str(own.get("requires-python", ""))) != _spell(str(lock.get("requires-python", ""))):
        return f"requires-python was {lock.get('requires-python')}"
    for recorded, now in (
        (_of_lock(metadata.get("requires-dist", ())), _of_project(own)),
        (_of_groups(metadata.get("requires-dev", {})), _of_project_groups(project)),
        (_of_manifest(lock), _of_settings(project)),
    ):
        changed = sorted({asked[1] for asked in set(recorded) ^ set(now)})
        if changed:
            return f"{', '.join(changed[:3])} changed"
    return ""


def _of_lock(rows: Iterable[Data], where: str = "") -> Iterator[_Asked]:
    for row in rows:
        extra = re.search(r"extra == '([^']+)'", str(row.get("marker", "")))
        name = canonicalize_name(str(row["name"]))
        yield (
            (extra[1] if extra else where),
            name,
            _spell(str(row.get("specifier", ""))),
            frozenset(row.get("extras", ())),
        )


def _of_groups(groups: Mapping[str, Iterable[Data]]) -> Iterator[_Asked]:
    for name, rows in groups.items():
        yield from _of_lock(rows, f"group {canonicalize_name(name)}")


def _of_manifest(lock: Data) -> Iterator[_Asked]:
    manifest: Data = lock.get("manifest", {})
    for key in ("constraints", "overrides", "build-constraints"):
        yield from _of_lock(manifest.get(key, ()), key)


def _of_settings(project: Data) -> Iterator[_Asked]:
    settings: Data = project.get("tool", {}).get("uv", {})
    for key in ("constraint", "override", "build-constraint"):
        yield from _of_texts(settings.get(f"{key}-dependencies", ()), f"{key}s")


def _of_project(own: Data) -> Iterator[_Asked]:
    if "dependencies" not in own.get("dynamic", ()):
        yield from _of_texts(own.get("dependencies", ()), "")
    for extra, texts in own.get("optional-dependencies", {}).items():
        yield from _of_texts(texts, canonicalize_name(extra))


def _of_project_groups(project: Data) -> Iterator[_Asked]:
    groups: dict[str, Any] = {
        canonicalize_name(name): items for name, items in project.get("dependency-groups", {}).items()
    }
    old = project.get("tool", {}).get("uv", {}).get("dev-dependencies")
    if old:
        groups["dev"] = [*groups.get("dev", ()), *old]
    for name in groups:
        yield from _of_texts(_list_group(groups, name, ()), f"group {name}")


def _list_group(groups: Mapping[str, Iterable[Any]], name: str, trail: tuple[str, ...]) -> Iterator[str]:
    for item in () if name in trail else groups.get(name, ()):
        if isinstance(item, dict):
            yield from _list_group(groups, canonicalize_name(str(item.get("include-group", ""))), (*trail, name))
        else:
            yield str(item)


def _of_texts(texts: Iterable[object], where: str) -> Iterator[_Asked]:
    for text in texts:
        try:
            found = Pep508(str(text))
        except InvalidRequirement:
            continue
        yield where, canonicalize_name(found.name), _spell(str(found.specifier)), frozenset(found.extras)


def _spell(specifier: str) -> str:
    try:
        return ",".join(sorted(str(one) for one in SpecifierSet(specifier)))
    except InvalidSpecifier:
        return specifier
