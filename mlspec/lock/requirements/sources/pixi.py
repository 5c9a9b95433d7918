"""Where packages come from by `[tool.pixi]` (pixi's documentation of its manifest, 0.50)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from mlspec.errors import Problem
from mlspec.lock.requirements.sources.values import (
    PATH_HINT,
    Finds,
    ProjectIndex,
    Source,
    Tables,
    TomlText,
    git_address,
    refuse_path,
    url_address,
)
from mlspec.lock.requirements.values import Place


def read_pixi(toml: TomlText) -> Tables:
    """Return what pixi's tables say of where packages come from."""
    finds, above = Finds(), ("tool", "pixi")
    for name, row in toml.table(*above, "pypi-dependencies").items():
        if canonicalize_name(name) != toml.name and isinstance(row, dict):
            _read_source(toml, name, row, finds)
    options, path = toml.table(*above, "pypi-options"), (*above, "pypi-options")
    if url := options.get("index-url"):
        finds.indexes.append(ProjectIndex(url=str(url), place=toml.place(*path, "index-url"), reach="rest"))
    for number, url in enumerate(options.get("extra-index-urls") or ()):
        place = toml.place(*path, "extra-index-urls", number)
        finds.indexes.append(ProjectIndex(url=str(url), place=place, reach="any"))
    if options.get("find-links"):
        message, hint = "find-links may hold another file tomorrow", "require each file by its address"
        finds.problems.append(toml.place(*path, "find-links").problem("MLS217", message, hint))
    if options.get("dependency-overrides"):
        message = "dependency-overrides change what other packages ask for, which pip's resolver cannot do"
        hint = "remove them; or require releases that agree"
        finds.problems.append(toml.place(*path, "dependency-overrides").problem("MLS219", message, hint))
    return finds.tables()


def list_dependencies(toml: TomlText) -> Iterator[tuple[str, Place]]:
    """Yield what pixi adds to the dependencies of the project from an index or an address, in pip's words."""
    path = ("tool", "pixi", "pypi-dependencies")
    for name, row in toml.table(*path).items():
        table = row if isinstance(row, dict) else {"version": row}
        if canonicalize_name(name) == toml.name:
            continue
        extras = f"[{','.join(map(str, table['extras']))}]" if table.get("extras") else ""
        version = str(table.get("version", "*")).strip()
        yield f"{name}{extras}{'' if version == '*' else version}", toml.place(*path, name)


def refuse_conda(toml: TomlText) -> Iterator[Problem]:
    """Yield a problem for every package that pixi takes from conda and that the project lists nowhere else."""
    path = ("tool", "pixi", "dependencies")
    listed = toml.value("project", "dependencies")
    texts = [text for text in (listed if isinstance(listed, list) else ()) if isinstance(text, str)]
    texts += toml.table("tool", "pixi", "pypi-dependencies")
    known = {canonicalize_name(re.split(r"[^A-Za-z0-9._-]", text.strip(), maxsplit=1)[0]) for text in texts}
    for name in toml.table(*path):
        if canonicalize_name(name) not in {*known, "python", "pip"}:
            message = f"pixi takes {name} from conda, and pip cannot"
            hint = "list it under [project] dependencies too; or, if it is no Python package, under `apt` of the spec"
            yield toml.place(*path, name).problem("MLS208", message, hint)


def _read_source(toml: TomlText, name: str, row: Mapping[str, Any], finds: Finds) -> None:
    place = toml.place("tool", "pixi", "pypi-dependencies", name)
    problem = None
    if "path" in row:
        hint = PATH_HINT.format(file=toml.shown)
        problem = refuse_path(name, f"what stands at {row['path']}", place, hint)
    address = git_address(row) if "git" in row else url_address(row) if "url" in row else ""
    index = str(row.get("index", ""))
    if address or index or problem:
        key = canonicalize_name(name)
        finds.sources.append(Source(name=key, place=place, address=address, index=index, problem=problem))
    if index:
        finds.indexes.append(ProjectIndex(url=index, place=place, reach="named"))
