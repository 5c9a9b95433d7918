"""The parser of other tools' YAML files, and the places and texts of their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.errors import KeyPath
from mlspec.spec import document
from mlspec.spec.document import Document

Reader = Callable[[ImportSource, Document, KeyPath, Any], Iterator[LineVerdict]]
"""A function that yields the verdicts on the value at a path."""


def parse_yaml(source: ImportSource) -> Document:
    """Parse a file to a document with places; raise SpecError at the line of a syntax error."""
    return document.parse(source.text, source.file)


def line_of(read: Document, path: KeyPath) -> int:
    """Return the line of a value: the line of its key if it has one."""
    return read.locate(path, on_key=isinstance(path[-1], str) if path else False).line


def end_of(read: Document, path: KeyPath, number: int) -> int:
    """Return the last line of the value at ``path``, which begins on line ``number``, by the indent of the lines."""
    lines = read.lines
    span = read.locate(path, on_key=True)
    indent = len(lines[number - 1]) - len(lines[number - 1].lstrip(" "))
    in_list = lines[number - 1].lstrip().startswith("- ")
    last = number
    for place in range(number + 1, len(lines) + 1):
        line = lines[place - 1]
        if line.strip() and not line.lstrip().startswith("#"):
            depth = len(line) - len(line.lstrip(" "))
            is_item = not in_list and depth == indent and line.lstrip().startswith("- ")
            if depth <= indent and not is_item and not re.match(r"\s*[\]}]", line):
                break
            last = place
    return max(last, span.line)


def text_of(value: object) -> str:
    """Return a value in YAML's notation on one line; empty for null."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {text_of(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(text_of, value))}]"
    return "" if value is None else str(value)


def items_of(value: object) -> list[Any]:
    """Return the entries of a list; a single value counts as a list of one, None as an empty list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
