"""A program as it is started: its modules, and which of its functions run."""

from __future__ import annotations

import ast
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from mlspec.advice.behaviour.imports import find_imported_files
from mlspec.advice.behaviour.scopes import Module, Scope, read_module

_MOST_FILES = 80
_ENTRY_CODE = "<the command>"
# Decorators by which a framework calls a function that no code of the project does.
_CALLED_BY_FRAMEWORKS = {
    "get", "post", "put", "delete", "patch", "route", "websocket", "middleware", "on_event", "task", "asset", "op",
    "job", "api", "endpoint", "event", "on", "tool", "actor", "shared_task", "before_request", "after_request",
    "errorhandler", "listener", "subscriber",
}  # fmt: skip
# Those that run when the object they belong to is called: app() of @app.command().
_COMMANDS = {"command", "callback", "group"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How a container starts a program.

    ``files`` are the scripts that run as ``__main__``, ``modules`` the files that a server imports, ``code`` what
    stands behind ``python -c``, ``calls`` the functions that a server or a console script calls; ``words`` the command,
    ``roots`` the folders that Python searches, relative to the project.
    """

    files: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    code: str = ""
    calls: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    roots: tuple[str, ...] = ("",)
    environment: Mapping[str, str | None] = field(default_factory=dict)
    is_environment_known: bool = True
    working_dir: str = "/app"


@dataclass(frozen=True, slots=True)
class Program:
    """The modules that a start reaches, and the scopes whose statements run, in the order in which they were met."""

    start: Start
    modules: tuple[Module, ...]
    scopes: tuple[Scope, ...]
    names: frozenset[str] = frozenset()
    """The names of its modules and of the folders that they are in."""

    def is_own(self, dotted: str, scope: Scope) -> bool:
        """Return whether a dotted name may be the project's own: not one of a library that is imported."""
        root = dotted.partition(".")[0]
        return root not in scope.module.imported or root in self.names

    def calls(self) -> Iterator[tuple[ast.Call, Scope]]:
        """Yield every call that the program makes, with the scope that makes it."""
        for scope in self.scopes:
            yield from ((node, scope) for node in scope.nodes if isinstance(node, ast.Call))


def read_program(start: Start, texts: Mapping[str, str]) -> Program:
    """Return the program that a start reaches in the texts of a project, by their paths."""
    texts = {**texts, _ENTRY_CODE: start.code} if start.code else texts
    starts = (*([_ENTRY_CODE] if start.code else []), *start.files, *start.modules)
    main = {_ENTRY_CODE, *start.files}
    # The nearest come first, and what is worth a word is near; a large project is not read whole at each check.
    files = islice(find_imported_files(starts, texts, start.roots), _MOST_FILES)
    read = (read_module(path, text, is_started=path in main) for path, text in files if not path.endswith(".sh"))
    modules = tuple(module for module in read if module)
    names = frozenset(part for module in modules for part in module.path.removesuffix(".py").split("/"))
    return Program(start, modules, tuple(_running(modules, start)), names)


def _running(modules: tuple[Module, ...], start: Start) -> Iterator[Scope]:
    """Yield the scopes that run: of modules, and of functions whose name something that runs mentions."""
    functions: dict[str, list[Scope]] = defaultdict(list)
    for scope in (scope for module in modules for scope in module.scopes if scope.function):
        for name in _names_of(scope):
            functions[name].append(scope)
    todo = deque(module.scopes[0] for module in modules)
    todo += [scope for name in start.calls for scope in functions[name]]
    seen = set[int]()
    while todo:
        scope = todo.popleft()
        if id(scope) in seen:
            continue
        seen.add(id(scope))
        yield scope
        for name in dict.fromkeys(_find_mentions(scope)):
            # What is mentioned once runs; it is not looked up again.
            todo += functions.pop(name, ())


def _names_of(scope: Scope) -> Iterator[str]:
    """Yield the names whose mention has a function run: its own, or that of a class whose framework calls it."""
    function, owner = scope.function, scope.owner
    assert function  # noqa: S101 - the caller asked
    yield function.name
    if owner and (function.name.startswith("__") or _has_foreign_base(owner, scope.module)):
        yield owner.name
    for decorator in function.decorator_list:
        named = decorator.func if isinstance(decorator, ast.Call) else decorator
        last = named.attr if isinstance(named, ast.Attribute) else named.id if isinstance(named, ast.Name) else ""
        if last in _CALLED_BY_FRAMEWORKS:
            # The decorator itself is a statement of the module, which mentions it.
            yield last
        elif last in _COMMANDS and isinstance(named, ast.Attribute) and isinstance(named.value, ast.Name):
            yield named.value.id


def _has_foreign_base(owner: ast.ClassDef, module: Module) -> bool:
    names = {base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in owner.bases}
    return bool(names - module.classes - {"object", "ABC", "Protocol", ""})


def _find_mentions(scope: Scope) -> Iterator[str]:
    for node in scope.nodes:
        if isinstance(node, ast.Name):
            yield node.id
            if dotted := scope.module.imports.get(node.id):
                yield dotted.rpartition(".")[2]
        elif isinstance(node, ast.Attribute):
            yield node.attr
