"""A started program: its modules, and the functions that run."""

from __future__ import annotations

import ast
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from mlspec.advice.behaviour.imported_files import find_imported_files
from mlspec.advice.behaviour.scopes import Module, Scope, read_module

_MOST_FILES = 80
_ENTRY_CODE = "<the command>"
# Decorators of functions that a framework calls, even if no code of the project calls them.
_CALLED_BY_FRAMEWORKS = {
    "get", "post", "put", "delete", "patch", "route", "websocket", "middleware", "on_event", "task", "asset", "op",
    "job", "api", "endpoint", "event", "on", "tool", "actor", "shared_task", "before_request", "after_request",
    "errorhandler", "listener", "subscriber",
}  # fmt: skip
# Decorators of functions that run when the decorator's object is called: app() for @app.command().
_COMMANDS = {"command", "callback", "group"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The start of a program in a container.

    - ``files``: scripts that run as ``__main__``.
    - ``modules``: files that a server imports.
    - ``code``: the text behind ``python -c``.
    - ``calls``: functions that a server or a console script calls.
    - ``words``: the command.
    - ``roots``: folders that Python searches, relative to the project.
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
    """The modules that a start reaches, and the scopes whose statements run, in the order of their discovery."""

    start: Start
    modules: tuple[Module, ...]
    scopes: tuple[Scope, ...]
    names: frozenset[str] = frozenset()
    """The names of the program's modules and of their folders."""

    def is_own(self, dotted: str, scope: Scope) -> bool:
        """Return whether a dotted name may belong to the project, and not to an imported library."""
        root = dotted.partition(".")[0]
        return root not in scope.module.imported or root in self.names

    def calls(self) -> Iterator[tuple[ast.Call, Scope]]:
        """Yield every call of the program, with the scope that contains the call."""
        for scope in self.scopes:
            yield from ((node, scope) for node in scope.nodes if isinstance(node, ast.Call))


def read_program(start: Start, texts: Mapping[str, str]) -> Program:
    """Parse the program that a start reaches; ``texts`` are the files of the project by path."""
    texts = {**texts, _ENTRY_CODE: start.code} if start.code else texts
    starts = (*([_ENTRY_CODE] if start.code else []), *start.files, *start.modules)
    main = {_ENTRY_CODE, *start.files}
    # The nearest files come first, and findings are mostly near. Reading all of a large project at each check is slow.
    files = islice(find_imported_files(starts, texts, start.roots), _MOST_FILES)
    read = (read_module(path, text, is_started=path in main) for path, text in files if not path.endswith(".sh"))
    modules = tuple(module for module in read if module)
    names = frozenset(part for module in modules for part in module.path.removesuffix(".py").split("/"))
    return Program(start, modules, tuple(_running(modules, start)), names)


def _running(modules: tuple[Module, ...], start: Start) -> Iterator[Scope]:
    """Yield the scopes that run: those of modules, and those of functions whose name a running scope mentions."""
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
            # One mention is enough, so a name is looked up only once.
            todo += functions.pop(name, ())


def _names_of(scope: Scope) -> Iterator[str]:
    """Yield the names whose mention makes a function run.

    One is its own name. A special method, or a method of a class with a foreign base, also has the name of its class.
    Some decorators add their own name, or the name of the object that calls the function.
    """
    function, owner = scope.function, scope.owner
    assert function  # noqa: S101 - the caller asked
    yield function.name
    if owner and (function.name.startswith("__") or _has_foreign_base(owner, scope.module)):
        yield owner.name
    for decorator in function.decorator_list:
        named = decorator.func if isinstance(decorator, ast.Call) else decorator
        last = named.attr if isinstance(named, ast.Attribute) else named.id if isinstance(named, ast.Name) else ""
        if last in _CALLED_BY_FRAMEWORKS:
            # The module itself mentions the decorator, so the function runs.
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
