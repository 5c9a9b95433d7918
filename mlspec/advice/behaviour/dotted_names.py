"""Full names of what expressions name."""

from __future__ import annotations

import ast

from mlspec.advice.behaviour.scopes import Scope


def dotted_name(node: ast.expr, scope: Scope) -> str:
    """Return the full name of what an expression names, imports followed: numpy.save of np.save; empty if none."""
    if isinstance(node, ast.Name):
        return scope.module.imports.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (base := dotted_name(node.value, scope)):
        return f"{base}.{node.attr}"
    return ""
