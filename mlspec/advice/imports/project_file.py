"""The import of a pyproject.toml of any tool: the spec names the file or its lock, other lines get verdicts."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from mlspec.advice.imports.pip_words import read_index, read_pip_entry
from mlspec.advice.imports.pixi_manifest import PixiManifest, lists_conda_packages
from mlspec.advice.imports.served_models import read_bento_tables
from mlspec.advice.imports.toml_values import TomlValue, parse_toml, walk_toml
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.lock.requirements.sources.source_tables import TomlText

_OF_THE_PACKAGE = "about the package, not about the image"
# Tables of tools for tests, releases and builds, whose lists of packages are not those of the program.
_FOR_DEVELOPMENT = {"tool.hatch.envs", "tool.setuptools.dynamic", "tool.hatch.build"}
_DEVELOPERS = {("tox",), ("cibuildwheel",), ("nox",), ("deptry",), ("mypy",), ("pytest",), ("ruff",), ("pyright",)}
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")


@dataclass(frozen=True, slots=True)
class ProjectText:
    """The file, its data, and the entry of the spec for its dependencies: the file itself, or the lock beside it."""

    source: ImportSource
    toml: TomlText
    entry: str
    is_listed: bool = False
    """Whether the spec lists the dependencies: pixi takes some of them from conda, so the spec cannot name the file."""

    def carry_entry(self, one: TomlValue, why: str = "") -> LineVerdict:
        """Return the verdict that the spec has a line through the file that it names."""
        return self.source.carry(one.number, one.text, "requirements", self.entry, why)


def read_project_file(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on a pyproject.toml; raise SpecError if it is not TOML."""
    toml = parse_toml(source)
    folder = posixpath.dirname(source.file)
    locks = [posixpath.join(folder, name) for name in _LOCKS]
    lock = next((path for path in locks if source.read(path) is not None), "")
    project = ProjectText(source, toml, lock or source.file, lists_conda_packages(toml) and not lock)
    if lock:
        why = f"mlspec takes the pins of {source.file}"
        yield replace(source.carry(0, "", "requirements", lock, why), file=lock)
    if not _lists_packages(toml) and not toml.table("tool", "setuptools", "dynamic", "dependencies"):
        yield source.carry(0, "", why="it lists no dependencies")
    pixi = PixiManifest(source, toml, ("tool", "pixi"))
    for one in walk_toml(toml):
        if one.names[:2] not in {("tool", "bentoml"), ("tool", "pixi")}:
            yield from _read_value(project, one)
    for one in pixi.rows():
        is_of_file = not project.is_listed and "pypi-dependencies" in pixi.strip_part(one)
        yield from [project.carry_entry(one)] if is_of_file else pixi.read(one)
    yield from read_bento_tables(source, toml)


def _lists_packages(toml: TomlText) -> bool:
    return bool(toml.value("project", "dependencies") or toml.table("tool", "poetry", "dependencies"))


def _read_value(project: ProjectText, one: TomlValue) -> Iterator[LineVerdict]:
    for length in range(len(one.names), 0, -1):
        if read := _READERS.get(".".join(one.names[:length])):
            yield from read(project, one)
            return
    if ".".join(one.names[:3]) in _FOR_DEVELOPMENT or one.names[1:2] in _DEVELOPERS:
        yield project.source.carry(one.number, one.text, why="for development, not for the image")
    elif one.names[:1] == ("tool",) and any(re.search(r"dependenc|requires$", name) for name in one.names[2:]):
        yield project.source.lose(one.number, one.text, f"mlspec does not read the packages of {one.names[1]}")
    else:
        yield project.source.carry(one.number, one.text, why=_OF_THE_PACKAGE)


def _read_python(project: ProjectText, one: TomlValue) -> Iterator[LineVerdict]:
    yield project.source.carry(one.number, one.text, "python", str(one.value))


def _read_dependency(project: ProjectText, one: TomlValue) -> Iterator[LineVerdict]:
    if project.is_listed and one.names == ("project", "dependencies"):
        yield from read_pip_entry(project.source, one.number, str(one.value))
    else:
        yield project.carry_entry(one)


def _read_dynamic(project: ProjectText, one: TomlValue) -> Iterator[LineVerdict]:
    tools = ("setuptools", "dynamic", "dependencies"), ("poetry", "dependencies")
    if one.value == "dependencies" and not any(project.toml.table("tool", *names) for names in tools):
        yield project.source.lose(one.number, one.text, "the build computes them: write them into a requirements file")
    else:
        yield project.source.carry(one.number, one.text, why=_OF_THE_PACKAGE)


