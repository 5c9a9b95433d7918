"""The scopes of a module: the statements of the module and of its functions, with the names that they bind."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Binding:
    """One assignment to a name: the line where it ends, its value (None if unknown), and whether it is conditional."""

    line: int
    value: ast.expr | None
    is_conditional: bool = False


@dataclass(eq=False, slots=True)
class Scope:
    """The statements of a module or of a function, without the statements of inner functions."""

    module: Module
    function: Function | None = None
    owner: ast.ClassDef | None = None
    outer: Scope | None = None
    nodes: list[ast.AST] = field(default_factory=list)
    bindings: dict[str, list[Binding]] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Module:
    """A file of the project: its imported names as dotted names, and its scopes; the scope of the module is first.

    ``classes`` are the names of its own classes, ``imported`` are the packages from which it imports.
    """

    path: str
    tree: ast.Module
    is_started: bool = False
    imports: Mapping[str, str] = field(default_factory=dict)
    classes: frozenset[str] = frozenset()
    imported: frozenset[str] = frozenset()
    scopes: list[Scope] = field(default_factory=list)


def read_module(path: str, text: str, *, is_started: bool = False) -> Module | None:
    """Parse the text of a module; return None if Python cannot. ``is_started``: whether it runs as ``__main__``."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text)
        module = Module(path, tree, is_started, dict(_imports(tree, path)))
        module.classes = frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
        module.imported = frozenset(name.partition(".")[0] for name in module.imports.values())
        module.scopes = [Scope(module)]
        _fill(module.scopes[0], tree.body)
    # A null byte raises ValueError; deep nesting raises RecursionError or MemoryError.
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return module


def _imports(tree: ast.Module, path: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom):
            parts = path.split("/")[: -node.level] if node.level else []
            module = ".".join([*parts, *([node.module] if node.module else [])])
            yield from ((alias.asname or alias.name, f"{module}.{alias.name}") for alias in node.names)


def _fill(scope: Scope, body: Iterable[ast.stmt], *, is_conditional: bool = False) -> None:
    for statement in body:
        _fill_statement(scope, statement, is_conditional=is_conditional)


def _fill_statement(scope: Scope, node: ast.stmt, *, is_conditional: bool) -> None:
    if isinstance(node, Function):
        _fill_function(scope, node)
        return
    if isinstance(node, ast.ClassDef):
        _fill_class(scope, node)
        return
    scope.nodes.append(node)
    _bind(scope, node, is_conditional=is_conditional)
    # The outcome of `if __name__ == "__main__"` is known, so its body is not conditional.
    is_guard = isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
    for name, value in ast.iter_fields(node):
        parts = value if isinstance(value, list) else [value]
        if is_guard and name == "body" and not scope.module.is_started:
            continue
        if isinstance(node, ast.If) and name == "body" and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        within = is_conditional or (not is_guard and not isinstance(node, ast.With | ast.AsyncWith))
        for part in parts:
            if isinstance(part, ast.stmt):
                _fill_statement(scope, part, is_conditional=within)
            elif isinstance(part, ast.ExceptHandler | ast.match_case):
                _fill(scope, part.body, is_conditional=True)
            elif isinstance(part, ast.AST):
                scope.nodes += ast.walk(part)


def _fill_function(scope: Scope, node: Function, owner: ast.ClassDef | None = None) -> None:
    inner = Scope(scope.module, node, owner, scope)
    scope.module.scopes.append(inner)
    for part in (*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)):
        scope.nodes += ast.walk(part)
    _fill(inner, node.body)


def _fill_class(scope: Scope, node: ast.ClassDef) -> None:
    scope.nodes.append(node)
    for part in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
        scope.nodes += ast.walk(part)
    for statement in node.body:
        if isinstance(statement, Function):
            _fill_function(scope, statement, node)
        elif isinstance(statement, ast.ClassDef):
            _fill_class(scope, statement)
        else:
            scope.nodes += ast.walk(statement)


def _bind(scope: Scope, node: ast.stmt, *, is_conditional: bool) -> None:
    """Record the names that a statement binds; the value of a loop variable is unknown."""
    line = node.end_lineno or node.lineno

    def note(name: str, value: ast.expr | None) -> None:
        scope.bindings.setdefault(name, []).append(Binding(line, value, is_conditional))

    for target, value in _targets(node):
        if isinstance(target, ast.Name):
            note(target.id, value)
        elif isinstance(target, ast.Tuple | ast.List):
            values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            fits = len(values) == len(target.elts)
            for index, part in enumerate(target.elts):
                if isinstance(part, ast.Name):
                    note(part.id, values[index] if fits else None)


def _targets(node: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    if isinstance(node, ast.Assign):
        yield from ((target, node.value) for target in node.targets)
    elif isinstance(node, ast.AnnAssign) and node.value:
        yield node.target, node.value
    elif isinstance(node, ast.AugAssign | ast.For | ast.AsyncFor):
        yield node.target, None
    elif isinstance(node, ast.With | ast.AsyncWith):
        yield from ((item.optional_vars, item.context_expr) for item in node.items if item.optional_vars)
    # Of a condition, only its test counts here: the caller visits its body separately.
    own = (
        node.test if isinstance(node, ast.If | ast.While) else node if isinstance(node, ast.Expr | ast.Assign) else None
    )
    for part in ast.walk(own) if own else ():
        if isinstance(part, ast.NamedExpr):
            yield part.target, part.value
