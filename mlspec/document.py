"""YAML text to a Document: plain data that knows where each key and value was written."""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

import yaml

from mlspec.errors import KeyPath, Problem, Span, SpecError

Data = str | bool | None | list[Any] | dict[str, Any]
"""What a spec is made of. Numbers stay the text they were written as, so ``3.10`` is not ``3.1``."""

# Marks are None only for events made by hand, and their two classes share no base.
Mark = Any

MAX_BYTES = 256_000
MAX_NODES = 20_000
MAX_DEPTH = 40

# The line breaks of YAML 1.1, as PyYAML counts them.
LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
# YAML 1.2's core schema: `yes`, `on` and `22:22` are text, as their writers mean them.
_SURROGATE = re.compile("[\ud800-\udfff]")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = {"", "~", "null", "Null", "NULL"}
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a document: its data, its place, and the nodes and key places within it."""

    data: Data
    span: Span
    children: Mapping[str | int, Node] = field(default_factory=dict)
    keys: Mapping[str, Span] = field(default_factory=dict)
    size: int = 1


@dataclass(frozen=True)
class Document:
    """A parsed spec: its text, its plain data, and the place of everything in it."""

    file: str
    text: str
    root: Node

    @property
    def data(self) -> dict[str, Any]:
        """The document as plain data; the top is always a mapping."""
        assert isinstance(self.root.data, dict)  # noqa: S101 - parse refuses anything else
        return self.root.data

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The text, line by line, without line ends."""
        return tuple(LINE_BREAK.split(self.text))

    def locate(self, path: KeyPath, *, on_key: bool = False) -> Span:
        """Return where ``path`` was written, or else its nearest enclosing value."""
        node, key_span = self.root, None
        for step in path:
            if step not in node.children:
                return key_span if on_key and key_span else node.span
            key_span = node.keys.get(step) if isinstance(step, str) else None
            node = node.children[step]
        return key_span if on_key and key_span else node.span

    def placed(self, problem: Problem) -> Problem:
        """Return ``problem`` with the file, span and line of its key path; one that has a place keeps it."""
        if problem.file:
            return problem
        if not problem.path:
            return problem.at(self.file, Span(1, 1, 1, 2))
        span = self.locate(problem.path, on_key=problem.on_key)
        return problem.at(self.file, span, problem.excerpt or _line(self.lines, span))


def _with_excerpt(problem: Problem, lines: tuple[str, ...]) -> Problem:
    return problem.at(problem.file, problem.span, _line(lines, problem.span)) if problem.span else problem


def _line(lines: tuple[str, ...], span: Span) -> str:
    # Where a text ends without a line end, an empty value stands on the line that would come next.
    return lines[span.line - 1] if span.line <= len(lines) else ""


def decode(data: bytes, file: str, limit: int = MAX_BYTES) -> str:
    """Return the text of a file's bytes: UTF-8, or UTF-16 and UTF-32 by their byte order mark, with LF line ends.

    Raises SpecError when it is larger than ``limit`` bytes, or is not text.
    """
    if len(data) > limit:
        _refuse(file, "MLS001", f"this file has more than {limit:,} bytes", "is it the right file?")
    mark, encoding = encoding_of(data)
    data = data.removeprefix(mark)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        before = LINE_BREAK.split(data[: error.start].decode(encoding, "ignore"))
        place = Span(len(before), len(before[-1]) + 1, len(before), len(before[-1]) + 2)
        message = f"this file is not {encoding.upper().removesuffix('-LE').removesuffix('-BE')} text"
        problem = Problem(code="MLS001", message=message, hint="save the file as UTF-8")
        raise SpecError(problem.at(file, place)) from None
    return text.replace("\r\n", "\n")


def encoding_of(data: bytes) -> tuple[bytes, str]:
    """Return the byte order mark that a file begins with and the encoding it tells; without one, UTF-8."""
    return next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))


# The mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def quoted(value: str) -> str:
    """Return a value as a message repeats it: in quotes, cut when long, and unable to move a terminal's cursor."""
    cut = value if len(value) <= _LONGEST_QUOTE else f"{value[:_LONGEST_QUOTE]}…"
    return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut) + '"'


_LONGEST_QUOTE = 60


def parse(text: str, file: str) -> Document:
    """Return the document in ``text``; raises SpecError with every problem of its form."""
    if (position := text.find("\ufeff")) >= 0:
        # PyYAML's two loaders read this invisible character differently.
        raise SpecError(_wrong_character(text, position, file))
    try:
        root, problems = _built(text, file)
    except yaml.YAMLError as error:
        raise SpecError(_syntax_problem(error, text, file)) from None
    except (ValueError, OverflowError):
        # PyYAML trusts the numbers of escapes and directives: "\\U00110000" is no character.
        message = "an escape or a directive in this file holds a number that is too large"
        _refuse(file, "MLS001", message, "remove it")
    document = Document(file, text, root)
    if not problems and not isinstance(root.data, dict):
        what = "empty" if root.data is None else "not a mapping of keys to values"
        hint = "the smallest spec is one line, such as: python: 3.12; or run: mlspec init"
        place = Span(1, 1, 1, 2) if root.data is None else root.span
        problems = [Problem(code="MLS003", message=f"the spec is {what}", hint=hint).at(file, place)]
    if problems:
        lines = document.lines
        raise SpecError(*(_with_excerpt(p, lines) for p in problems))
    return document


