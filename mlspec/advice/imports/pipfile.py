"""The import of pipenv's Pipfile."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mlspec.advice.imports.pip_words import read_index, read_own_index, read_requirement
from mlspec.advice.imports.toml_values import parse_toml
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.lock.requirements.sources.source_tables import TomlText


def read_pipfile(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on a Pipfile; raise SpecError if it is not TOML."""
    toml = parse_toml(source)
    lock = posixpath.join(posixpath.dirname(source.file), "Pipfile.lock")
    has_lock = source.read(lock) is not None
    if has_lock:
        yield replace(source.carry(0, "", "requirements", lock, f"mlspec takes the pins of {source.file}"), file=lock)
    for table, rows in toml.data.items():
        pairs = enumerate(rows) if isinstance(rows, list) else rows.items() if isinstance(rows, dict) else ()
        for key, value in pairs:
            number = _line_of(toml, table, key)
            for verdict in _read_row(source, table, str(key), value, number, toml.table("packages")):
                is_named = has_lock and table == "packages"
                yield replace(verdict, value=lock, outcome="carried", why="") if is_named else verdict


def _line_of(toml: TomlText, table: str, key: str | int) -> int:
    span = toml.place(table, key).span
    return span.line if span else 1


def _read_source(
    source: ImportSource, value: Mapping[str, Any], number: int, packages: Mapping[str, Any]
) -> Iterator[LineVerdict]:
    """Yield the verdicts on an index: it serves the packages that name it."""
    url, name = str(value.get("url", "")), str(value.get("name", ""))
    served = [key for key, row in packages.items() if isinstance(row, dict) and row.get("index") == name]
    if not served:
        yield read_index(source, number, f"source {url}", url)
    else:
        yield from read_own_index(source, number, f"source {name}", url, served)


def _read_row(
    source: ImportSource,
    table: str,
    key: str,
    value: Any,  # noqa: ANN401
    number: int,
    packages: Mapping[str, Any],
) -> Iterator[LineVerdict]:
    text = f"{key} = {value}"
    if table == "packages":
        yield from _read_package(source, key, value, number)
    elif table == "source" and isinstance(value, dict):
        yield from _read_source(source, value, number, packages)
    elif table == "requires" and key in {"python_version", "python_full_version"}:
        yield source.carry(number, text, "python", str(value))
    elif table == "pipenv" and key == "allow_prereleases" and value is True:
        yield source.change(number, text, "requirements", "--pre", "pip's option")
    elif table in {"scripts", "pipenv"}:
        yield source.carry(number, text, why="about pipenv, not about the image")
    else:
        yield source.carry(number, text, why="for development: to install it, write it under requirements")


def _read_package(source: ImportSource, name: str, value: Any, number: int) -> Iterator[LineVerdict]:  # noqa: ANN401
    options: Mapping[str, Any] = value if isinstance(value, dict) else {"version": value}
    text = f"{name} = {value}"
    if "git" in options:
        at = f"@{options['ref']}" if options.get("ref") else ""
        yield from read_requirement(source, number, f"git+{options['git']}{at}#egg={name}", text)
        return
    if where := options.get("path") or options.get("file"):
        yield from read_requirement(source, number, str(where), text, is_editable=True)
        return
    version = str(options.get("version", "*"))
    version = "" if version == "*" else version if re.match(r"[<>=!~]", version) else f"=={version}"
    extras = f"[{','.join(map(str, options.get('extras') or ()))}]" if options.get("extras") else ""
    markers = [str(options["markers"])] if options.get("markers") else []
    markers += [f"{key} {options[key]}" for key in ("sys_platform", "platform_machine", "os_name") if key in options]
    marker = f"; {' and '.join(markers)}" if markers else ""
    requirement = f"{name}{extras}{version}{marker}"
    for verdict in read_requirement(source, number, requirement, text):
        is_plain = verdict.outcome == "carried" and (isinstance(value, str) and version == value)
        yield verdict if is_plain or not verdict.key else verdict.worsen("changed", "in pip's notation")
