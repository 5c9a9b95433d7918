"""The sources of packages in `[tool.pixi]` (pixi's documentation of its manifest, 0.50)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from mlspec.errors import Problem
from mlspec.lock.requirements.markers import machine_of
from mlspec.lock.requirements.sources.source_tables import (
    PATH_HINT,
    Conditions,
    Finds,
    PackageSource,
    ProjectIndex,
    Tables,
    TomlText,
    git_address,
    refuse_path,
    url_address,
)
from mlspec.lock.requirements.sources.uv_settings import read_settings
from mlspec.spec.place import Place

_ROOT = ("tool", "pixi")
# The pixi targets of an image on each platform; unix and linux are targets of both.
_TARGETS = {"linux/amd64": "linux-64", "linux/arm64": "linux-aarch64"}


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the manifest that applies to the image: its path, and all platforms or some."""

    path: tuple[str, ...]
    platforms: tuple[str, ...]

    def marker(self, conditions: Conditions) -> str:
        """Return the marker for a part of some platforms; empty for all platforms."""
        if self.platforms == conditions.platforms:
            return ""
        return " or ".join(f'platform_machine == "{machine_of(platform)}"' for platform in self.platforms)


def _parts(toml: TomlText, conditions: Conditions) -> Iterator[_Part]:
    """Yield the parts of the default environment: those of the project, of its features, and of their targets."""
    features, has_own = _default_environment(toml)
    above = ([_ROOT] if has_own else []) + [(*_ROOT, "feature", name) for name in features]
    for path in above:
        yield _Part(path, conditions.platforms)
        for target in toml.table(*path, "target"):
            platforms = tuple(p for p in conditions.platforms if target in {"unix", "linux", _TARGETS.get(p)})
            if platforms:
                yield _Part((*path, "target", target), platforms)


def _default_environment(toml: TomlText) -> tuple[tuple[str, ...], bool]:
    """Return the features of pixi's default environment, and whether it includes the tables outside of features."""
    row = toml.value(*_ROOT, "environments", "default")
    listed = row.get("features") if isinstance(row, dict) else row
    features = tuple(map(str, listed)) if isinstance(listed, list) else ()
    return features, not (isinstance(row, dict) and row.get("no-default-feature"))


def list_other_features(toml: TomlText) -> Iterator[tuple[str, Place]]:
    """Yield the features with packages that are not in the default environment."""
    own, _ = _default_environment(toml)
    for name in toml.table(*_ROOT, "feature"):
        path = (*_ROOT, "feature", name)
        above = (path, *((*path, "target", target) for target in toml.table(*path, "target")))
        tables = [(*part, key) for part in above for key in ("dependencies", "pypi-dependencies")]
        filled = next((table for table in tables if toml.table(*table)), None)
        if filled and name not in own:
            yield name, toml.place(*filled)


def read_pixi(toml: TomlText, conditions: Conditions) -> Tables:
    """Return the sources of packages in pixi's tables."""
    finds = Finds()
    for part in _parts(toml, conditions):
        for name, row in toml.table(*part.path, "pypi-dependencies").items():
            if canonicalize_name(name) != toml.name and isinstance(row, dict):
                _read_source(toml, (*part.path, "pypi-dependencies"), name, row, part.marker(conditions), finds)
        _read_options(toml, (*part.path, "pypi-options"), conditions, finds)
    for table in ("workspace", "project"):
        _read_options(toml, (*_ROOT, table, "pypi-options"), conditions, finds)
        read_settings(toml, (*_ROOT, table), conditions, finds, hint="remove it; or require releases of that age")
    return finds.tables()


def _read_options(toml: TomlText, path: tuple[str, ...], conditions: Conditions, finds: Finds) -> None:
    options = toml.table(*path)
    if url := options.get("index-url"):
        finds.indexes.append(ProjectIndex(url=str(url), place=toml.place(*path, "index-url"), reach="rest"))
    for number, url in enumerate(options.get("extra-index-urls") or ()):
        place = toml.place(*path, "extra-index-urls", number)
        finds.indexes.append(ProjectIndex(url=str(url), place=place, reach="any"))
    if options.get("find-links"):
        message, hint = "find-links may contain other files tomorrow", "require each file by its address"
        finds.problems.append(toml.place(*path, "find-links").problem("MLS217", message, hint))
    if options.get("dependency-overrides"):
        message = "dependency-overrides change the requirements of other packages, which pip's resolver cannot do"
        hint = "remove them; or require releases that agree"
        finds.problems.append(toml.place(*path, "dependency-overrides").problem("MLS219", message, hint))
    read_settings(toml, path, conditions, finds, hint="remove it; or name those releases")


def list_dependencies(toml: TomlText, conditions: Conditions) -> Iterator[tuple[str, Place]]:
    """Yield the dependencies that pixi adds to those of the project, from an index or an address, in pip's syntax."""
    for part in _parts(toml, conditions):
        marker = part.marker(conditions)
        path = (*part.path, "pypi-dependencies")
        for name, row in toml.table(*path).items():
            table = row if isinstance(row, dict) else {"version": row}
            if canonicalize_name(name) == toml.name:
                continue
            extras = f"[{','.join(map(str, table['extras']))}]" if table.get("extras") else ""
            version = str(table.get("version", "*")).strip()
            text = f"{name}{extras}{'' if version == '*' else version}"
            yield f"{text} ; {marker}" if marker else text, toml.place(*path, name)


def refuse_conda(toml: TomlText, conditions: Conditions) -> Iterator[Problem]:
    """Yield a problem for every package that pixi takes from conda and that the project lists nowhere else."""
    listed = toml.value("project", "dependencies")
    texts = [text for text in (listed if isinstance(listed, list) else ()) if isinstance(text, str)]
    texts += [text for text, _ in list_dependencies(toml, conditions)]
    known = {canonicalize_name(re.split(r"[^A-Za-z0-9._-]", text.strip(), maxsplit=1)[0]) for text in texts}
    for part in _parts(toml, conditions):
        path = (*part.path, "dependencies")
        for name in toml.table(*path):
            if canonicalize_name(name) not in {*known, "python", "pip"}:
                message = f"pixi takes {name} from conda, and pip cannot"
                hint = "list it under [project] dependencies too; or, if it is no Python package, "
                hint += "under `apt` of the spec"
                yield toml.place(*path, name).problem("MLS208", message, hint)


def _read_source(
    toml: TomlText, path: tuple[str, ...], name: str, row: Mapping[str, Any], marker: str, finds: Finds
) -> None:
    place = toml.place(*path, name)
    problem = None
    if "path" in row:
        hint = PATH_HINT.format(file=toml.shown)
        problem = refuse_path(name, f"the local path {row['path']}", place, hint)
    address = git_address(row) if "git" in row else url_address(row) if "url" in row else ""
    index = str(row.get("index", ""))
    if address or index or problem:
        key = canonicalize_name(name)
        found = PackageSource(name=key, place=place, address=address, index=index, problem=problem, marker=marker)
        finds.sources.append(found)
    if index:
        finds.indexes.append(ProjectIndex(url=index, place=place, reach="named"))