def _built(text: str, file: str) -> tuple[Node, list[Problem]]:
    # libyaml parses ten times faster; its messages are poorer, so a text it refuses is read again in Python.
    if fast := getattr(yaml, "CSafeLoader", None):
        with contextlib.suppress(yaml.YAMLError, UnicodeError):
            return _Builder(file).build(yaml.parse(text, Loader=fast))
    return _Builder(file).build(yaml.parse(text, Loader=yaml.SafeLoader))


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not been read yet."""

    start: Mark
    is_mapping: bool
    is_flow: bool
    anchor: str | None
    key: tuple[str, Span] | None = None
    children: dict[str | int, Node] = field(default_factory=dict)
    keys: dict[str, Span] = field(default_factory=dict)
    merged: list[Node] = field(default_factory=list)


class _Builder:
    """Events to nodes, without recursion, so that no nesting can exhaust the stack."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.stack: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.root: Node | None = None
        self.nodes = 0

    def build(self, events: Iterator[yaml.Event]) -> tuple[Node, list[Problem]]:
        """Return the root node and the problems met; the root is an empty value where the text has none."""
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._problem("MLS005", "a spec is one document", event, "remove this line and what follows it")
                    break
            elif isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close(event)
        return self.root or Node(None, Span(1, 1, 1, 2)), self.problems

    def _node(self, event: yaml.NodeEvent) -> None:
        self.nodes += 1
        if isinstance(event, yaml.CollectionStartEvent):
            self._check_tag(event.tag, event)
            is_mapping, is_flow = isinstance(event, yaml.MappingStartEvent), bool(event.flow_style)
            self.stack.append(_Open(event.start_mark, is_mapping, is_flow, event.anchor))
            if len(self.stack) > MAX_DEPTH:
                self._stop("MLS006", f"this is nested more than {MAX_DEPTH} levels deep", event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.ScalarEvent):
            self._check_tag(event.tag, event)
            if _SURROGATE.search(event.value):
                self._problem("MLS001", "half of a surrogate pair is no character", event, "write the character itself")
            self._add(Node(_scalar(event), _span(event.start_mark, event.end_mark)), event, event.anchor)
        if self.nodes > MAX_NODES:
            self._stop("MLS006", f"this spec holds more than {MAX_NODES:,} values, aliases counted in full", event)

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = event.anchor
        if name not in self.anchors:
            itself = any(name == open_.anchor for open_ in self.stack)
            message = f"&{name} contains itself" if itself else f"there is no &{name} above for *{name} to repeat"
            hint = "write out what it stands for" if itself else f'a text that begins with * needs quotes: "*{name}"'
            self._problem("MLS007", message, event, hint)
            self._add(Node(None, _span(event.start_mark, event.end_mark)), event, None)
            return
        node = self.anchors[name]
        self.nodes += node.size
        self._add(node, event, None)

    def _add(self, node: Node, event: yaml.NodeEvent, anchor: str | None) -> None:
        if anchor:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1]
        if not parent.is_mapping:
            parent.children[len(parent.children)] = node
        elif parent.key is None:
            parent.key = self._key(node, event)
        else:
            (name, span), parent.key = parent.key, None
            self._put(parent, name, span, node, _place(node, event))

    def _key(self, node: Node, event: yaml.NodeEvent) -> tuple[str, Span]:
        span = _span(event.start_mark, event.end_mark)
        if isinstance(event, yaml.ScalarEvent):
            return event.value, span
        if not isinstance(node.data, str):
            hint = "put the value in quotes, if it is a text that begins with { or ["
            problem = Problem(code="MLS004", message="a key is plain text", hint=hint)
            self.problems.append(problem.at(self.file, _place(node, event)))
        return str(node.data), span

    def _put(self, parent: _Open, name: str, span: Span, node: Node, place: Span) -> None:
        if name == "<<":
            sources = list(node.children.values()) if isinstance(node.data, list) else [node]
            for source in sources:
                if not isinstance(source.data, dict):
                    hint = "name mappings, such as: <<: *defaults"
                    problem = Problem(code="MLS007", message="<< merges mappings only", hint=hint)
                    self.problems.append(problem.at(self.file, place))
                else:
                    parent.merged.append(source)
        elif name in parent.children:
            first = parent.keys[name].line
            message = f"{quoted(name)} is written twice; the first is on line {first}"
            hint = "keep one of them; of two, YAML would silently take the last"
            self.problems.append(Problem(code="MLS004", message=message, hint=hint).at(self.file, span))
        else:
            parent.children[name], parent.keys[name] = node, span

    def _close(self, event: yaml.CollectionEndEvent) -> None:
        done = self.stack.pop()
        for source in done.merged:
            for name, child in source.children.items():
                if name not in done.children:
                    done.children[name], done.keys[str(name)] = child, source.keys[str(name)]
                    self.nodes += child.size
        span = _span(done.start, event.end_mark)
        if not done.is_flow or span.line != span.end_line:
            # A block has no end of its own that a reader would recognise: its first line is the place to show.
            span = Span(span.line, span.column, span.line + 1, 1)
        children = done.children
        data: Data = (
            {str(k): v.data for k, v in children.items()} if done.is_mapping else [v.data for v in children.values()]
        )
        size = 1 + sum(child.size for child in children.values())
        # The event only tells where: a mapping cannot be a key, which _key says of it.
        start = yaml.CollectionStartEvent(done.anchor, None, True, done.start, event.end_mark)
        self._add(Node(data, span, children, done.keys, size), start, done.anchor)

    def _check_tag(self, tag: str | None, event: yaml.Event) -> None:
        if tag is not None and tag not in {"!", *_PLAIN_TAGS}:
            shown = quoted(tag.replace("tag:yaml.org,2002:", "!!"))
            self._problem("MLS007", f"the tag {shown} means nothing in a spec", event, "remove it")

    def _problem(self, code: str, message: str, event: yaml.Event, hint: str = "") -> None:
        span = _span(event.start_mark, event.end_mark)
        self.problems.append(Problem(code=code, message=message, hint=hint).at(self.file, span))

    def _stop(self, code: str, message: str, event: yaml.Event) -> NoReturn:
        problem = Problem(code=code, message=message, hint="is it a spec?")
        raise SpecError(problem.at(self.file, _span(event.start_mark, event.end_mark)))


