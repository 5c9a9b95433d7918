"""What a setup.py reads and compiles, as far as its text shows."""

from __future__ import annotations

import ast
import posixpath
import re
import warnings
from collections.abc import Iterator

# The classes and functions of setuptools, Cython, pybind11 and cffi that compile code.
_COMPILES = re.compile(r"\b(?:ext_modules|Extension|cythonize|Pybind11Extension|cffi_modules)\b")


def is_compiling(script: str) -> bool:
    """Return whether a setup.py compiles code."""
    return bool(_COMPILES.search(script))


def list_named_files(script: str) -> Iterator[str]:
    """Yield the paths that a setup.py may read, and those of the modules that it imports; not each of them exists."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(script)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.Call | ast.BinOp):
            yield from filter(None, [_path_in(node)])
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from (path for name in names if name for path in _paths_of(name))


def _path_in(node: ast.AST) -> str:
    """Return the path in a text, in ``join("a", "b.py")`` or in ``folder / "a" / "b.py"``; empty for anything else."""
    if isinstance(node, ast.Constant):
        parts = [node.value] if isinstance(node.value, str) else []
    elif isinstance(node, ast.Call):
        parts = [item.value for item in node.args if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    else:
        parts = [*_steps(node)]
    path = posixpath.normpath("/".join(parts)) if parts else ""
    return path if re.fullmatch(r"[\w.+/-]+", path) and not path.startswith(("/", "..")) else ""


def _steps(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield from _steps(node.left)
        yield from _steps(node.right)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def _paths_of(module: str) -> Iterator[str]:
    path = module.replace(".", "/")
    for root in ("", "src/"):
        yield from (f"{root}{path}.py", f"{root}{path}/__init__.py")
