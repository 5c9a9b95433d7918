"""Where packages come from by `[tool.uv]` (uv's documentation of dependency sources and of indexes, 0.13)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.utils import canonicalize_name

from mlspec.errors import Problem
from mlspec.lock.requirements.sources.values import (
    Finds,
    ProjectIndex,
    Reach,
    Source,
    Tables,
    TomlText,
    git_address,
    refuse_path,
    url_address,
)
from mlspec.lock.requirements.values import Place, Stated

_EXPORT = "uv export --frozen --no-emit-project --no-dev -o requirements.txt"
_LOCAL_EXPORT = (
    "take what it depends on, and name that file in the place of this one:\n"
    "uv export --frozen --no-emit-local --no-dev -o requirements.txt"
)


def read_uv(toml: TomlText, workspace: TomlText | None = None) -> Tables:
    """Return what uv's tables say of where packages come from, those of the root of its workspace among them."""
    finds, own = Finds(), set[str]()
    texts = (toml, workspace) if workspace else (toml,)
    urls = {name: url for text in reversed(texts) for name, url in _read_indexes(text, finds).items()}
    for text in texts:
        if toml.value("tool", "uv", "no-sources") is not True:
            for key, rows in text.table("tool", "uv", "sources").items():
                # What a member says of a package of its own holds in place of what the root says.
                if text is toml or canonicalize_name(key) not in own:
                    _read_source(text, key, rows, urls, finds)
        own |= {canonicalize_name(key) for key in text.table("tool", "uv", "sources")}
        _read_lists(text, finds)
    return finds.tables()


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
        found = Source(
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


def _read_indexes(toml: TomlText, finds: Finds) -> Mapping[str, str]:
    """Note the indexes of a project; returns their addresses by name."""
    urls: dict[str, str] = {}
    for number, row in toml.tables("tool", "uv", "index"):
        place, url = toml.place("tool", "uv", "index", number), str(row.get("url", ""))
        if row.get("format", "simple") != "simple":
            message = f"{url} is a page of links, where any file may be added at any time"
            finds.problems.append(place.problem("MLS217", message, "write the address of the file as a source: url"))
        reach: Reach = "named" if row.get("explicit") else "rest" if row.get("default") else "any"
        finds.indexes.append(ProjectIndex(url=url, place=place, reach=reach))
        urls[str(row.get("name", ""))] = url
    for above in (("tool", "uv"), ("tool", "uv", "pip")):
        _read_old_indexes(toml, above, finds)
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


def _read_lists(toml: TomlText, finds: Finds) -> None:
    for key, into in (
        ("constraint-dependencies", finds.constraints),
        ("build-constraint-dependencies", finds.build_constraints),
    ):
        listed = toml.value("tool", "uv", key)
        for number, text in enumerate(listed if isinstance(listed, list) else ()):
            into.append((str(text), toml.place("tool", "uv", key, number)))
    _read_metadata(toml, finds)
    for key in ("override-dependencies", "exclude-dependencies"):
        if toml.value("tool", "uv", key):
            message = f"{key} changes what other packages ask for, which pip's resolver cannot do"
            hint = f"take the pins that uv made, and name that file in the place of this one:\n{_EXPORT}"
            finds.problems.append(toml.place("tool", "uv", key).problem("MLS219", message, hint))


def _read_metadata(toml: TomlText, finds: Finds) -> None:
    """Take what the project states of source packages; of wheels, which tell it themselves, it decides nothing."""
    rows = toml.value("tool", "uv", "dependency-metadata")
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        requires = row.get("requires-dist", ()) if isinstance(row, dict) else None
        if not isinstance(requires, list | tuple) or not row.get("name"):
            hint = 'write: { name = "x", version = "1.0", requires-dist = ["y"] }'
            place = toml.place("tool", "uv", "dependency-metadata", number)
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
