"""Convert PyYAML's syntax errors to problems that a person can understand."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from mlspec.errors import Problem, Span
from mlspec.spec.encoding import LINE_BREAK, end_of


@dataclass(frozen=True, slots=True)
class _Said:
    """A part of a message of PyYAML, and its replacement: our message and a hint."""

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


def syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    """Return the problem for an error of PyYAML about ``text``."""
    lines = LINE_BREAK.split(text)
    if (number := next((n for n, line in enumerate(lines) if line.startswith("<<<<<<< ")), -1)) >= 0:
        hint = "keep one of them, and remove the lines that begin with <<<<<<<, ======= and >>>>>>>"
        problem = Problem(code="MLS002", message="this file has unresolved merge conflicts", hint=hint)
        return problem.at(file, Span(number + 1, 1, number + 1, len(lines[number]) + 1), lines[number])
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        words = f"{error.context or ''} {error.problem or ''}".strip()
        said = next(said for said in (*_SYNTAX, _Said("", words, _HINT)) if said.words in words)
        mark = error.context_mark if said.where_it_began and error.context_mark else mark
        line = min(mark.line, len(lines) - 1)
        span = Span(line + 1, mark.column + 1, line + 1, mark.column + 2)
        return Problem(code="MLS002", message=said.message, hint=said.hint).at(file, span, lines[line])
    return wrong_character(text, getattr(error, "position", 0), file)


def wrong_character(text: str, position: int, file: str) -> Problem:
    """Return the problem of a character that YAML does not allow, at its position in ``text``."""
    character = f"U+{ord(text[position]):04X}" if position < len(text) else "the end"
    hint = "remove it, or save the file as UTF-8" if character == "U+0000" else "remove it"
    problem = Problem(code="MLS001", message=f"YAML does not allow the character {character}", hint=hint)
    return problem.at(file, end_of(text[:position]))
