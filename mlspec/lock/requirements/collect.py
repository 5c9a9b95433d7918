"""The entries of a spec to all that they require: the files they name are read through a callback, and followed."""

from __future__ import annotations

import contextlib
import dataclasses
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from packaging.utils import canonicalize_name

from mlspec.errors import KeyPath, Problem, SetKey, SpecError
from mlspec.lock.requirements import other_files, typos
from mlspec.lock.requirements import requirements_lines as options
from mlspec.lock.requirements import syntax as notation
from mlspec.lock.requirements.lines import RequirementLine, lines_of
from mlspec.lock.requirements.other_files import Look, see_nothing
from mlspec.lock.requirements.refused_options import refuse_option
from mlspec.lock.requirements.sources.choices import Route, group_routes
from mlspec.lock.requirements.sources.groups import find_left_out
from mlspec.lock.requirements.sources.requirement_files import find_unheeded
from mlspec.lock.requirements.sources.source_tables import Conditions, TomlText
from mlspec.lock.requirements.sources.workspaces import find_settings, find_uv_toml, find_workspace
from mlspec.lock.requirements.values import Place, RequiredPython, Requirement, Requirements, Stated, Unheeded
from mlspec.spec import suppressions as ignores
from mlspec.spec.suppressions import Ignores

if TYPE_CHECKING:
    from mlspec.lock.requirements.pyproject import Project

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RequirementEntry:
    """One entry of a spec's ``requirements``, and the key it stands under."""

    text: str
    path: KeyPath


def collect(
    entries: Iterable[RequirementEntry],
    read: Callable[[str], str],
    file: str,
    look: Look = see_nothing,
    conditions: Conditions | None = None,
) -> Requirements:
    """Return what ``entries`` and the files they name require of an image that ``conditions`` tell of.

    ``read`` and ``look`` are given POSIX paths relative to the folder of the spec ``file``; ``read`` may raise OSError
    or UnicodeError. Raises SpecError with every problem found.
    """
    collector = _Collector(read, look, posixpath.dirname(file), conditions or Conditions())
    for entry in entries:
        collector.add(RequirementLine(entry.text.strip(), Place(path=entry.path)))
    indexes = tuple(collector.sound(group_routes(collector.routes)))
    if collector.problems:
        raise SpecError(*_certain(dict.fromkeys(collector.problems)))
    return Requirements(
        requirements=tuple(dict.fromkeys(collector.requirements)),
        constraints=tuple(dict.fromkeys(collector.constraints)),
        options=tuple(dict.fromkeys(collector.options)),
        files=tuple(dict.fromkeys(collector.files)),
        indexes=indexes,
        build_constraints=tuple(dict.fromkeys(collector.build_constraints)),
        stated=tuple(dict.fromkeys(collector.stated)),
        pythons=tuple(dict.fromkeys(collector.pythons)),
        unheeded=tuple(dict.fromkeys((*collector.unheeded, *collector.list_unheeded()))),
        ignores=ignores.join_ignores(collector.ignores),
    )


