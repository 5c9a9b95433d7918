"""The requirements of `[tool.poetry]` and their sources (poetry's documentation, 2.1), in pip's syntax."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from mlspec.errors import KeyPath, Problem
from mlspec.lock.requirements.requirement_types import Unheeded
from mlspec.lock.requirements.sources.source_tables import (
    PATH_HINT,
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
from mlspec.spec.place import Place

_MAIN = ("tool", "poetry", "dependencies")


# Sources of packages


def read_poetry(toml: TomlText, conditions: Conditions) -> Tables:
    """Return the sources of packages in poetry's tables."""
    finds = Finds()
    urls, listed = _read_indexes(toml, finds), _listed_names(toml)
    for group, path in _dependency_tables(toml):
        for name, rows in toml.table(*path).items():
            for place, row in _rows(toml, path, name, rows):
                if _applies(row, conditions) and (source := _source(toml, name, place, row, urls)):
                    finds.sources.append(dataclasses.replace(source, group=group))
                if not group and row.get("allow-prereleases") and canonicalize_name(name) in listed:
                    finds.problems.append(_refuse_prereleases(name, place))
    if toml.table("tool", "poetry", "build-constraints"):
        message = "build-constraints of single packages: pip has them only for all builds"
        place, hint = toml.place("tool", "poetry", "build-constraints"), "write in the spec: build_constraints: [...]"
        finds.unheeded.append(Unheeded("setting", message, hint, place, matters="source"))
    return finds.tables()


def _listed_names(toml: TomlText) -> frozenset[str]:
    """Return the normalised names of the dependencies in the project table."""
    listed = toml.value("project", "dependencies")
    texts = (text for text in (listed if isinstance(listed, list) else ()) if isinstance(text, str))
    return frozenset(canonicalize_name(re.split(r"[^A-Za-z0-9._-]", text.strip(), maxsplit=1)[0]) for text in texts)


def included_groups(toml: TomlText, group: str) -> frozenset[str]:
    """Return a group of poetry's and the groups that it includes, by their normalised names (poetry 2.2)."""
    tables: dict[str, Any] = {
        canonicalize_name(name): row for name, row in toml.table("tool", "poetry", "group").items()
    }
    found, todo = set[str](), [group]
    while todo:
        name = todo.pop()
        row = tables.get(name)
        if name not in found and isinstance(row, dict):
            todo += [canonicalize_name(str(other)) for other in row.get("include-groups") or ()]
        found.add(name)
    return frozenset(found)


def _dependency_tables(toml: TomlText) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the tables of dependencies with their groups; the group of the project's own table is empty."""
    yield "", _MAIN
    yield "dev", ("tool", "poetry", "dev-dependencies")
    for group in toml.table("tool", "poetry", "group"):
        yield canonicalize_name(group), ("tool", "poetry", "group", group, "dependencies")


def _rows(toml: TomlText, path: tuple[str, ...], name: str, rows: object) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    if isinstance(rows, list):
        tables = [(toml.place(*path, name, number), row) for number, row in enumerate(rows)]
    else:
        tables = [(toml.place(*path, name), rows)]
    for place, row in tables:
        yield place, row if isinstance(row, dict) else {"version": row}


def _source(
    toml: TomlText, name: str, place: Place, row: Mapping[str, Any], urls: Mapping[str, str]
) -> PackageSource | None:
    problem, source = None, str(row.get("source", ""))
    if where := row.get("path") or row.get("file"):
        problem = refuse_path(name, f"the local path {where}", place, PATH_HINT.format(file=toml.shown))
    elif source and source.lower() != "pypi" and source not in urls:
        hint = f'add its URL here: [[tool.poetry.source]] with name = "{source}"'
        problem = place.problem("MLS217", f"{name} comes from {source}, but the URL of that is not here", hint)
    address = git_address(row) if "git" in row else url_address(row) if "url" in row else ""
    if not (address or problem or source in urls):
        return None
    return PackageSource(
        name=canonicalize_name(name),
        place=place,
        address=address,
        index=urls.get(source, ""),
        problem=problem,
        marker=str(row.get("markers", "")),
    )


def _read_indexes(toml: TomlText, finds: Finds) -> Mapping[str, str]:
    urls: dict[str, str] = {}
    rows = toml.tables("tool", "poetry", "source")
    first = [number for number, row in rows if _priority(row) in {"primary", "default"}]
    for number, row in rows:
        name, url = str(row.get("name", "")), str(row.get("url", ""))
        if name.lower() == "pypi":
            continue
        urls[name] = url
        # A single primary source replaces pypi.org; poetry asks several together.
        alone = _priority(row) in {"primary", "default"} and len(first) == 1
        reach: Reach = "named" if _priority(row) == "explicit" else "rest" if alone else "any"
        place = toml.place("tool", "poetry", "source", number)
        finds.indexes.append(ProjectIndex(url=url, place=place, reach=reach))
    return urls


def _priority(row: Mapping[str, Any]) -> str:
    if row.get("default"):
        return "default"
    return "secondary" if row.get("secondary") else str(row.get("priority", "primary")).lower()


