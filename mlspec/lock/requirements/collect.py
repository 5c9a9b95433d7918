"""Collect the requirements in the entries of a spec; a callback reads the files that the entries name."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from packaging.utils import canonicalize_name

from mlspec.errors import KeyPath, Problem, SpecError
from mlspec.lock.requirements import other_files, pip_options, requirement_syntax
from mlspec.lock.requirements.certain_repairs import drop_contradictions
from mlspec.lock.requirements.local_packages import local_entries, wheel_entries
from mlspec.lock.requirements.local_packages.local_package import LocalPackage
from mlspec.lock.requirements.local_packages.read_package import read_local_package
from mlspec.lock.requirements.named_files import NamedFiles
from mlspec.lock.requirements.named_wheels import Load, NamedWheels, read_nothing
from mlspec.lock.requirements.other_files import Look, see_nothing
from mlspec.lock.requirements.refused_options import refuse_option
from mlspec.lock.requirements.requirement_lines import RequirementLine, lines_of
from mlspec.lock.requirements.requirement_types import RequiredPython, Requirement, Requirements, Stated, Unheeded
from mlspec.lock.requirements.sources.choices import Route, group_routes
from mlspec.lock.requirements.sources.groups import find_left_out
from mlspec.lock.requirements.sources.requirement_files import find_unheeded
from mlspec.lock.requirements.sources.source_tables import Conditions
from mlspec.lock.requirements.sources.workspaces import find_settings
from mlspec.lock.requirements.tool_locks.chosen_lock import ChosenLock
from mlspec.lock.requirements.tool_locks.lock_entries import LockEntries, find_named_lock
from mlspec.lock.requirements.written_requirements import read_requirement
from mlspec.spec import suppressions
from mlspec.spec.document import Document
from mlspec.spec.place import Place

if TYPE_CHECKING:
    from mlspec.lock.requirements.pyproject import Project

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RequirementEntry:
    """One entry of a spec's ``requirements``, and the path of its key in a ``document``."""

    text: str
    path: KeyPath
    document: Document | None = None


def collect(
    entries: Iterable[RequirementEntry],
    read: Callable[[str], str],
    file: str,
    look: Look = see_nothing,
    conditions: Conditions | None = None,
    load: Load = read_nothing,
) -> Requirements:
    """Return the requirements in ``entries`` and the files they name, for an image under ``conditions``.

    ``read``, ``look`` and ``load`` get POSIX paths relative to the folder of the spec ``file``; ``read`` may raise
    OSError or UnicodeError, ``load`` OSError. Raises SpecError with all problems.
    """
    collector = _Collector(read, look, posixpath.dirname(file), conditions or Conditions(), load)
    for entry in sorted(entries, key=lambda entry: not find_named_lock(entry.text)):
        # Add locks first: a group in a later entry may be a group of one of them.
        collector.add(RequirementLine(entry.text.strip(), Place(path=entry.path, document=entry.document)))
    tool_lock = collector.choose_lock()
    indexes = tuple(collector.sound(group_routes(collector.routes)))
    if collector.problems:
        raise SpecError(*drop_contradictions(dict.fromkeys(collector.problems)))
    return Requirements(
        requirements=tuple(dict.fromkeys(collector.requirements)),
        constraints=tuple(dict.fromkeys(collector.constraints)),
        options=tuple(dict.fromkeys(collector.options)),
        files=tuple(dict.fromkeys(collector.files.paths)),
        indexes=indexes,
        build_constraints=tuple(dict.fromkeys(collector.build_constraints)),
        stated=tuple(dict.fromkeys(collector.stated)),
        pythons=tuple(dict.fromkeys(collector.pythons)),
        unheeded=tuple(dict.fromkeys((*collector.unheeded, *collector.list_unheeded()))),
        ignores=suppressions.join_ignores(collector.files.ignores),
        local=tuple(dict.fromkeys(collector.local)),
        wheels=tuple(dict.fromkeys(collector.wheels.wheels)),
        tool_lock=tool_lock,
    )


def _list_extras(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (extra.strip() for extra in text.removesuffix("]").split(","))))


_Take = Callable[["Project"], Iterable[RequirementLine | Route | Problem]]
_VARIABLE = re.compile(r"\$\{[A-Za-z0-9_]+\}")


