"""The values of other tools' TOML files, each with its place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlspec.advice.imports.verdicts import ImportSource
from mlspec.errors import KeyPath, Problem, Span, SpecError
from mlspec.lock.requirements.sources.source_tables import TomlText


@dataclass(frozen=True, slots=True)
class TomlValue:
    """A value that is not a table: its path, its line number, and the value itself."""

    path: KeyPath
    number: int
    value: Any

    @property
    def names(self) -> tuple[str, ...]:
        """The keys on the path, without indexes of lists."""
        return tuple(str(step) for step in self.path if isinstance(step, str))

    @property
    def text(self) -> str:
        """The key and the value on one line; for an entry of a list, only the entry."""
        shown = str(self.value).lower() if isinstance(self.value, bool) else str(self.value)
        return f"{self.path[-1]} = {shown}" if isinstance(self.path[-1], str) else shown


def parse_toml(source: ImportSource) -> TomlText:
    """Parse a file to data with places; raise SpecError at the line of a syntax error."""
    try:
        return TomlText(source.text, source.file, tomllib.loads(source.text))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column (\d+)", str(error))
        number, column = (int(place[1]), int(place[2])) if place else (len(source.lines), 1)
        message = re.sub(r"\s*\(at [^)]*\)", "", str(error))
        message = f"this is not TOML: {message[:1].lower()}{message[1:]}"
    except RecursionError:
        number, column, message = 1, 1, "this is not TOML: it is nested too deeply"
    problem = Problem(code="MLS417", message=message, hint="correct this line, or import another file")
    raise SpecError(problem.at(source.file, Span(number, column, number, column + 1), source.lines[number - 1]))


def walk_toml(toml: TomlText) -> Iterator[TomlValue]:
    """Yield the values of a document, ordered by line number."""
    found = [TomlValue(path, _line_of(toml, path), value) for path, value in _walk(toml.data, ())]
    yield from sorted(found, key=lambda one: one.number)


def _line_of(toml: TomlText, path: KeyPath) -> int:
    span = toml.place(*path).span
    return span.line if span else 1


def _walk(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _walk(item, (*path, key))
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from _walk(item, (*path, number))
    else:
        yield path, value
