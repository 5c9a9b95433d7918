"""Convert repairs to edits in place, so that comments, order, quotes and line ends of a spec stay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mlspec.errors import Add, Edit, KeyPath, Rename, Repair, Replace, SetKey, Span, Split
from mlspec.spec.document import Document
from mlspec.spec.encoding import LINE_BREAK
from mlspec.spec.keys import Settings
from mlspec.spec.plain_yaml import scalar
from mlspec.spec.yaml_reader import Node

# A new key comes after its nearest predecessor in this order.
_ORDER = ("name", "targets", *Settings.model_fields)


def ways(document: Document, repair: Repair) -> Iterator[Edit]:
    """Yield the edits of ``document`` that may make this repair, the plainest first; none if none is known."""
    if isinstance(repair, Rename):
        yield from _at(document, document.locate(repair.path, on_key=True), str(repair.path[-1]), repair.name)
    elif isinstance(repair, Replace):
        yield from _at(document, document.locate(repair.path), repair.old, repair.new)
    elif isinstance(repair, SetKey):
        yield from _new_key(document, repair.path, repair.value)
    elif isinstance(repair, Split):
        yield from _split(document, repair)
    else:
        yield from _ways_to_add(document, repair)


def _source(document: Document, span: Span) -> str | None:
    """Return the text at a place; None if it has several lines."""
    if span.line != span.end_line or span.line > len(document.lines):
        return None
    return document.lines[span.line - 1][span.column - 1 : span.end_column - 1]


def _at(document: Document, span: Span, old: str, new: str | bool) -> Iterator[Edit]:
    source = _source(document, span)
    if source is None:
        return
    if isinstance(new, bool):
        yield Edit(document.file, span, json.dumps(new))
    elif source.count(old) == 1:
        changed = source.replace(old, new)
        yield Edit(document.file, span, changed)
        yield Edit(document.file, span, json.dumps(changed, ensure_ascii=False))


# Lists


def _words(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(scalar, items))


def _node(document: Document, path: KeyPath) -> Node | None:
    node: Node | None = document.root
    for step in path:
        node = node.children.get(step) if node else None
    return node


def _is_flow(document: Document, node: Node) -> bool:
    return document.lines[node.span.line - 1][node.span.column - 1 :].startswith(("[", "{"))


def _split(document: Document, repair: Split) -> Iterator[Edit]:
    span, parent = document.locate(repair.path), _node(document, repair.path[:-1])
    source = _source(document, span)
    if source is None or parent is None:
        return
    words = _words(repair.items) if len(repair.items) > 1 else (source,)
    if not isinstance(parent.data, list):
        yield Edit(document.file, span, f"[{', '.join(words)}]")
    elif _is_flow(document, parent):
        yield Edit(document.file, span, ", ".join(words))
    else:
        margin = " " * (parent.span.column - 1)
        yield Edit(document.file, span, f"\n{margin}- ".join(words))


def _ways_to_add(document: Document, repair: Add) -> Iterator[Edit]:
    node, words = _node(document, repair.path), _words(repair.items)
    if node is None:
        yield from _new_key(document, repair.path, f"[{', '.join(words)}]")
    elif node.data is None or node.data == []:
        blank = "" if _source(document, node.span) else " "
        yield Edit(document.file, _whole(document, node.span), f"{blank}[{', '.join(words)}]")
    elif isinstance(node.data, str) and (source := _source(document, node.span)):
        yield Edit(document.file, node.span, f"[{', '.join((source, *words))}]")
    elif isinstance(node.data, list):
        last = node.children[len(node.data) - 1].span
        if _is_flow(document, node):
            place = Span(last.end_line, last.end_column, last.end_line, last.end_column)
            yield Edit(document.file, place, "".join(f", {word}" for word in words))
        else:
            margin = " " * (node.span.column - 1)
            yield _below(document, last.end_line, (f"{margin}- {word}" for word in words))


def _whole(document: Document, span: Span) -> Span:
    """Return the place of an empty list on one line: ``[]``, with the blanks in it."""
    line = document.lines[span.line - 1] if span.line <= len(document.lines) else ""
    empty = re.compile(r"\[\s*\]").match(line, span.column - 1)
    return Span(span.line, span.column, span.line, empty.end() + 1) if empty else span


def _below(document: Document, line: int, texts: Iterable[str]) -> Edit:
    end = len(document.lines[line - 1]) + 1
    return Edit(document.file, Span(line, end, line, end), "".join(f"\n{text}" for text in texts))


# Keys


def _new_key(document: Document, path: KeyPath, value: str) -> Iterator[Edit]:
    *above, name = path
    parent = _node(document, tuple(above))
    if parent is None:
        return
    if not parent.keys:
        source = _source(document, parent.span)
        if parent.data in (None, {}) and source is not None:
            yield Edit(document.file, parent.span, f"{'' if source else ' '}{{{name}: {value}}}")
        return
    keys = sorted(parent.keys.items(), key=lambda item: item[1])
    before = _predecessor(parent.keys, str(name))
    if _is_flow(document, parent):
        behind = next((span for _, span in keys if span > before), before)
        place = Span(behind.line, behind.column, behind.line, behind.column)
        yield Edit(document.file, place, f"{name}: {value}, ")
        return
    following = next((span.line for _, span in keys if span > before), _line_after(document, tuple(above)))
    margin = " " * (keys[0][1].column - 1)
    yield _below(document, _last_line(document.lines, following), [f"{margin}{name}: {value}"])


def _predecessor(keys: Mapping[str, Span], name: str) -> Span:
    known = [key for key in _ORDER[: _ORDER.index(name)] if key in keys] if name in _ORDER else []
    return keys[known[-1]] if known else max(keys.values())


def _line_after(document: Document, path: KeyPath) -> int:
    """Return the line of the key after the mapping at ``path``, or the line after the end of the text."""
    for length in range(len(path) - 1, -1, -1):
        here, level = document.locate(path[: length + 1], on_key=True), _node(document, path[:length])
        if after := sorted(span.line for span in (level.keys.values() if level else ()) if span > here):
            return after[0]
    return len(document.lines) + 1


def _last_line(lines: Sequence[str], following: int) -> int:
    """Return the last line above ``following`` that is neither empty nor a comment."""
    above = range(following - 1, 0, -1)
    return next((number for number in above if lines[number - 1].strip() and not _COMMENT.match(lines[number - 1])), 1)


_COMMENT = re.compile(r"\s*#")


# Texts


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Return ``text`` after ``edits``; of two overlapping edits, only the later in the text is applied.

    New lines get the line ends of their neighbours.
    """
    lines = _with_breaks(text)
    done = Span(len(lines) + 1, 1, len(lines) + 1, 1)
    for edit in sorted(edits, key=lambda edit: edit.span, reverse=True):
        span = edit.span
        if (span.end_line, span.end_column) >= (done.line, done.column):
            continue
        line, ending = lines[span.line - 1]
        written = edit.text.replace("\n", ending or next((other for _, other in lines if other), "\n"))
        lines[span.line - 1] = line[: span.column - 1] + written + line[span.end_column - 1 :], ending
        done = span
    return "".join(line + ending for line, ending in lines)


def _with_breaks(text: str) -> list[tuple[str, str]]:
    """Return the lines of a text as YAML counts them, each with its line break."""
    parts = re.split(f"({LINE_BREAK.pattern})", text)
    return [(line, ending) for line, ending in zip(parts[::2], [*parts[1::2], ""], strict=True)]
