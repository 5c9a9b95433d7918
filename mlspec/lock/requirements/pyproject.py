"""The requirements of a pyproject.toml: its dependencies, extras and groups, as lines of a requirements file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

from mlspec.errors import KeyPath, Problem, Span
from mlspec.lock.requirements.requirement_lines import RequirementLine
from mlspec.lock.requirements.requirement_texts import find_name, list_own_extras
from mlspec.lock.requirements.sources import choices, hatch, pdm, pixi, poetry, setuptools_files, uv
from mlspec.lock.requirements.sources.choices import Route
from mlspec.lock.requirements.sources.local_sources import take_folder
from mlspec.lock.requirements.sources.source_tables import (
    PATH_HINT,
    Conditions,
    PackageSource,
    Tables,
    TomlText,
    find_wrong_tables,
    join_tables,
    refuse_path,
)
from mlspec.spec.place import Place
from mlspec.text import nearest


def parse_project(text: str, path: str, shown: str, line: RequirementLine, conditions: Conditions) -> Project | Problem:
    """Return the project in a pyproject.toml that ``line`` names; a problem with its place if the text is not TOML."""
    try:
        return Project(TomlText(text, shown, tomllib.loads(text)), path, line, conditions)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        found = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", said)
        lines = text.split("\n")
        number, column = (int(found[1]), int(found[2])) if found and found[1] else (len(lines), len(lines[-1]) + 1)
        place = Place(file=shown, span=Span(number, column, number, column + 1), excerpt=lines[number - 1])
        return place.problem("MLS208", f"{path} is not TOML: {said[: found.start() if found else None].lower()}")


@dataclass(frozen=True)
class Project:
    """A pyproject.toml: its text and path, the line that names it, and the conditions of the image.

    ``workspace`` is the root of its workspace, whose tables apply to the project too. ``uv_toml`` is uv's own settings
    file. ``folders`` are those of the packages that are code beside the project, by name.
    """

    toml: TomlText
    path: str
    line: RequirementLine
    conditions: Conditions
    workspace: TomlText | None = None
    uv_toml: TomlText | None = None
    folders: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def tables(self) -> Tables:
        """The sources of packages in the tables of all tools."""
        of_uv = uv.read_uv(self.toml, self.conditions, self.workspace, self.uv_toml)
        others = (read(self.toml, self.conditions) for read in (pixi.read_pixi, poetry.read_poetry))
        return join_tables((of_uv, pdm.read_pdm(self.toml), *others, hatch.read_hatch(self.toml)))

    @property
    def required_python(self) -> tuple[str, Place] | None:
        """The Pythons of the project, as a specifier, and the place of the specifier; None without one."""
        path: KeyPath = ("project", "requires-python")
        specifier = str(self.toml.value("project", "requires-python") or "")
        if not specifier:
            specifier, path = poetry.required_python(self.toml)
        return (specifier, self.toml.place(*path)) if specifier else None

    def _problem(self, code: str, message: str, hint: str = "") -> Problem:
        return self.line.place.problem(code, message, hint)

    # Dependencies

    def dependencies(self, extras: tuple[str, ...]) -> Iterator[RequirementLine | Route | Problem]:
        """Yield the dependencies of the project and those of ``extras``, and the indexes that serve some of them."""
        if wrong := [*find_wrong_tables(self.toml)]:
            yield from wrong
            return
        project = self.toml.value("project")
        listed = project if isinstance(project, dict) else {}
        written = listed.get("dynamic")
        is_dynamic = isinstance(written, list) and "dependencies" in written
        wanted = frozenset(map(canonicalize_name, extras))
        if self.toml.table("tool", "poetry", "dependencies") and ("dependencies" not in listed or is_dynamic):
            yield from self._of_poetry(extras, "")
        elif not isinstance(project, dict):
            yield self._problem(
                "MLS208", f"{self.path} has no [project] table with dependencies", "add: [project] dependencies"
            )
            return
        else:
            yield from self._of_project(listed, extras)
        yield from self._routes(wanted, frozenset())

    def _of_project(self, project: Mapping[str, Any], extras: tuple[str, ...]) -> Iterator[RequirementLine | Problem]:
        if not isinstance(project.get("dynamic", []), list):
            yield self._problem("MLS208", f"project.dynamic of {self.path} is not a list of texts")
            return
        needed = ("dependencies", "optional-dependencies") if extras else ("dependencies",)
        is_dynamic, has_files = setuptools_files.is_dynamic, setuptools_files.has_files
        if dynamic := [key for key in needed if is_dynamic(self.toml, key) and not has_files(self.toml, key)]:
            message = f"the {dynamic[0]} of {self.path} are dynamic: only its build backend knows them"
            hint = "list them in the file itself, or name the file they are read from"
            yield self.toml.place("project", "dynamic").problem("MLS208", message, hint)
        sources = self._sources(frozenset(map(canonicalize_name, extras)), frozenset())
        yield from self._read_list(project.get("dependencies", ()), ("project", "dependencies"), sources)
        yield from self._read_files("dependencies")
        yield from self._extras(project, extras, sources)
        for text, place in pixi.list_dependencies(self.toml, self.conditions):
            yield from self._apply_source(text, place, sources)
        yield from pixi.refuse_conda(self.toml, self.conditions)

    def _extras(
        self, project: Mapping[str, Any], extras: tuple[str, ...], sources: Mapping[str, _Active]
    ) -> Iterator[RequirementLine | Problem]:
        listed = self.toml.table("project", "optional-dependencies")
        table = {canonicalize_name(key): (key, texts) for key, texts in listed.items()}
        from_files = {canonicalize_name(key): key for key in setuptools_files.list_extras(self.toml)}
        todo, seen = [canonicalize_name(e) for e in extras], set[str]()
        while todo:
            extra = todo.pop(0)
            if extra in seen:
                continue
            seen.add(extra)
            if extra in from_files:
                yield from self._read_files("optional-dependencies", from_files[extra])
                continue
            if extra not in table:
                known = (*table, *from_files)
                yield self._problem("MLS209", f'{self.path} has no extra "{extra}"', _choice(extra, known))
                continue
            key, texts = table[extra]
            # An extra of a project may include others through the project's own name: all = ["this[gpu,serve]"].
            todo += [canonicalize_name(e) for text in texts for e in list_own_extras(text, self.toml.name)]
            yield from self._read_list(texts, ("project", "optional-dependencies", key), sources)

    def _of_poetry(self, extras: tuple[str, ...], group: str) -> Iterator[RequirementLine | Problem]:
        groups = poetry.included_groups(self.toml, group) if group else frozenset[str]()
        sources = self._sources(frozenset(map(canonicalize_name, extras)), groups)
        for found in poetry.list_dependencies(self.toml, extras, group, self.conditions):
            if isinstance(found, Problem):
                yield found
            else:
                yield from self._apply_source(*found, sources)

    # Groups

    def group(self, name: str) -> Iterator[RequirementLine | Route | Problem]:
        """Yield the requirements of the dependency group ``name``, and those of the groups that it includes."""
        wanted = canonicalize_name(name)
        groups: dict[str, str] = {canonicalize_name(key): key for key in self.toml.table("dependency-groups")}
        tables = {canonicalize_name(key) for key in self.toml.table("tool", "poetry", "group")}
        if wanted not in groups and wanted in tables:
            included = poetry.included_groups(self.toml, wanted)
            yield from self._of_poetry((), wanted)
        else:
            included = frozenset(self._resolve_group(groups, wanted))
            yield from self._group(groups, wanted, (), self._sources(frozenset(), included))
        yield from self._routes(frozenset(), included)

    def _resolve_group(self, groups: Mapping[str, str], name: str) -> set[str]:
        """Return a group and all groups that it includes, by their normalised names."""
        found, todo = set[str](), [name]
        while todo:
            group = todo.pop()
            items = self.toml.value("dependency-groups", groups[group]) if group in groups else ()
            if group not in found and isinstance(items, list):
                todo += [canonicalize_name(str(item["include-group"])) for item in items if _is_include(item)]
            found.add(group)
        return found

    def _group(
        self, groups: Mapping[str, str], name: str, trail: tuple[str, ...], sources: Mapping[str, _Active]
    ) -> Iterator[RequirementLine | Problem]:
        if name in trail:
            way = " -> ".join((*trail, name))
            message = f'the group "{name}" of {self.path} includes itself: {way}'
            yield self.toml.place("dependency-groups", groups[name]).problem("MLS202", message)
        elif name not in groups:
            yield self._problem("MLS209", f'{self.path} has no dependency group "{name}"', _choice(name, groups))
        else:
            path = ("dependency-groups", groups[name])
            items = self.toml.value(*path)
            for number, item in enumerate(items if isinstance(items, list) else ()):
                if _is_include(item):
                    other = canonicalize_name(str(item["include-group"]))
                    yield from self._group(groups, other, (*trail, name), sources)
                else:
                    yield from self._item(item, (*path, number), sources)

    # Lines

    def _read_list(
        self, texts: object, path: KeyPath, sources: Mapping[str, _Active]
    ) -> Iterator[RequirementLine | Problem]:
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
            message = f"{'.'.join(map(str, path))} of {self.path} is not a list of texts"
            yield self.toml.place(*path).problem("MLS208", message)
            return
        for number, text in enumerate(texts):
            if not list_own_extras(text, self.toml.name):
                yield from self._item(text, (*path, number), sources)

    def _read_files(self, *key: str) -> Iterator[RequirementLine]:
        """Yield lines that name the files from which setuptools reads the requirements of a key."""
        yield from (self._line(f"-r {name}", place) for name, place in setuptools_files.list_files(self.toml, *key))

    def _item(self, text: object, path: KeyPath, sources: Mapping[str, _Active]) -> Iterator[RequirementLine | Problem]:
        place = self.toml.place(*path)
        if not isinstance(text, str):
            yield place.problem("MLS208", f"{'.'.join(map(str, path[:-1]))} of {self.path} is not a list of texts")
        elif text.lstrip().startswith("-"):
            yield place.problem("MLS203", f'"{text}" is not a requirement')
        elif found := re.search(r"\{root:|\$\{PROJECT_ROOT\}", text):
            name = re.split(r"[\s@\[]", text.strip())[0]
            hint = PATH_HINT.format(file=self.toml.shown)
            yield refuse_path(name, f"code of this folder ({found[0]}…)", place, hint)
        else:
            yield from self._apply_source(text, place, sources)

    def _apply_source(
        self, text: str, place: Place, sources: Mapping[str, _Active]
    ) -> Iterator[RequirementLine | Problem]:
        """Yield a requirement as lines, with the source that the project's tables name for its package."""
        own = sources.get(find_name(text), ())
        if own and (folder := take_folder(text, own, self.folders, self.conditions)) is not None:
            if folder:
                yield self._line(f"-e {folder}", place)
                # The version in the folder has to fit, too.
                yield self._line(f"{find_name(text)}{Pep508(text).specifier}", place, is_constraint=True)
            return
        found = list(choices.sourced_lines(text, own, self.conditions)) if own else []
        for item in found:
            yield item if isinstance(item, Problem) else self._line(item[0], item[1] if item[1].file else place)
        if not found:
            yield self._line(text, place)
        elif specifier := Pep508(text).specifier:
            # The release at this address still has to fit the version that the project asks for.
            yield self._line(f"{find_name(text)}{specifier}", place, is_constraint=True)

    def _line(self, text: str, place: Place, *, is_constraint: bool = False) -> RequirementLine:
        trail = (*self.line.trail, self.path)
        return RequirementLine(text.strip(), place, trail, self.line.is_constraint or is_constraint)

    # Sources

    def _active(
        self, extras: frozenset[str], groups: frozenset[str]
    ) -> list[tuple[PackageSource, tuple[str, ...]] | Problem]:
        return list(choices.active_sources(self.tables, self.conditions, extras, groups))

    def _sources(self, extras: frozenset[str], groups: frozenset[str]) -> Mapping[str, _Active]:
        found: dict[str, list[tuple[PackageSource, tuple[str, ...]]]] = {}
        for item in self._active(extras, groups):
            if not isinstance(item, Problem):
                found.setdefault(item[0].name, []).append(item)
        return found

    def _routes(self, extras: frozenset[str], groups: frozenset[str]) -> Iterator[RequirementLine | Route | Problem]:
        """Yield the routes, constraints and problems of the tables, for the chosen extras and groups."""
        active = self._active(extras, groups)
        yield from self.tables.problems
        yield from (item for item in active if isinstance(item, Problem))
        sources = [item for item in active if not isinstance(item, Problem)]
        yield from choices.find_routes(sources, self.tables, self.conditions)
        # As in uv: a constraint applies to the package of the sources, whichever project requires the package.
        own = self._sources(extras, groups)
        for text, place in self.tables.constraints:
            if find_name(text) in self.folders:
                yield self._line(text, place, is_constraint=True)
                continue
            for item in self._apply_source(text, place, own):
                yield item if isinstance(item, Problem) else replace(item, is_constraint=True)
        for option, place in self.tables.options:
            yield self._line(option, place)


def _is_include(item: object) -> bool:
    return isinstance(item, dict) and set(item) == {"include-group"}


_Active = list[tuple[PackageSource, tuple[str, ...]]] | tuple[()]


def _choice(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    if close := nearest(name, names):
        return f"did you mean: {close[0]}"
    return f"it has: {', '.join(names)}" if names else "it has none"