def _certain(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield problems; of those that would set one key to several values, none without a person."""
    problems = tuple(problems)
    values = {repair.path: {repair.value} for problem in problems for repair in _keys_set(problem)}
    for problem in problems:
        for repair in _keys_set(problem):
            values[repair.path].add(repair.value)
    for problem in problems:
        is_open = any(len(values[repair.path]) > 1 for repair in _keys_set(problem))
        yield dataclasses.replace(problem, repairs=()) if is_open else problem


def _keys_set(problem: Problem) -> tuple[SetKey, ...]:
    return tuple(repair for repair in problem.repairs if isinstance(repair, SetKey))


_VARIABLE = re.compile(r"\$\{[A-Za-z0-9_]+\}")
# Only from where the blanks begin: from each of them, a long line of blanks would take hours.
_OPTION_START = re.compile(r"(?<!\s)\s+(?=--?[A-Za-z])")


class _Collector:
    """Lines to requirements, following files, and every problem on the way."""

    def __init__(self, read: Callable[[str], str], look: Look, root: str, conditions: Conditions) -> None:
        self.read = read
        self.look = look
        self.conditions = conditions
        self.root = root
        self.problems: list[Problem] = []
        self.requirements: list[Requirement] = []
        self.constraints: list[Requirement] = []
        self.options: list[str] = []
        self.files: list[str] = []
        self.ignores: list[Ignores] = []
        self.routes: list[Route] = []
        self.build_constraints: list[Requirement] = []
        self.stated: list[Stated] = []
        self.pythons: list[RequiredPython] = []
        self.unheeded: list[Unheeded] = []
        self.projects: dict[str, Project] = {}
        self.groups: dict[str, set[str]] = {}

    def add(self, line: RequirementLine) -> None:
        """Take in one line: an entry of the spec or a line of a file."""
        text = line.text
        if variable := _VARIABLE.search(text):
            message = f"{variable[0]} would be looked up on this machine, and its value written into the lock"
            hint = "write the value itself; a login for a package index is a secret of `indexes`"
            self._problem(line, "MLS204", message, hint)
        elif text.startswith("-"):
            self._option_line(line)
        elif not line.trail and other_files.is_requirements_file(text):
            # In the spec's list a requirements file needs no -r.
            self._file(text, line)
        elif refusal := other_files.refuse_file(text, self.look, is_entry=not line.trail):
            self._problem(line, *refusal)
        elif text:
            self._requirement(line)

    def _problem(self, line: RequirementLine, code: str, message: str, hint: str = "") -> None:
        self.problems.append(line.place.problem(code, message, hint))

    def sound(self, found: Iterable[_T | Problem]) -> Iterator[_T]:
        """Yield what is no problem, and note what is."""
        for item in found:
            if isinstance(item, Problem):
                self.problems.append(item)
            else:
                yield item

    def _add_all(self, lines: Iterable[RequirementLine | Route | Problem]) -> None:
        for line in lines:
            if isinstance(line, Route):
                self.routes.append(line)
            elif isinstance(line, Problem):
                self.problems.append(line)
            else:
                self.add(line)

    # Options

    def _option_line(self, line: RequirementLine) -> None:
        for name, value in self.sound(options.options(line.text, line.place)):
            if name == "--requirement":
                self._file(value, line)
            elif name == "--constraint":
                self._file(value, dataclasses.replace(line, is_constraint=True))
            elif name == "--group":
                self._group(value, line)
            elif name in options.KEPT and not (name == "--no-binary" and ":all:" in value.split(",")):
                self.options.append(f"{name} {value}".strip())
            elif name != "--require-hashes":
                refused = refuse_option(name, value, line.place, self.conditions, self.look)
                self.problems += [refused] if refused else []

    # Files

    def _file(self, name: str, line: RequirementLine) -> None:
        if "://" in name:
            message = f"{name} can change at any time, and nothing here would show it"
            self._problem(line, "MLS201", message, "copy the file beside the spec and name the copy")
            return
        name, _, extras = name.partition("[")
        path = posixpath.normpath(posixpath.join(line.folder, name.replace("\\", "/")))
        if path in line.trail:
            way = " -> ".join((*line.trail[line.trail.index(path) :], path))
            self._problem(line, "MLS202", f"{path} includes itself: {way}", "remove this line")
            return
        if refusal := other_files.refuse_other_format(path):
            self._problem(line, *refusal)
            return
        text = self._text(path, line)
        if text is None:
            return
        if posixpath.basename(path).lower() == "pyproject.toml":
            wanted = tuple(filter(None, (e.strip() for e in extras.removesuffix("]").split(","))))
            project = self._project(path, text, line, lambda project: project.dependencies(wanted))
            if project:
                self.projects[path] = project
        else:
            self._add_all(lines_of(text, path, posixpath.join(self.root, path), line))

    def _text(self, path: str, line: RequirementLine) -> str | None:
        try:
            text = self.read(path)
        except FileNotFoundError:
            shown = posixpath.join(self.root, path)
            other = other_files.suggest_case(path, self.look)
            hint = f"did you mean: {other}" if other else f"create it, or correct its name: {path}"
            self._problem(line, "MLS201", f"there is no file {shown}", hint)
        except IsADirectoryError:
            self._problem(line, *other_files.refuse_folder(path, self.look))
        except UnicodeError:
            self._problem(line, "MLS201", f"{path} is not text", "save the file as UTF-8")
        except OSError as error:
            self._problem(line, "MLS201", f"{path} cannot be read: {(error.strerror or str(error)).lower()}")
        else:
            self.files.append(path)
            text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
            self._note_ignores(path, text)
            return text
        return None

    def _note_ignores(self, path: str, text: str) -> None:
        """Take in the comments that ignore warnings; a damaged pyproject.toml is told by its reader."""
        shown = posixpath.join(self.root, path)
        with contextlib.suppress(tomllib.TOMLDecodeError):
            found = (ignores.in_toml if path.endswith(".toml") else ignores.in_requirements)(text, shown)
            self.ignores.append(found)
            self.problems += [problem for problem in found.problems if problem.severity == "error"]

    def _group(self, value: str, line: RequirementLine) -> None:
        name, _, group = value.rpartition(":")
        path = posixpath.normpath(posixpath.join(line.folder, name or "pyproject.toml"))
        text = self._text(path, line)
        if text is not None:
            self._project(path, text, line, lambda project: project.group(group))
            self.groups.setdefault(path, set()).add(canonicalize_name(group))

    def _project(
        self,
        path: str,
        text: str,
        line: RequirementLine,
        take: Callable[[Project], Iterable[RequirementLine | Route | Problem]],
    ) -> Project | None:
        from mlspec.lock.requirements.pyproject import parse_project

        project = parse_project(text, path, posixpath.join(self.root, path), line, self.conditions)
        if isinstance(project, Problem):
            self.problems.append(project)
            return None
        if workspace := find_workspace(path, self.read, self.root):
            self._note_neighbour(*workspace)
            project = dataclasses.replace(project, workspace=workspace[1])
        if settings := find_uv_toml(workspace[0] if workspace else path, self.read, self.root):
            self._note_neighbour(*settings)
            project = dataclasses.replace(project, uv_toml=settings[1])
        self._add_all(take(project))
        for written, place in project.tables.build_constraints:
            found = notation.read(written)
            if isinstance(found, Requirement):
                self.build_constraints.append(dataclasses.replace(found, place=place))
            else:
                self.problems.append(place.problem("MLS203", found.message, found.hint))
        self.stated += project.tables.stated
        self.unheeded += project.tables.unheeded
        if required := project.required_python:
            self.pythons.append(RequiredPython(*required))
        return project

    def _note_neighbour(self, path: str, toml: TomlText) -> None:
        """Note a file that holds for the one that is named, with the comments in it."""
        self.files.append(path)
        self._note_ignores(path, toml.text)

    def list_unheeded(self) -> Iterator[Unheeded]:
        """Yield what tools would take by their own settings: groups of projects, and releases for requirement files."""
        for path, project in self.projects.items():
            yield from find_left_out(project.toml, self.groups.get(path, ()), path)
        known = dict.fromkeys(self.files)
        # Where every line names one version, settings of a resolver change nothing.
        open_files = {r.place.file for r in self.requirements if r.kind == "index" and "==" not in r.text}
        for path in known:
            shown = posixpath.join(self.root, path)
            is_open = shown in open_files and not path.endswith(".toml")
            settings = find_settings(path, self.read, self.root) if is_open else None
            # What a project is read with is followed there.
            if settings and settings[0] not in known:
                self._note_neighbour(*settings[:2])
                yield from find_unheeded(settings[1], settings[2], shown, self.conditions)

    # Requirements

    def _requirement(self, line: RequirementLine) -> None:
        text, *rest = _OPTION_START.split(line.text, maxsplit=1)
        hashes = tuple(sorted(set(self.sound(options.hashes(rest[0], line.place))))) if rest else ()
        if refusal := other_files.refuse_path(text, self.look) or notation.refusal(text):
            self._problem(line, *refusal)
            return
        found = notation.read(text)
        if isinstance(found, Requirement):
            requirement = dataclasses.replace(found, hashes=hashes, place=line.place)
            (self.constraints if line.is_constraint else self.requirements).append(requirement)
        else:
            hint = typos.suggestion(found.typed) or found.hint
            problem = line.place.problem("MLS203", found.message, hint)
            self.problems.append(dataclasses.replace(problem, repairs=typos.repairs(text, line.place)))
