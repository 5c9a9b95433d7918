"""The sources of packages in `[tool.uv]` and `uv.toml` (uv's documentation of sources, indexes and settings, 0.13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from packaging.utils import canonicalize_name

from mlspec.errors import Problem
from mlspec.lock.requirements.requirement_types import Stated
from mlspec.lock.requirements.sources.source_tables import (
    Conditions,
    Finds,
    PackageSource,
    ProjectIndex,
    Reach,
    Tables,
    TomlText,
    git_address,
    refuse_path,
    url_address,
)
from mlspec.lock.requirements.sources.uv_settings import AGE, TAKE_PINS, read_settings, refuse_setting
from mlspec.spec.place import Place

_TOOL = ("tool", "uv")
_ARCHIVE = re.compile(r"\.(?:whl|tar\.gz|tgz|tar\.bz2|tar\.xz|zip)$")
_LOCAL_EXPORT = (
    "export its dependencies, and name that file instead of this one:\n"
    "uv export --frozen --no-emit-local --no-dev -o requirements.txt"
)


def read_uv(toml: TomlText, conditions: Conditions, workspace: TomlText | None, uv_toml: TomlText | None) -> Tables:
    """Return the sources of packages in uv's tables, including those of the root of the workspace.

    As in uv, a ``uv_toml`` beside the root replaces the settings in the pyproject.toml. The settings of a workspace
    member do not count.
    """
    finds, own = Finds(), set[str]()
    settings = uv_toml or workspace or toml
    above = () if uv_toml else _TOOL
    texts = (toml, workspace) if workspace else (toml,)
    urls = {name: url for text in reversed(texts) for name, url in _read_indexes(text, _TOOL, finds).items()}
    if uv_toml:
        urls = {**_read_indexes(uv_toml, (), finds), **urls}
    for text in texts:
        for key, rows in text.table("tool", "uv", "sources").items():
            # The source that a member states for its own package overrides that of the root.
            if canonicalize_name(key) not in own and not _is_off(settings, above, key):
                _read_source(text, key, rows, urls, finds)
        own |= {canonicalize_name(key) for key in text.table("tool", "uv", "sources")}
        _read_lists(text, _TOOL, finds)
    if uv_toml:
        _read_lists(uv_toml, (), finds)
    _read_config(settings, above, conditions, finds)
    return finds.tables()


def _is_off(settings: TomlText, above: tuple[str, ...], name: str) -> bool:
    """Return whether a setting turns off the sources of a package."""
    named = settings.value(*above, "no-sources-package")
    off = {canonicalize_name(str(item)) for item in named} if isinstance(named, list) else set()
    return settings.value(*above, "no-sources") is True or canonicalize_name(name) in off


def read_config(text: TomlText, above: tuple[str, ...], conditions: Conditions) -> Tables:
    """Return the settings for requirement files beside a ``uv.toml``, or beside a pyproject.toml with uv's settings."""
    finds = Finds()
    _read_indexes(text, above, finds)
    _read_lists(text, above, finds)
    _read_config(text, above, conditions, finds)
    return finds.tables()


def _read_config(text: TomlText, above: tuple[str, ...], conditions: Conditions, finds: Finds) -> None:
    for table in (above, (*above, "pip")):
        read_settings(text, table, conditions, finds)


# Sources


def _read_source(toml: TomlText, key: str, rows: object, urls: Mapping[str, str], finds: Finds) -> None:
    path = ("tool", "uv", "sources", key)
    if canonicalize_name(key) == toml.name:
        return
    listed = enumerate(rows) if isinstance(rows, list) else ((None, rows),)
    for number, row in listed:
        place = toml.place(*path) if number is None else toml.place(*path, number)
        if not isinstance(row, dict):
            finds.problems.append(place.problem("MLS208", f"the source of {key} is not a table"))
            continue
        found = PackageSource(
            name=canonicalize_name(key),
            place=place,
            address=git_address(row) if "git" in row else url_address(row) if "url" in row else "",
            index=urls.get(str(row.get("index", "")), ""),
            problem=_refuse(key, row, urls, place),
            folder="" if _ARCHIVE.search(path_of := str(row.get("path", ""))) else path_of,
            is_member=row.get("workspace") is True,
            marker=str(row.get("marker", "")),
            extra=canonicalize_name(str(row.get("extra", ""))),
            group=canonicalize_name(str(row.get("group", ""))),
        )
        finds.sources.append(found)