def _read_dynamic_file(project: ProjectText, one: TomlValue) -> Iterator[LineVerdict]:
    path = posixpath.normpath(posixpath.join(posixpath.dirname(project.source.file), str(one.value)))
    if project.source.read(path) is None:
        yield project.source.doubt(one.number, one.text, "requirements", f"there is no file {path} here")
    else:
        yield replace(project.source.carry(one.number, one.text, why=f"read: {path}"), reads=(path,))


def _read_extra(project: ProjectText, one: TomlValue) -> Iterator[LineVerdict]:
    name = next(iter(one.names[3 if one.names[0] == "tool" else 2 :]), "")
    why = f"optional: to install it, write {project.source.file}[{name}]"
    yield project.source.carry(one.number, one.text, why=why)


def _read_group(project: ProjectText, one: TomlValue) -> Iterator[LineVerdict]:
    name = one.names[3] if one.names[:1] == ("tool",) and len(one.names) > 3 else one.names[1]
    why = f'for development: to install it, write requirements: ["--group {name}"]'
    yield project.source.carry(one.number, one.text, why=why)


def _read_script(project: ProjectText, one: TomlValue) -> Iterator[LineVerdict]:
    module, _, function = str(one.value).partition(":")
    if len(project.toml.table(*one.names[:-1])) > 1 or not function.isidentifier():
        why = "one of several scripts: write the one to start into entrypoint"
        yield project.source.carry(one.number, one.text, why=why)
        return
    root = "src" if project.source.read(f"src/{module.replace('.', '/')}.py") is not None else ""
    words = ("python", "-c", f"import sys; from {module} import {function}; sys.exit({function}())")
    yield project.source.guess(one.number, one.text, "entrypoint", words, "the function of the script")
    if root:
        yield project.source.guess(
            one.number, one.text, "environment", ("PYTHONPATH", "/app/src"), "the folder of its code"
        )


def _read_index(project: ProjectText, one: TomlValue) -> Iterator[LineVerdict]:
    verdict = read_index(project.source, one.number, one.text, str(one.value))
    if one.names[-1] == "url" and verdict.key == "accelerator":
        yield verdict
    else:
        yield project.carry_entry(one, "mlspec reads it with the file") if _lists_packages(project.toml) else verdict


def _read_poetry(project: ProjectText, one: TomlValue) -> Iterator[LineVerdict]:
    if one.names[3:4] == ("python",):
        yield from _read_python(project, one)
    else:
        yield project.carry_entry(one)


def _lose_setting(why: str) -> Callable[[ProjectText, TomlValue], Iterator[LineVerdict]]:
    def read(project: ProjectText, one: TomlValue) -> Iterator[LineVerdict]:
        yield project.source.lose(one.number, one.text, why)

    return read


def _follow_setting(project: ProjectText, one: TomlValue) -> Iterator[LineVerdict]:
    if _lists_packages(project.toml):
        yield project.carry_entry(one, "mlspec reads it with the file")
    else:
        yield project.source.carry(one.number, one.text, why="about packages that the file does not list")


_READERS: dict[str, Callable[[ProjectText, TomlValue], Iterator[LineVerdict]]] = {
    "project.requires-python": _read_python,
    "project.dependencies": _read_dependency,
    "project.dynamic": _read_dynamic,
    "project.optional-dependencies": _read_extra,
    "project.scripts": _read_script,
    "dependency-groups": _read_group,
    "tool.setuptools.dynamic.dependencies": _read_dynamic_file,
    "tool.uv.index": _read_index,
    "tool.uv.sources": _read_dependency,
    "tool.uv.dev-dependencies": _read_group,
    "tool.uv.environments": _lose_setting("write the platforms of the image under platforms"),
    "tool.uv.required-environments": _lose_setting("write the platforms of the image under platforms"),
    "tool.uv": _follow_setting,
    "tool.poetry.dependencies": _read_poetry,
    "tool.poetry.dev-dependencies": _read_group,
    "tool.poetry.group": _read_group,
    "tool.poetry.extras": _read_extra,
    "tool.poetry.scripts": _read_script,
    "tool.poetry.source": _read_index,
    "tool.pdm.source": _read_index,
    "tool.pdm.dev-dependencies": _read_group,
    "tool.pdm.resolution": _follow_setting,
}
