"""The values of attributes; only the name of an attribute counts, not its object."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mlspec.advice.behaviour.dotted_names import dotted_name
from mlspec.advice.behaviour.program import Program
from mlspec.advice.behaviour.scopes import Scope

Attribute = tuple[str, ast.expr, Scope]
# Calls that set attributes by their keywords, besides calls of the project's own classes.
_SETTING = {"SimpleNamespace", "set_defaults", "replace"}


def attribute_values(program: Program) -> Iterator[Attribute]:
    """Yield the values of attributes: set in a class body, by ``self.x = ...``, or by keywords of the class's calls."""
    top = [(node, module.scopes[0]) for module in program.modules for node in module.scopes[0].nodes]
    classes = [(node, scope) for node, scope in top if isinstance(node, ast.ClassDef)]
    names = {node.name for node, _ in classes}
    for node, scope in classes:
        yield from _in_body(node, scope)
    for scope in (scope for module in program.modules for scope in module.scopes):
        for part in scope.nodes:
            if isinstance(part, ast.Assign):
                yield from ((t.attr, part.value, scope) for t in part.targets if isinstance(t, ast.Attribute))
            elif isinstance(part, ast.Call) and dotted_name(part.func, scope).rpartition(".")[2] in names | _SETTING:
                yield from ((keyword.arg, keyword.value, scope) for keyword in part.keywords if keyword.arg)


def _in_body(node: ast.ClassDef, scope: Scope) -> Iterator[Attribute]:
    for part in node.body:
        if isinstance(part, ast.AnnAssign | ast.Assign) and part.value:
            targets = part.targets if isinstance(part, ast.Assign) else [part.target]
            value = _field_default(part.value)
            yield from ((target.id, value, scope) for target in targets if isinstance(target, ast.Name))


def _field_default(value: ast.expr) -> ast.expr:
    """Return the default of a field: X for ``field(default=X)``, ``Field(X)`` and plain ``X``."""
    if isinstance(value, ast.Call) and getattr(value.func, "id", getattr(value.func, "attr", "")) in {"field", "Field"}:
        named = next((keyword.value for keyword in value.keywords if keyword.arg == "default"), None)
        return named or (value.args[0] if value.args else value)
    return value