def _refuse(key: str, row: Mapping[str, Any], urls: Mapping[str, str], place: Place) -> Problem | None:
    if row.get("workspace"):
        return refuse_path(key, "another project of the workspace", place, _LOCAL_EXPORT)
    if "path" in row:
        return refuse_path(key, f"the local path {row['path']}", place, _LOCAL_EXPORT)
    if "index" in row and str(row["index"]) not in urls:
        hint = f'add its URL here: [[tool.uv.index]] with name = "{row["index"]}"'
        return place.problem(
            "MLS217", f"{key} comes from the index {row['index']}, but the URL of that is not here", hint
        )
    if not {"index", "git", "url"} & row.keys():
        hint = "write git, url or index"
        return place.problem("MLS216", f"the source of {key} is unknown: {', '.join(row) or 'nothing'}", hint)
    return None


# Indexes


def _read_indexes(toml: TomlText, above: tuple[str, ...], finds: Finds) -> Mapping[str, str]:
    """Record the indexes of a project; return their addresses by name."""
    urls: dict[str, str] = {}
    for number, row in toml.tables(*above, "index"):
        place, url = toml.place(*above, "index", number), str(row.get("url", ""))
        if row.get("format", "simple") != "simple":
            message = f"{url} is a page of links that may get new files at any time"
            finds.problems.append(place.problem("MLS217", message, "write the URL of the file as a source: url"))
        if row.get("exclude-newer"):
            finds.problems.append(refuse_setting(place, "exclude-newer", AGE))
        reach: Reach = "named" if row.get("explicit") else "rest" if row.get("default") else "any"
        finds.indexes.append(ProjectIndex(url=url, place=place, reach=reach))
        urls[str(row.get("name", ""))] = url
    for table in (above, (*above, "pip")):
        _read_old_indexes(toml, table, finds)
    return urls


def _read_old_indexes(toml: TomlText, above: tuple[str, ...], finds: Finds) -> None:
    table = toml.table(*above)
    if url := table.get("index-url"):
        finds.indexes.append(ProjectIndex(url=str(url), place=toml.place(*above, "index-url"), reach="rest"))
    for number, url in enumerate(table.get("extra-index-url") or ()):
        place = toml.place(*above, "extra-index-url", number)
        finds.indexes.append(ProjectIndex(url=str(url), place=place, reach="any"))
    if table.get("find-links"):
        message = "find-links is a folder or page of files, and any of them may change"
        hint = "write the URL of each file as a source: url"
        finds.problems.append(toml.place(*above, "find-links").problem("MLS217", message, hint))


# Constraints and overrides


def _read_lists(toml: TomlText, above: tuple[str, ...], finds: Finds) -> None:
    for key, into in (
        ("constraint-dependencies", finds.constraints),
        ("build-constraint-dependencies", finds.build_constraints),
    ):
        listed = toml.value(*above, key)
        for number, text in enumerate(listed if isinstance(listed, list) else ()):
            into.append((str(text), toml.place(*above, key, number)))
    _read_metadata(toml, above, finds)
    for key in ("override-dependencies", "exclude-dependencies"):
        if toml.value(*above, key):
            message = f"{key} changes the requirements of other packages, which pip's resolver cannot do"
            finds.problems.append(toml.place(*above, key).problem("MLS219", message, TAKE_PINS))


def _read_metadata(toml: TomlText, above: tuple[str, ...], finds: Finds) -> None:
    """Record the metadata that the project states for source packages; wheels have their own, which counts instead."""
    rows = toml.value(*above, "dependency-metadata")
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        requires = row.get("requires-dist", ()) if isinstance(row, dict) else None
        if not isinstance(requires, list | tuple) or not row.get("name"):
            hint = 'write: { name = "x", version = "1.0", requires-dist = ["y"] }'
            place = toml.place(*above, "dependency-metadata", number)
            finds.problems.append(place.problem("MLS219", "this states no metadata of a package", hint))
            continue
        finds.stated.append(
            Stated(
                name=canonicalize_name(str(row["name"])),
                version=str(row.get("version", "")),
                requires_dist=tuple(map(str, requires)),
                requires_python=str(row.get("requires-python", "")),
            )
        )
