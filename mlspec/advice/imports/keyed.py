"""The reader of another tool's YAML or JSON mapping by a table from key to function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.advice.imports.yaml_source import end_of, items_of, line_of, text_of
from mlspec.errors import KeyPath
from mlspec.lock.requirements.sources.source_tables import TomlText
from mlspec.spec.document import Document


@dataclass(frozen=True, slots=True)
class Keyed:
    """A value in a file: the file, the parsed document, the path of the value, the value, and the whole mapping."""

    source: ImportSource
    read: Document | TomlText
    path: KeyPath
    value: Any
    top: Mapping[str, Any] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The line of the key, or of an entry of a list."""
        if isinstance(self.read, TomlText):
            span = self.read.place(*self.path).span
            return span.line if span else 1
        return line_of(self.read, self.path)

    @property
    def end(self) -> int:
        """The last line of the value."""
        return self.number if isinstance(self.read, TomlText) else end_of(self.read, self.path, self.number)

    @property
    def name(self) -> str:
        """The last key of the path."""
        return next((step for step in reversed(self.path) if isinstance(step, str)), "")

    @property
    def text(self) -> str:
        """The key and its value on one line; for an entry of a list, only the entry."""
        shown = text_of(self.value)
        return f"{self.path[-1]}: {shown}".rstrip(": ") if isinstance(self.path[-1], str) else shown

    def items(self) -> Iterator[Keyed]:
        """Yield the entries of a list, each with its place; a single value counts as the only entry."""
        if not isinstance(self.value, list):
            if self.value is not None:
                yield self
            return
        for number, item in enumerate(items_of(self.value)):
            yield replace(self, path=(*self.path, number), value=item)

    def pairs(self) -> Iterator[Keyed]:
        """Yield the values of a mapping, each with its place."""
        for key, value in self.value.items() if isinstance(self.value, dict) else ():
            yield replace(self, path=(*self.path, key), value=value)

    def carry(self, key: str = "", value: Any = None, why: str = "") -> LineVerdict:  # noqa: ANN401
        """Return the verdict that the spec has the value unchanged."""
        return self._spread(self.source.carry(self.number, self.text, key, value, why))

    def change(self, key: str, value: Any, why: str) -> LineVerdict:  # noqa: ANN401
        """Return the verdict that the spec has the value in another form."""
        return self._spread(self.source.change(self.number, self.text, key, value, why))

    def guess(self, key: str, value: Any, why: str) -> LineVerdict:  # noqa: ANN401
        """Return the verdict that the meaning of the value is a guess."""
        return self._spread(self.source.guess(self.number, self.text, key, value, why))

    def doubt(self, key: str, why: str) -> LineVerdict:
        """Return the verdict that a person has to decide about the value."""
        return self._spread(self.source.doubt(self.number, self.text, key, why))

    def lose(self, why: str) -> LineVerdict:
        """Return the verdict that the spec does not have the value."""
        return self._spread(self.source.lose(self.number, self.text, why))

    def _spread(self, verdict: LineVerdict) -> LineVerdict:
        return replace(verdict, end=max(self.end, verdict.number))


KeyReader = Callable[[Keyed], Iterator[LineVerdict]]


def read_keys(top: Keyed, table: Mapping[str, KeyReader], tool: str) -> Iterator[LineVerdict]:
    """Yield the verdicts on the values of a mapping, each by the function of the table for its key.

    A key that the table lacks is lost. An empty value is carried without a key.
    """
    for one in top.pairs():
        if str(one.path[-1]).startswith(("x-", ".")):
            yield one.carry(why="used below")
        elif one.value is None or one.value in ([], {}, ""):
            yield one.carry(why="the value is empty")
        elif reader := table.get(str(one.path[-1])):
            yield from reader(one)
        else:
            yield one.lose(f"a spec has no equivalent of this key of {tool}")


def lose_because(why: str) -> KeyReader:
    """Return a reader that marks a value as lost, with a reason."""

    def read(one: Keyed) -> Iterator[LineVerdict]:
        yield one.lose(why)

    return read


def ignore_because(why: str) -> KeyReader:
    """Return a reader for a value that a spec does not need, with a reason."""

    def read(one: Keyed) -> Iterator[LineVerdict]:
        yield one.carry(why=why)

    return read
