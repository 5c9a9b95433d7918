"""Checks of problems: each has a file and a valid place, no control characters, and reports can be parsed again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from mlspec.advice.formats import report
from mlspec.errors import MlspecError, Problem, Span
from mlspec.spec.encoding import LINE_BREAK, decode

# Control characters except tabs and line breaks, and the characters that change the direction of text.
HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
LARGE = 30_000_000


def check_problems(problems: Iterable[Problem], folder: Path) -> None:
    """Raise AssertionError if a problem is not presentable. The message begins with the kind of the failure."""
    for problem in problems:
        said = str(problem)
        if hidden := HIDDEN.search(said):
            where = "message" if HIDDEN.search(problem.message + problem.hint) else "excerpt"
            raise AssertionError(f"terminal {where}: {problem.code}: {hidden[0]!r} in {said[:300]!r}")
        if not problem.file:
            raise AssertionError(f"place {problem.code}: no file: {said[:200]!r}")
        if problem.span:
            _check_place(problem, problem.span, folder)


def _check_place(problem: Problem, span: Span, folder: Path) -> None:
    place = folder / problem.file
    if not place.is_file():
        raise AssertionError(f"place {problem.code}: no such file: {problem.file!r}")
    try:
        text = decode(place.read_bytes(), problem.file, LARGE)
    except MlspecError:
        return
    # Count lines as YAML does, or as other formats do.
    counts = (LINE_BREAK.split(text), text.split("\n"), re.split("\r\n|[\r\n]", text))
    if not any(_is_inside(span, lines) for lines in counts):
        raise AssertionError(f"place {problem.code}: {span} is outside {len(counts[0])} lines: {str(problem)[:300]!r}")


def _is_inside(span: Span, lines: Sequence[str]) -> bool:
    # The place of something missing may be one or two columns after the last character.
    if not 1 <= span.line <= len(lines) or not span.line <= span.end_line <= len(lines) + 1:
        return False
    most = len(lines[span.line - 1]) + 2
    return 1 <= span.column <= most and 1 <= span.end_column <= (
        most if span.end_line == span.line else span.end_column
    )


def check_reports(problems: Sequence[Problem]) -> None:
    """Raise an error if a report for programs cannot be parsed."""
    json.loads(report("json", problems, "0"))
    json.loads(report("sarif", problems, "0"))
    text = report("github", problems, "0")
    lines = re.split(r"\r\n|\r|\n", text.removesuffix("\n")) if text else []
    if len(lines) != len(problems) or not all(line.startswith(("::error ", "::warning ")) for line in lines):
        raise AssertionError(f"report github: {len(lines)} lines for {len(problems)} problems: {text[:300]!r}")
