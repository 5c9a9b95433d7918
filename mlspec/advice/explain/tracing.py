"""The rendering of templates that records, for each line of the output, its template line and its values."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from mlspec.targets.filters import environment

Field = tuple[str | int, ...]
"""The path to a value of a template: ``("plan", "apt", 0)``."""

# Marks around the output of each site. No value of a spec has a control character, so no value looks like a mark.
_OPEN, _END, _CLOSE = "\x01", "\x02", "\x03"
_MARKS = re.compile(f"{_OPEN}([0-9]+)(?:,([0-9]+))?{_END}|({_CLOSE})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place in a template: its line, the fields that it reads, and the names that it binds.

    ``prints`` is true for a printed value, false for a condition, a loop or a macro. ``repeats`` is true for a loop.
    """

    template: str
    line: int
    source: str
    reads: tuple[tuple[str, ...], ...] = ()
    binds: tuple[str, ...] = ()
    prints: bool = False
    repeats: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One line of an artifact: the place in a template where it begins, the fields that it prints, its conditions.

    ``conditions`` are the fields of the tests and loops around the line, innermost first.
    """

    text: str
    site: Site
    fields: tuple[Field, ...] = ()
    conditions: tuple[Field, ...] = ()


def trace_template(template: str, **values: object) -> tuple[Traced, ...]:
    """Render a template with these values, and return its lines with their places in the template and their fields."""
    marked = _environment()
    text = marked.get_template(template).render(**values)
    tree = _tree(text, _sites(marked))
    pieces = tuple(_pieces(tree, values, {name: (name,) for name in values}))
    return tuple(_line(line) for line in _lines(pieces))


def draw_without_marks(template: str, **values: object) -> str:
    """Render the marked template and remove the marks: the result equals the output of the real template."""
    return _MARKS.sub("", _environment().get_template(template).render(**values))


# Templates with marks


class _MarkingLoader(jinja2.BaseLoader):
    """The templates of another loader, with marks around all parts of their output."""

    def __init__(self, inner: jinja2.BaseLoader) -> None:
        self.inner = inner
        self.sites: list[Site] = []

    def load(
        self, environment: jinja2.Environment, name: str, globals: MutableMapping[str, Any] | None = None
    ) -> jinja2.Template:
        source, file, _ = self.inner.get_source(environment, name)
        tree = _Marker(name, source.split("\n"), self.sites).visit(environment.parse(source, name, file))
        code = environment.compile(tree, name, file)
        return environment.template_class.from_code(environment, code, {} if globals is None else globals)


@cache
def _environment() -> jinja2.Environment:
    real = environment()
    assert real.loader is not None  # noqa: S101 - the environment of the templates has one
    return real.overlay(loader=_MarkingLoader(real.loader), cache_size=50)


def _sites(marked: jinja2.Environment) -> Sequence[Site]:
    assert isinstance(marked.loader, _MarkingLoader)  # noqa: S101 - made above
    return marked.loader.sites


class _Marker(NodeTransformer):
    """A transformer that marks the beginning and end of every text, value, loop, test and macro of a template."""

    def __init__(self, template: str, source: Sequence[str], sites: list[Site]) -> None:
        self.template, self.source, self.sites = template, source, sites

    def visit_Output(self, node: nodes.Output) -> nodes.Node:
        parts: list[nodes.Expr] = []
        for child in node.nodes:
            if isinstance(child, nodes.TemplateData):
                for offset, text in enumerate(re.findall("[^\n]*\n|[^\n]+", child.data)):
                    parts += [*self._open(child.lineno + offset), nodes.TemplateData(text), *_close()]
            else:
                reads = tuple(_chains(child))
                parts += [*self._open(child.lineno, reads=reads, prints=True), child, *_close()]
        return nodes.Output(parts, lineno=node.lineno)

    def visit_If(self, node: nodes.If) -> nodes.Node:
        self.generic_visit(node)
        reads = tuple(_chains(node.test))
        node.body = self._around(node.body, node.lineno, reads=reads)
        if node.else_:
            node.else_ = self._around(node.else_, node.lineno, reads=reads)
        return node

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        assert isinstance(node.target, nodes.Name)  # noqa: S101 - the templates unpack nothing
        reads, binds = tuple(_chains(node.iter)), (node.target.name,)
        node.body = self._around(node.body, node.lineno, reads=reads, binds=binds, repeats=True)
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:
        self.generic_visit(node)
        node.body = self._around(node.body, node.lineno, binds=tuple(argument.name for argument in node.args))
        return node

    def _around(self, body: list[nodes.Node], line: int, **facts: Any) -> list[nodes.Node]:  # noqa: ANN401 - of Site
        return [nodes.Output(self._open(line, **facts)), *body, nodes.Output(_close())]

    def _open(self, line: int, **facts: Any) -> list[nodes.Expr]:  # noqa: ANN401 - of Site
        site = Site(template=self.template, line=line, source=self.source[line - 1].strip(), **facts)
        self.sites.append(site)
        number = nodes.TemplateData(f"{_OPEN}{len(self.sites) - 1}")
        if not site.repeats:
            return [number, nodes.TemplateData(_END)]
        index = nodes.Getattr(nodes.Name("loop", "load"), "index0", "load")
        return [number, nodes.TemplateData(","), index, nodes.TemplateData(_END)]


def _close() -> list[nodes.Expr]:
    return [nodes.TemplateData(_CLOSE)]


def _chains(node: nodes.Node) -> Iterator[tuple[str, ...]]:
    """Yield the variables that an expression reads, as chains of names: ``plan.files.spec``.

    For a call, only the arguments count.
    """
    if isinstance(node, nodes.Call):
        for argument in node.args:
            yield from _chains(argument)
    elif chain := _chain(node):
        yield chain
    else:
        for child in node.iter_child_nodes():
            yield from _chains(child)


def _chain(node: nodes.Node) -> tuple[str, ...]:
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr) and (before := _chain(node.node)):
        return (*before, node.attr)
    return ()


# Text with marks


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The output of one site: texts, and the output of the sites within it; ``index`` is the round of a loop."""

    site: Site
    index: int
    parts: list[str | _Drawn] = dataclasses.field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A continuous part of the output that one place of a template printed."""

    text: str
    site: Site
    fields: tuple[Field, ...]
    conditions: tuple[Field, ...]


def _tree(text: str, sites: Sequence[Site]) -> _Drawn:
    open_ = [_Drawn(Site(template="", line=0, source=""), 0)]
    end = 0
    for mark in _MARKS.finditer(text):
        open_[-1].parts.append(text[end : mark.start()])
        end = mark.end()
        if mark[3]:
            open_.pop()
        else:
            inner = _Drawn(sites[int(mark[1])], int(mark[2] or 0))
            open_[-1].parts.append(inner)
            open_.append(inner)
    return open_[0]


def _pieces(
    drawn: _Drawn,
    values: Mapping[str, object],
    scope: Mapping[str, Field],
    conditions: tuple[Field, ...] = (),
    arguments: tuple[Field, ...] = (),
) -> Iterator[_Piece]:
    site = drawn.site
    read = tuple((*scope[chain[0]], *chain[1:]) for chain in site.reads)
    if site.repeats:
        scope = {**scope, site.binds[0]: (*read[0], drawn.index)}
        conditions = ((*read[0], drawn.index), *conditions)
    elif site.binds:
        scope = dict(zip(site.binds, arguments, strict=True))
    elif site.reads and not site.prints:
        conditions = (*read, *conditions)
    if site.prints and all(isinstance(part, str) for part in drawn.parts):
        yield from _value_pieces(drawn, values, read, conditions)
        return
    for part in drawn.parts:
        if isinstance(part, _Drawn):
            yield from _pieces(part, values, scope, conditions, read)
        elif part:
            yield _Piece(part, site, (), conditions)


def _value_pieces(
    drawn: _Drawn, values: Mapping[str, object], read: tuple[Field, ...], conditions: tuple[Field, ...]
) -> Iterator[_Piece]:
    """Yield the lines of a printed value; if a list is printed with one item a line, each line has its item's field."""
    lines = re.findall("[^\n]*\n|[^\n]+", drawn.text)
    items = value_at(values, read[0]) if len(read) == 1 else None
    is_list = isinstance(items, Sequence) and not isinstance(items, str) and len(items) == len(lines)
    for number, line in enumerate(lines):
        yield _Piece(line, drawn.site, ((*read[0], number),) if is_list else read, conditions)