def _scalar(event: yaml.ScalarEvent) -> str | bool | None:
    if event.tag in {"!", "tag:yaml.org,2002:str"} or not event.implicit[0]:
        return str(event.value)
    if event.value in _NULLS:
        return None
    return _BOOLEANS.get(event.value, str(event.value))


def _place(node: Node, event: yaml.NodeEvent) -> Span:
    """Return where a value stands: for an alias, not where its anchor does."""
    return _span(event.start_mark, event.end_mark) if isinstance(event, yaml.AliasEvent) else node.span


def _span(start: Mark, end: Mark) -> Span:
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _refuse(file: str, code: str, message: str, hint: str) -> NoReturn:
    raise SpecError(Problem(code=code, message=message, hint=hint).at(file, Span(1, 1, 1, 2)))


@dataclass(frozen=True, slots=True)
class _Said:
    """What PyYAML says, by a part of it, and what a person needs to hear: ours, and what to type."""

    words: str
    message: str
    hint: str
    where_it_began: bool = False


_SYNTAX = (
    _Said("'\\t'", "a tab cannot indent YAML", "use spaces"),
    _Said(
        "mapping values are not allowed",
        'a ": " is not expected here',
        'indent this line like the ones around it, or quote the value: key: "text: more text"',
    ),
    _Said(
        "expected <block end>",
        "this does not fit what is written above it",
        "indent it like the line it belongs to; a text with quotes in it needs quotes around the whole",
    ),
    _Said("could not find expected ':'", "this line has no colon after its key", 'write it as "key: value"', True),
    _Said("expected ',' or ']'", "this list is not closed", "add the missing ] or ,", True),
    _Said("expected ',' or '}'", "this mapping is not closed", "add the missing } or ,", True),
    _Said("found unexpected end of stream", "a quote is opened and never closed", "add the missing quote", True),
    _Said("cannot start any token", "a plain value cannot begin with this character", "put the value in quotes"),
    _Said(
        "expected alphabetic or numeric",
        "a plain value cannot begin with this character",
        "put the value in quotes",
        True,
    ),
    _Said(
        "unknown escape character",
        "this escape is unknown in double quotes",
        "use single quotes, or write \\\\ for a backslash",
    ),
)


_HINT = "look at the quotes, brackets and indentation here"


def _syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    lines = LINE_BREAK.split(text)
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        words = f"{error.context or ''} {error.problem or ''}".strip()
        said = next(said for said in (*_SYNTAX, _Said("", words, _HINT)) if said.words in words)
        mark = error.context_mark if said.where_it_began and error.context_mark else mark
        line = min(mark.line, len(lines) - 1)
        span = Span(line + 1, mark.column + 1, line + 1, mark.column + 2)
        return Problem(code="MLS002", message=said.message, hint=said.hint).at(file, span, lines[line])
    return _wrong_character(text, getattr(error, "position", 0), file)


def _wrong_character(text: str, position: int, file: str) -> Problem:
    before = LINE_BREAK.split(text[:position])
    span = Span(len(before), len(before[-1]) + 1, len(before), len(before[-1]) + 2)
    character = f"U+{ord(text[position]):04X}" if position < len(text) else "the end"
    hint = "remove it, or save the file as UTF-8" if character == "U+0000" else "remove it"
    return Problem(code="MLS001", message=f"the character {character} cannot stand in YAML", hint=hint).at(file, span)
