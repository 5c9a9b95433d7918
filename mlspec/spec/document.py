"""Parse YAML text to a Document: plain data that knows the place of each key and value."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from mlspec.errors import KeyPath, Problem, Span, SpecError
from mlspec.spec import complaints, yaml_reader
from mlspec.spec.encoding import LINE_BREAK
from mlspec.spec.yaml_reader import Node


@dataclass(frozen=True)
class Document:
    """A parsed spec: its text, its plain data, and the place of each key and value.

    ``folder`` has the names in the real path of the spec's folder, or is None if the text is in no folder: with
    ``context``, the last of the names reach the image.
    """

    file: str
    text: str
    root: Node
    folder: tuple[str, ...] | None = field(default=None, repr=False, compare=False)

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
        """Return the place of ``path``, or else of its nearest enclosing value."""
        node, key_span = self.root, None
        for step in path:
            if step not in node.children:
                return key_span if on_key and key_span else node.span
            key_span = node.keys.get(step) if isinstance(step, str) else None
            node = node.children[step]
        return key_span if on_key and key_span else node.span

    def place(self, problem: Problem) -> Problem:
        """Return ``problem`` with the file, span and line of its key path; a problem with a place keeps it."""
        if problem.file:
            return problem
        if not problem.path:
            return problem.at(self.file, Span(1, 1, 1, 2))
        span = self.locate(problem.path, on_key=problem.on_key)
        return problem.at(self.file, span, problem.excerpt or _line(self.lines, span))


def _with_excerpt(problem: Problem, lines: tuple[str, ...]) -> Problem:
    return problem.at(problem.file, problem.span, _line(lines, problem.span)) if problem.span else problem


def _line(lines: tuple[str, ...], span: Span) -> str:
    # If a text ends without a line end, an empty value at its end is on a line that does not exist.
    return lines[span.line - 1] if span.line <= len(lines) else ""


def parse(text: str, file: str, folder: tuple[str, ...] | None = None) -> Document:
    """Return the document in ``text``, from ``file`` in ``folder``; raises SpecError with all problems of its form."""
    if (position := text.find("\ufeff")) >= 0:
        # PyYAML's two loaders read this invisible character differently.
        raise SpecError(complaints.wrong_character(text, position, file))
    try:
        root, problems = yaml_reader.build_nodes(text, file)
    except yaml.YAMLError as error:
        raise SpecError(complaints.syntax_problem(error, text, file)) from None
    except (ValueError, OverflowError):
        # PyYAML does not check the numbers in escapes and directives: "\\U00110000" is no character.
        message = "an escape or a directive in this file contains a number that is too large"
        problem = Problem(code="MLS001", message=message, hint="remove it")
        raise SpecError(problem.at(file, Span(1, 1, 1, 2))) from None
    document = Document(file, text, root, folder)
    if not problems and not isinstance(root.data, dict):
        what = "empty" if root.data is None else "not a mapping of keys to values"
        hint = "the smallest spec is one line, such as: python: 3.12; or run: mlspec init"
        place = Span(1, 1, 1, 2) if root.data is None else root.span
        problems = [Problem(code="MLS003", message=f"the spec is {what}", hint=hint).at(file, place)]
    if problems:
        lines = document.lines
        raise SpecError(*(_with_excerpt(p, lines) for p in problems))
    return document
