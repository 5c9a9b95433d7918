"""Functions for texts that are known only in part, and tables of calls and methods that change paths."""

from __future__ import annotations

import ast
import itertools
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence

UNKNOWN_PART = "\0"
"""The mark for an unknown part of a text: ``models/\\0.pt``."""
MOST = 8
"""The maximum number of values of an expression; further values are dropped."""

Known = tuple[str | None, ...]

PATHS = {"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "os.path.join", "anyio.Path"}
SAME = {
    "str", "os.fspath", "os.path.abspath", "os.path.realpath", "os.path.normpath", "os.path.expanduser",
    "os.path.expandvars",
}  # fmt: skip
UNCHANGED = {"resolve", "absolute", "expanduser", "as_posix", "strip", "rstrip"}
CHANGES: Mapping[str, Callable[[str, str], str]] = {
    "joinpath": posixpath.join,
    "with_name": lambda path, name: posixpath.join(posixpath.dirname(path), name),
    "with_suffix": lambda path, suffix: posixpath.splitext(path)[0] + suffix,
}


def is_number(value: object) -> bool:
    """Return whether a value is a number, and no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole_number(node: ast.expr) -> bool:
    """Return whether an expression is a literal whole number."""
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def climb(path: str, levels: int) -> str:
    """Return the folder that is some levels above a path."""
    for _ in range(levels):
        path = posixpath.dirname(path)
    return path or "."


def cut_at(text: str, mark: str) -> str:
    """Replace everything from the first ``mark``, the beginning of a placeholder, by an unknown part."""
    start, found, _ = text.partition(mark)
    return f"{start}{UNKNOWN_PART}" if found else text


def with_sure_start(texts: Iterable[str]) -> Known:
    """Return the texts, or nothing if one of them begins with an unknown part: such a text could be any path."""
    every = tuple(itertools.islice(texts, MOST))
    return () if any(text.startswith(UNKNOWN_PART) for text in every) else every


def find_agreement(found: Sequence[Known]) -> Known:
    """Return the single value on which all agree, or nothing; None counts only if there is no other value."""
    values = {value for known in found for value in known}
    some = values - {None}
    if not all(found) or len(some) > 1:
        return ()
    return tuple(some or values)