def _applies(row: Mapping[str, Any], conditions: Conditions) -> bool:
    """Return whether a row is for the Python and the platform of the image; this ignores its markers."""
    if str(row.get("platform", "linux")).lower() != "linux":
        return False
    python = str(row.get("python", "*"))
    try:
        whole = conditions.python if conditions.python.count(".") > 1 else f"{conditions.python}.0"
        return any(SpecifierSet(specifier).contains(whole) for specifier in _alternatives(python))
    except InvalidSpecifier:
        return True


# Requirements


def list_dependencies(
    toml: TomlText, extras: tuple[str, ...], group: str, conditions: Conditions
) -> Iterator[tuple[str, Place] | Problem]:
    """Yield the requirements of poetry's tables in pip's syntax, with their places, and problems of the others.

    Of the project's optional dependencies, only those in ``extras`` count. With ``group``, the dependencies of that
    group replace those of the project.
    """
    groups = included_groups(toml, group) if group else frozenset({""})
    paths = [path for name, path in _dependency_tables(toml) if name in groups]
    wanted = _optional_names(toml, extras)
    for path in paths:
        for name, rows in toml.table(*path).items():
            if name.lower() == "python":
                continue
            for place, row in _rows(toml, path, name, rows):
                is_left_out = row.get("optional") and canonicalize_name(name) not in wanted
                if _applies(row, conditions) and not is_left_out:
                    yield _line(name, row, place)


def _optional_names(toml: TomlText, extras: tuple[str, ...]) -> frozenset[str]:
    table = {canonicalize_name(key): names for key, names in toml.table("tool", "poetry", "extras").items()}
    named = (str(name) for extra in extras for name in table.get(canonicalize_name(extra), ()))
    return frozenset(canonicalize_name(name) for name in named)


def _line(name: str, row: Mapping[str, Any], place: Place) -> tuple[str, Place] | Problem:
    version = str(row.get("version", "*"))
    try:
        alternatives = _alternatives(version)
    except InvalidSpecifier:
        return place.problem("MLS203", f'"{version}" is not a version of {name}', "write one such as: >=1.2,<2")
    if len(alternatives) != 1:
        hint = "write one range, such as: >=1.2,<2"
        return place.problem("MLS203", f'"{version}" is several ranges of {name}, but pip allows one', hint)
    if row.get("allow-prereleases"):
        return _refuse_prereleases(name, place)
    extras = f"[{','.join(map(str, row['extras']))}]" if row.get("extras") else ""
    marker = f" ; {row['markers']}" if row.get("markers") else ""
    return f"{name}{extras}{alternatives[0]}{marker}", place


def _refuse_prereleases(name: str, place: Place) -> Problem:
    hint = f'remove it here, and name the pre-release: {name} = "==1.0rc1"'
    return place.problem("MLS219", f"pip allows pre-releases of all packages or of none, not only of {name}", hint)


def required_python(toml: TomlText) -> tuple[str, KeyPath]:
    """Return the Pythons that poetry's table requires, as a specifier, and the path of its key; empty without one."""
    rows = toml.value(*_MAIN, "python")
    if not isinstance(rows, str):
        return "", ()
    specifier = read_python(rows)
    return (specifier, (*_MAIN, "python")) if specifier else ("", ())


# Versions


def read_python(version: str) -> str:
    """Return a poetry version as one pip specifier; empty if it takes several, or is invalid."""
    try:
        alternatives = _alternatives(version)
    except InvalidSpecifier:
        return ""
    return alternatives[0] if len(alternatives) == 1 else ""


def _alternatives(version: str) -> list[str]:
    """Return a poetry version as pip specifiers, one of which has to fit; raises InvalidSpecifier."""
    return [_specifier(part) for part in re.split(r"\s*\|\|?\s*", version.strip())]


def _specifier(text: str) -> str:
    parts = [part for part in re.split(r"\s*,\s*|(?<=[\w*.])\s+(?=[<>=!~^])", text.strip()) if part]
    specifier = ",".join(filter(None, map(_one_specifier, parts)))
    return ",".join(text for text in specifier.split(",") if SpecifierSet(text) is not None)


def _one_specifier(part: str) -> str:
    """Return one condition in pip's syntax: `^1.2` is `>=1.2,<2`, `~1.2` is `>=1.2,<1.3`, `1.2` is `==1.2`."""
    operator, version = re.fullmatch(r"([\^~<>=!]*)\s*v?(.*)", part, re.DOTALL).groups()  # type: ignore[union-attr]
    if operator in {"", "=", "=="}:
        return "" if version == "*" else f"=={version}"
    if operator not in {"^", "~"}:
        return f"{operator}{version}"
    release = re.match(r"\d+(?:\.\d+)*", version)
    if not release:
        raise InvalidSpecifier(part)
    numbers = [int(number) for number in release[0].split(".")]
    if operator == "^":
        place = next((n for n, number in enumerate(numbers) if number), len(numbers) - 1)
    else:
        place = min(1, len(numbers) - 1)
    upper = [*numbers[:place], numbers[place] + 1]
    return f">={version},<{'.'.join(map(str, upper))}"
