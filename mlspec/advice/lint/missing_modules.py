"""A rule about modules that a container starts or imports and Python does not find."""

from __future__ import annotations

import ast
import posixpath
import sys
from collections.abc import Iterator, Sequence

from packaging.utils import canonicalize_name

from mlspec.advice.behaviour.scopes import Module
from mlspec.advice.lint.container_command import (
    command_key,
    find_option_values,
    module_place,
    server_of,
    strip_launcher,
)
from mlspec.advice.lint.missing_programs import installs_project, own_name
from mlspec.advice.lint.program_start import application_of, last_words, program_of
from mlspec.advice.lint.subject import Context, Subject
from mlspec.errors import Problem
from mlspec.facts import programs
from mlspec.text import nearest

_FOLDERS = ("--app-dir", "--chdir", "--pythonpath")


def lacks_module(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of a module of the project, named in the command or in an import, that Python does not find.

    The rule ignores modules that may come from a package, a build step, a mount or a custom base.
    """
    if not subject.is_official or subject.settings.run or not context.is_whole or installs_project(subject):
        return
    words = last_words(subject, context)
    problem = _started_module(subject, context, words) or _application(subject, context, words)
    if problem := problem or _imported_module(subject, context, words):
        yield problem


def _started_module(subject: Subject, context: Context, words: Sequence[str]) -> Problem | None:
    """Return a problem with the module of ``python -m MODULE``, or None."""
    place = module_place(words)
    if not place:
        return None
    module, project = words[place], _Project(subject, context)
    top = module.partition(".")[0]
    if project.is_mounted(module):
        return None
    if project.find(top, ("", *project.python_path)) is None:
        return None if project.may_be_elsewhere(top) else project.problem_of_path(f"python -m {module}", top)
    found = project.find(module, ("", *project.python_path))
    if found is None:
        return project.problem_of_name(module, top)
    if found.endswith("/__init__.py") and f"{posixpath.dirname(found)}/__main__.py" not in context.kept:
        message = f"python -m {module} does not start: {posixpath.dirname(found)} has no __main__.py"
        folder = posixpath.dirname(found)
        near = next((name for name in ("main", "cli", "app", "train") if f"{folder}/{name}.py" in context.kept), "")
        hint = f"write: python -m {module}.{near}" if near else f"add {posixpath.dirname(found)}/__main__.py"
        return subject.warn(message, hint, command_key(subject))
    return None


def _application(subject: Subject, context: Context, words: Sequence[str]) -> Problem | None:
    """Return a problem with the module of ``uvicorn MODULE:APP`` or of a similar command, or None."""
    named = application_of(words) if server_of(words) or strip_launcher(words)[:1] == ("celery",) else None
    if not named:
        return None
    module, project = named[0], _Project(subject, context)
    folders = [project.relative(folder) for folder in find_option_values(words, _FOLDERS)]
    roots = (*folders, *(() if "--app-dir" in words else ("",)), *project.python_path)
    top = module.partition(".")[0]
    if project.is_mounted(module) or project.may_be_elsewhere(top) or project.find(module, roots) is not None:
        return None
    if project.find(top, roots) is not None:
        return project.problem_of_name(module, top)
    return project.problem_of_path(module, module)


def _imported_module(subject: Subject, context: Context, words: Sequence[str]) -> Problem | None:
    """Return a problem with the first import of a module of the project that Python does not find, or None."""
    program, project = program_of(subject, context), _Project(subject, context)
    if any(
        "sys.path" in context.texts.get(module.path, "") or "addsitedir" in context.texts.get(module.path, "")
        for module in program.modules
    ):
        return None
    start = program.start
    is_script = bool(start.files) and not module_place(words)
    roots = (*((posixpath.dirname(start.files[0]),) if is_script else ("",)), *project.python_path)
    if not (is_script or module_place(words) or start.modules or start.code) or values_of_folders(words):
        return None
    for module in program.modules:
        for node, name in _imports(module):
            top = name.partition(".")[0]
            if project.find(top, roots) is None and not project.may_be_elsewhere(top) and not project.is_mounted(top):
                above = [*_folders_above(module.path), "src", *project.shared_folders(name)]
                folder = next((place for place in above if project.find(name, (place,)) is not None), None)
                if folder is not None:
                    return project.problem_of_import(f"{module.path}:{node.lineno}", name, folder)
    return None


def values_of_folders(words: Sequence[str]) -> bool:
    """Return whether a command has an option with folders that Python is to search."""
    return any(True for _ in find_option_values(words, _FOLDERS))


def _folders_above(path: str) -> Iterator[str | None]:
    folder = posixpath.dirname(path)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""


def _imports(module: Module) -> Iterator[tuple[ast.stmt, str]]:
    """Yield the imports that always run: at the top level of the module, outside of any ``try`` or condition."""
    for node in module.tree.body:
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node, node.module


class _Project:
    """The modules of a project and the folders that Python searches for them."""

    def __init__(self, subject: Subject, context: Context) -> None:
        self._subject = subject
        self._context = context
        path = subject.settings.environment.get("PYTHONPATH") or ""
        self.python_path = tuple(self.relative(entry) for entry in path.split(":") if entry)

    def relative(self, folder: str) -> str:
        """Return a folder relative to the working directory; empty for the working directory itself."""
        home = self._subject.settings.working_dir
        path = posixpath.relpath(posixpath.normpath(posixpath.join(home, folder)), home)
        return "" if path == "." else path

    def find(self, module: str, roots: Sequence[str | None]) -> str | None:
        """Return the file of a module, or the folder of a namespace package; None if no root has the module."""
        path = module.replace(".", "/")
        for root in roots:
            place = posixpath.join(root or "", path)
            for file in (f"{place}.py", f"{place}/__init__.py"):
                if file in self._context.kept:
                    return file
            if any(kept.startswith(f"{place}/") and kept.endswith(".py") for kept in self._context.kept):
                return place
        return None

    def shared_folders(self, module: str) -> Iterator[str]:
        """Yield the folders outside the spec's folder that have a module, if the build copies any.

        A package that is installed from its folder is not among them.
        """
        path = module.replace(".", "/")
        installed = tuple(f"{package.path}/" for package in self._subject.requirements.local)
        for tail in (f"/{path}.py", f"/{path}/__init__.py"):
            found = (
                kept
                for kept in self._context.kept
                if kept.startswith("../") and not kept.startswith(installed) and kept.endswith(tail)
            )
            yield from sorted(kept.removesuffix(tail) for kept in found)

    def is_mounted(self, module: str) -> bool:
        """Return whether a mount may provide a module or hide it."""
        home = self._subject.settings.working_dir
        below = f"{home}/{module.partition('.')[0]}/"
        targets = [posixpath.normpath(mount.target) for mount in self._subject.settings.mounts]
        return any(below.startswith(f"{target}/") or f"{target}/" == f"{home}/src/" for target in targets)

    def may_be_elsewhere(self, top: str) -> bool:
        """Return whether a package, or Python itself, may have a module of this name."""
        packages = self._subject.packages - {own_name(self._context)}
        known = programs.console_programs().get(top, ())
        return (
            top in sys.stdlib_module_names
            or canonicalize_name(top) in packages
            or bool(set(known) & packages)
            or any(canonicalize_name(top) in name.split("-") for name in packages)
        )

    def problem_of_path(self, what: str, module: str) -> Problem | None:
        """Return a warning about a module in a folder that Python does not search; None if the project lacks it."""
        tails = (f"/{module.replace('.', '/')}.py", f"/{module.replace('.', '/')}/__init__.py")
        every = (path for path in self._context.kept if path.endswith(tails))
        found = sorted(every, key=lambda path: (path.count("/"), path))
        if not found:
            return None
        tail = next(tail for tail in tails if found[0].endswith(tail))
        folder = found[0].removesuffix(tail)
        if f"{folder}/__init__.py" in self._context.kept:
            dotted = f"{folder.replace('/', '.')}.{module}"
            return self._warn(f"there is no module {module} beside the spec", f"did you mean {dotted}?")
        return self._warn(f"{what}: {module} is in {folder}, where Python does not search", self._hint(folder))

    def problem_of_import(self, place: str, module: str, folder: str) -> Problem:
        """Return a warning about an import from a folder that Python does not search."""
        where = folder or self._subject.settings.working_dir
        return self._warn(f"{place} imports {module} from {where}, where Python does not search", self._hint(folder))

    def problem_of_name(self, module: str, top: str) -> Problem:
        """Return a warning about a module that its package does not have."""
        own = {
            path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            for path in self._context.kept
            if path.endswith(".py") and f"/{path}".find(f"/{top}/") >= 0
        }
        inside = {name[name.index(f"{top}.") :] for name in own if f"{top}." in name}
        near = nearest(module, inside)
        hint = f"did you mean {near[0]}?" if near else f"name a module that {top} has"
        return self._warn(f"there is no module {module}", hint)

    def _hint(self, folder: str) -> str:
        settings = self._subject.settings
        entry = posixpath.normpath(posixpath.join(settings.working_dir, folder))
        path = ":".join(filter(None, (entry, settings.environment.get("PYTHONPATH") or "")))
        if settings.environment:
            return f"add below environment: PYTHONPATH: {path}"
        return f"add: environment: {{PYTHONPATH: {path}}}"

    def _warn(self, message: str, hint: str) -> Problem:
        return self._subject.warn(message, hint, command_key(self._subject))