class _Collector:
    """Collects requirements and problems from lines, and follows files."""

    def __init__(self, read: Callable[[str], str], look: Look, root: str, conditions: Conditions, load: Load) -> None:
        # A file may be read for more than one reason, such as a setup.py for its metadata and for its commands.
        self.read = read = cache(read)
        self.look = look
        self.conditions = conditions
        self.root = root
        self.problems: list[Problem] = []
        self.files = NamedFiles(read, look, root, self.problems)
        self.requirements: list[Requirement] = []
        self.constraints: list[Requirement] = []
        self.options: list[str] = []
        self.routes: list[Route] = []
        self.build_constraints: list[Requirement] = []
        self.stated: list[Stated] = []
        self.pythons: list[RequiredPython] = []
        self.unheeded: list[Unheeded] = []
        self.projects: dict[str, Project] = {}
        self.groups: dict[str, set[str]] = {}
        self.local: list[LocalPackage] = []
        self.folders: set[tuple[str, tuple[str, ...]]] = set()
        self.locks = LockEntries(read, root, conditions)
        self.wheels = NamedWheels(load, look, conditions.context, self.problems)

    def add(self, line: RequirementLine) -> None:
        """Add one line: an entry of the spec or a line of a file."""
        text = line.text
        if variable := _VARIABLE.search(text):
            message = f"{variable[0]} would be looked up on this machine, and its value written into the lock"
            hint = "write the value itself; a login for a package index is a secret of `indexes`"
            self._problem(line, "MLS204", message, hint)
        elif text.startswith("-"):
            self._option_line(line)
        elif not line.trail and (find_named_lock(text) or other_files.is_requirements_file(text)):
            # In the spec's list, a requirements file needs no -r.
            self._file(text, line)
        elif entry := local_entries.parse_local_entry(text):
            self._local(entry, line)
        elif wheel := wheel_entries.parse_wheel_entry(text, line.folder):
            for required in self.wheels.add(wheel, line):
                self.requirements += self.sound(read_requirement(dataclasses.replace(line, text=required), self.look))
        elif refusal := other_files.refuse_file(text, self.look, is_entry=not line.trail):
            self._problem(line, *refusal)
        elif text:
            found = self.constraints if line.is_constraint else self.requirements
            found += self.sound(read_requirement(line, self.look))

    def _problem(self, line: RequirementLine, code: str, message: str, hint: str = "") -> None:
        self.problems.append(line.place.problem(code, message, hint))

    def sound(self, found: Iterable[_T | Problem]) -> Iterator[_T]:
        """Yield the items that are no problems, and add the problems to ``problems``."""
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
        for name, value in self.sound(pip_options.options(line.text, line.place)):
            if name == "--requirement":
                self._file(value, line)
            elif name == "--constraint":
                self._file(value, dataclasses.replace(line, is_constraint=True))
            elif name == "--group":
                self._group(value, line)
            elif name == "--editable" and (entry := local_entries.parse_editable(value)):
                self._local(entry, line)
            elif name in pip_options.KEPT and not (name == "--no-binary" and ":all:" in value.split(",")):
                self.options.append(f"{name} {value}".strip())
            elif name != "--require-hashes":
                refused = refuse_option(name, value, line.place, self.conditions, self.look)
                self.problems += [refused] if refused else []

    # Files

    def _file(self, name: str, line: RequirementLine) -> None:
        if "://" in name:
            message = f"{name} can change at any time without a trace in this project"
            self._problem(line, "MLS201", message, "copy the file beside the spec and name the copy")
            return
        name, _, extras = name.partition("[")
        path = posixpath.normpath(posixpath.join(line.folder, name.replace("\\", "/")))
        if path in line.trail:
            way = " -> ".join((*line.trail[line.trail.index(path) :], path))
            self._problem(line, "MLS202", f"{path} includes itself: {way}", "remove this line")
            return
        is_lock = not (line.trail or line.is_constraint) and find_named_lock(path) is not None
        if not is_lock and (refusal := other_files.refuse_other_format(path)):
            self._problem(line, *refusal)
            return
        text = self.files.read(path, line.place)
        if text is None:
            return
        if is_lock:
            self.locks.add(path, text, _list_extras(extras), line.place)
        elif posixpath.basename(path).lower() == "pyproject.toml":
            wanted = _list_extras(extras)
            project = self._project(self._parse(path, text, line), lambda project: project.dependencies(wanted))
            if project:
                self.projects[path] = project
        else:
            self._add_all(lines_of(text, path, posixpath.join(self.root, path), line))

    def _group(self, value: str, line: RequirementLine) -> None:
        name, _, group = value.rpartition(":")
        if owner := self.locks.find_group_owner(name, line.folder):
            self.locks.add_group(owner, group, line.place)
            return
        path = posixpath.normpath(posixpath.join(line.folder, name or "pyproject.toml"))
        text = self.files.read(path, line.place)
        if text is not None:
            self._project(self._parse(path, text, line), lambda project: project.group(group))
            self.groups.setdefault(path, set()).add(canonicalize_name(group))

    def _local(self, entry: local_entries.LocalEntry, line: RequirementLine) -> None:
        """Add the package in a folder of the project, and its dependencies if no lock of that folder has them."""
        if refusal := entry.refuse(self.look, self.conditions.context, is_constraint=line.is_constraint):
            self._problem(line, *refusal)
            return
        if (entry.path, entry.extras) in self.folders:
            return
        self.folders.add((entry.path, entry.extras))
        from mlspec.lock.requirements.local_packages.read_project import read_local_project

        lock = self.locks.find_lock_of(entry.path)
        if lock and (problem := self.locks.refuse_extras(lock, entry.extras, line.place)):
            self.problems.append(problem)
        take = None if lock else lambda project: project.dependencies(entry.extras)
        found = read_local_project(entry, line, self.files, self.look, self.root, self.conditions)
        if project := self._project(found, take):
            if not self.locks.has_lock_beside(entry.path):
                self.projects[entry.project] = project
            self.local += self.sound([read_local_package(project.toml, entry.path, line.place, self.look, self.read)])

    def choose_lock(self) -> ChosenLock | None:
        """Return the named lock of another tool and add its requirements, indexes and files; None without a lock."""
        for chosen in self.sound(self.locks.choose(self.projects, {package.name for package in self.local})):
            self.requirements += self.locks.list_requirements(chosen)
            self.routes += self.sound(self.locks.list_routes(chosen))
            self.unheeded += self.locks.list_unheeded(chosen)
            self.files.paths += self.locks.files
            return chosen
        return None

    def _parse(self, path: str, text: str, line: RequirementLine) -> Project | Problem:
        from mlspec.lock.requirements.pyproject import parse_project

        return parse_project(text, path, posixpath.join(self.root, path), line, self.conditions)

    def _project(self, project: Project | Problem, take: _Take | None) -> Project | None:
        """Return a project and add what ``take`` returns; None for a problem. Without ``take``, a lock has that."""
        if isinstance(project, Problem):
            self.problems.append(project)
            return None
        from mlspec.lock.requirements.project_surroundings import add_surroundings

        project = add_surroundings(project, self.read, self.look, self.root, self.files)
        if take:
            self._add_all(take(project))
            self.unheeded += project.tables.unheeded
        for written, place in project.tables.build_constraints:
            found = requirement_syntax.read(written)
            if isinstance(found, Requirement):
                self.build_constraints.append(dataclasses.replace(found, place=place))
            else:
                self.problems.append(place.problem("MLS203", found.message, found.hint))
        self.stated += project.tables.stated
        if required := project.required_python:
            self.pythons.append(RequiredPython(*required))
        return project

    def list_unheeded(self) -> Iterator[Unheeded]:
        """Yield the settings of other tools that the lock ignores: groups of projects, uv's for requirement files."""
        for path, project in self.projects.items():
            yield from find_left_out(project.toml, self.groups.get(path, ()), path)
        known = dict.fromkeys(self.files.paths)
        # If every line names one version, the settings of a resolver change nothing.
        open_files = {r.place.file for r in self.requirements if r.kind == "index" and "==" not in r.text}
        for path in known:
            shown = posixpath.join(self.root, path)
            is_open = shown in open_files and not path.endswith(".toml")
            settings = find_settings(path, self.read, self.root) if is_open else None
            # A settings file in ``known`` was read for a project, and already applies there.
            if settings and settings[0] not in known:
                self.files.note(settings[0], settings[1].text)
                yield from find_unheeded(settings[1], settings[2], shown, self.conditions)
