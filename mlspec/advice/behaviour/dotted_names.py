"""The full dotted names of expressions."""

from __future__ import annotations

import ast

from mlspec.advice.behaviour.scopes import Scope


def dotted_name(node: ast.expr, scope: Scope) -> str:
    """Return the dotted name of an expression, with imports resolved: numpy.save for np.save; empty if it has none."""
    if isinstance(node, ast.Name):
        return scope.module.imports.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (base := dotted_name(node.value, scope)):
        return f"{base}.{node.attr}"
    return ""
