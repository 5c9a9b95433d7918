"""Where packages come from by `[tool.uv]` and `uv.toml` (uv's documentation of sources, indexes and settings, 0.13)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.utils import canonicalize_name

from mlspec.errors import Problem
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
from mlspec.lock.requirements.values import Place, Stated

_TOOL = ("tool", "uv")
_LOCAL_EXPORT = (
    "take what it depends on, and name that file in the place of this one:\n"
    "uv export --frozen --no-emit-local --no-dev -o requirements.txt"
)


def read_uv(toml: TomlText, conditions: Conditions, workspace: TomlText | None, uv_toml: TomlText | None) -> Tables:
    """Return what uv's tables say of where packages come from, those of the root of its workspace among them.

    As in uv, a ``uv_toml`` beside the root takes the place of the settings in the pyproject.toml; and those of a member
    of a workspace do not count.
    """
    finds, own = Finds(), set[str]()
    texts = (toml, workspace) if workspace else (toml,)
    urls = {name: url for text in reversed(texts) for name, url in _read_indexes(text, _TOOL, finds).items()}
    if uv_toml:
        urls = {**_read_indexes(uv_toml, (), finds), **urls}
    for text in texts:
        if toml.value("tool", "uv", "no-sources") is not True:
            for key, rows in text.table("tool", "uv", "sources").items():
                # What a member says of a package of its own holds in place of what the root says.
                if text is toml or canonicalize_name(key) not in own:
                    _read_source(text, key, rows, urls, finds)
        own |= {canonicalize_name(key) for key in text.table("tool", "uv", "sources")}
        _read_lists(text, _TOOL, finds)
    if uv_toml:
        _read_lists(uv_toml, (), finds)
    _read_config(uv_toml or workspace or toml, () if uv_toml else _TOOL, conditions, finds)
    return finds.tables()


def read_config(text: TomlText, above: tuple[str, ...], conditions: Conditions) -> Tables:
    """Return what holds for requirement files beside a ``uv.toml``, or a pyproject.toml with settings of uv's."""
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
            marker=str(row.get("marker", "")),
            extra=canonicalize_name(str(row.get("extra", ""))),
            group=canonicalize_name(str(row.get("group", ""))),
        )
        finds.sources.append(found)


def _refuse(key: str, row: Mapping[str, Any], urls: Mapping[str, str], place: Place) -> Problem | None:
    if row.get("workspace"):
        return refuse_path(key, "another project of the workspace", place, _LOCAL_EXPORT)
    if "path" in row:
        return refuse_path(key, f"what stands at {row['path']}", place, _LOCAL_EXPORT)
    if "index" in row and str(row["index"]) not in urls:
        hint = f'add its address here: [[tool.uv.index]] with name = "{row["index"]}"'
        return place.problem("MLS217", f"{key} comes from the index {row['index']}, whose address is not here", hint)
    if not {"index", "git", "url"} & row.keys():
        hint = "write git, url or index"
        return place.problem("MLS216", f"where {key} comes from is not known: {', '.join(row) or 'nothing'}", hint)
    return None


# Indexes


def _read_indexes(toml: TomlText, above: tuple[str, ...], finds: Finds) -> Mapping[str, str]:
    """Note the indexes of a project; returns their addresses by name."""
    urls: dict[str, str] = {}
    for number, row in toml.tables(*above, "index"):
        place, url = toml.place(*above, "index", number), str(row.get("url", ""))
        if row.get("format", "simple") != "simple":
            message = f"{url} is a page of links, where any file may be added at any time"
            finds.problems.append(place.problem("MLS217", message, "write the address of the file as a source: url"))
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
        message = "find-links is a folder or page of files, any of which may be another one tomorrow"
        hint = "write the address of each file as a source: url"
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
            message = f"{key} changes what other packages ask for, which pip's resolver cannot do"
            finds.problems.append(toml.place(*above, key).problem("MLS219", message, TAKE_PINS))


def _read_metadata(toml: TomlText, above: tuple[str, ...], finds: Finds) -> None:
    """Take what the project states of source packages; of wheels, which tell it themselves, it decides nothing."""
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
