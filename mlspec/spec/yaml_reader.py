"""Convert YAML's events to nodes: plain data, and the place of each key and value."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from mlspec.errors import Problem, Span, SpecError, quote_value

Data = str | bool | None | list[Any] | dict[str, Any]
"""The data of a spec. Numbers stay texts as they were written, so ``3.10`` is not ``3.1``."""

# Marks are None only in events that code makes itself, and their two classes share no base.
Mark = Any

MAX_NODES = 20_000
MAX_DEPTH = 40

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# As in YAML 1.2's core schema, `yes`, `on` and `22:22` are texts, which is what their writers mean.
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = {"", "~", "null", "Null", "NULL"}
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a document: its data, its place, its child nodes and the places of their keys."""

    data: Data
    span: Span
    children: Mapping[str | int, Node] = field(default_factory=dict)
    keys: Mapping[str, Span] = field(default_factory=dict)
    size: int = 1


def build_nodes(text: str, file: str) -> tuple[Node, list[Problem]]:
    """Return the root of ``text`` and the problems in it; raises yaml.YAMLError if the text is not YAML.

    Raises SpecError at once if the text is nested too deeply, or has too many values.
    """
    # libyaml parses ten times faster, but its messages are poorer: Python parses a text again that libyaml refuses.
    if fast := getattr(yaml, "CSafeLoader", None):
        with contextlib.suppress(yaml.YAMLError, UnicodeError):
            return _Builder(file).build(yaml.parse(text, Loader=fast))
    return _Builder(file).build(yaml.parse(text, Loader=yaml.SafeLoader))


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end is not read yet."""

    start: Mark
    is_mapping: bool
    is_flow: bool
    anchor: str | None
    key: tuple[str, Span] | None = None
    children: dict[str | int, Node] = field(default_factory=dict)
    keys: dict[str, Span] = field(default_factory=dict)
    merged: list[Node] = field(default_factory=list)


class _Builder:
    """Converts events to nodes, without recursion, so that no nesting can exhaust the stack."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.stack: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.root: Node | None = None
        self.nodes = 0

    def build(self, events: Iterator[yaml.Event]) -> tuple[Node, list[Problem]]:
        """Return the root node and all problems; the root of an empty text is an empty value."""
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
            # JSON, which is YAML 1.2, writes characters beyond U+FFFF as two escapes.
            event.value = _PAIR.sub(_join_surrogates, event.value)
            if _SURROGATE.search(event.value):
                self._problem(
                    "MLS001", "half of a surrogate pair is not a character", event, "write the character itself"
                )
            self._add(Node(_scalar(event), _span(event.start_mark, event.end_mark)), event, event.anchor)
        if self.nodes > MAX_NODES:
            self._stop("MLS006", f"this spec has more than {MAX_NODES:,} values, aliases counted in full", event)

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = event.anchor
        if name not in self.anchors:
            itself = any(name == open_.anchor for open_ in self.stack)
            message = f"&{name} contains itself" if itself else f"there is no &{name} above for *{name} to repeat"
            hint = "write the value itself" if itself else f'a text that begins with * needs quotes: "*{name}"'
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
            message = f"{quote_value(name)} is defined twice; the first is on line {first}"
            hint = "keep one of them; YAML would silently use the last"
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
            # A block has no end that a reader would recognise, so its first line is the place in messages.
            span = Span(span.line, span.column, span.line + 1, 1)
        children = done.children
        data: Data = (
            {str(k): v.data for k, v in children.items()} if done.is_mapping else [v.data for v in children.values()]
        )
        size = 1 + sum(child.size for child in children.values())
        # This event only has the place: a mapping cannot be a key, and _key reports that.
        start = yaml.CollectionStartEvent(done.anchor, None, True, done.start, event.end_mark)
        self._add(Node(data, span, children, done.keys, size), start, done.anchor)

    def _check_tag(self, tag: str | None, event: yaml.Event) -> None:
        if tag is not None and tag not in {"!", *_PLAIN_TAGS}:
            shown = quote_value(tag.replace("tag:yaml.org,2002:", "!!"))
            self._problem("MLS007", f"the tag {shown} means nothing in a spec", event, "remove it")

    def _problem(self, code: str, message: str, event: yaml.Event, hint: str = "") -> None:
        span = _span(event.start_mark, event.end_mark)
        self.problems.append(Problem(code=code, message=message, hint=hint).at(self.file, span))

    def _stop(self, code: str, message: str, event: yaml.Event) -> NoReturn:
        problem = Problem(code=code, message=message, hint="is it a spec?")
        raise SpecError(problem.at(self.file, _span(event.start_mark, event.end_mark)))


def _join_surrogates(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")


def _scalar(event: yaml.ScalarEvent) -> str | bool | None:
    if event.tag in {"!", "tag:yaml.org,2002:str"} or not event.implicit[0]:
        return str(event.value)
    if event.value in _NULLS:
        return None
    return _BOOLEANS.get(event.value, str(event.value))


def _place(node: Node, event: yaml.NodeEvent) -> Span:
    """Return the place of a value; for an alias, the place of the alias and not of its anchor."""
    return _span(event.start_mark, event.end_mark) if isinstance(event, yaml.AliasEvent) else node.span


def _span(start: Mark, end: Mark) -> Span:
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)