def value_at(values: Mapping[str, Any], field: Field) -> object:
    """Return the value of a field, or None if a name or an index of the field does not exist.

    The first step is a name in ``values``. The other steps are attributes, names in mappings and indexes.
    """
    value = values[str(field[0])]
    for step in field[1:]:
        if value is None:
            return None
        # isinstance with Mapping is slow, and this line runs a hundred thousand times for one explanation.
        if isinstance(value, dict) or (not isinstance(value, tuple) and isinstance(value, Mapping)):
            value = value.get(str(step))
        elif isinstance(step, int):
            value = value[step] if step < len(value) else None
        else:
            value = getattr(value, step)
    return value


def _lines(pieces: Iterable[_Piece]) -> Iterator[tuple[_Piece, ...]]:
    line: list[_Piece] = []
    for piece in pieces:
        line.append(piece)
        if piece.text.endswith("\n"):
            yield tuple(line)
            line = []
    if line:
        yield tuple(line)


def _line(pieces: tuple[_Piece, ...]) -> Traced:
    text = "".join(piece.text for piece in pieces).removesuffix("\n")
    # A line begins with its first visible piece: a value may be empty.
    first = next((piece for piece in pieces if piece.text.strip()), pieces[0])
    fields = dict.fromkeys(field for piece in pieces if piece.text.strip() for field in piece.fields)
    conditions = dict.fromkeys(field for piece in pieces for field in piece.conditions)
    return Traced(text=text, site=first.site, fields=tuple(fields), conditions=tuple(conditions))
