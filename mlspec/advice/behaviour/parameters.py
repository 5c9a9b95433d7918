"""Parameters of functions, and the arguments that calls pass."""

from __future__ import annotations

import ast

from mlspec.advice.behaviour.scopes import Function, Scope


def parameters_of(scope: Scope) -> list[str]:
    """Return the names of the parameters of a function's scope; empty for the scope of a module."""
    if not scope.function:
        return []
    arguments = scope.function.args
    return [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def has_parameter(scope: Scope, name: str) -> bool:
    """Return whether a scope belongs to a function with this parameter."""
    return name in parameters_of(scope)


def default_of(function: Function, name: str) -> ast.expr | None:
    """Return the default of a parameter, or None if it has no default."""
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [*[None] * (len(plain) - len(arguments.defaults)), *arguments.defaults, *arguments.kw_defaults]
    pairs = zip((*plain, *arguments.kwonlyargs), defaults, strict=True)
    return next((default for argument, default in pairs if argument.arg == name), None)


def argument_of(call: ast.Call, scope: Scope, name: str) -> tuple[ast.expr | None, bool]:
    """Return the argument of a call for a parameter, or None, and whether this result is certain.

    The result is uncertain if the call unpacks arguments.
    """
    if keyword := next((keyword for keyword in call.keywords if keyword.arg == name), None):
        return keyword.value, True
    names = parameters_of(scope)
    place = names.index(name) - (1 if scope.owner and names[:1] in (["self"], ["cls"]) else 0)
    is_clear = all(keyword.arg for keyword in call.keywords) and not any(isinstance(a, ast.Starred) for a in call.args)
    return (call.args[place] if is_clear and 0 <= place < len(call.args) else None), is_clear
