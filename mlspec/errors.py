"""Problems: what is wrong, where, and what to type instead."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from mlspec.text import login_spans, printable, visible, visible_character, width

KeyPath = tuple[str | int, ...]
"""The way to a value: keys of mappings and indexes of lists, from the top of a spec."""

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a text: lines and columns count from 1, the end column is the first one outside."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Rename:
    """The key at ``path`` is to be called ``name``."""

    path: KeyPath
    name: str


@dataclass(frozen=True, slots=True)
class Replace:
    """In the text at ``path``, or in the entry of the list there that is no other, ``old`` is to be ``new``."""

    path: KeyPath
    old: str
    new: str | bool


@dataclass(frozen=True, slots=True)
class Split:
    """The text at ``path`` is to be these entries of a list: of the one it stands in, or else of a new one."""

    path: KeyPath
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Add:
    """The list at ``path`` is to have these entries more; it may be missing, or be a lone text."""

    path: KeyPath
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetKey:
    """The key at ``path``, which is missing, is to have this value."""

    path: KeyPath
    value: str


Repair = Rename | Replace | Split | Add | SetKey
"""A certain repair of a problem, in terms of the spec; a guess is only a hint."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a file's text: what stands at ``span`` gives way to ``text``."""

    file: str
    span: Span
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong: a stable code, a lower-case sentence, and a hint that can be typed.

    ``path`` names the key in a spec; ``file``, ``span`` and ``excerpt`` (the line as written) name the place in a text.
    :meth:`mlspec.spec.document.Document.place` turns the first into the second. ``repairs`` say what would repair it
    in the spec, and :func:`mlspec.spec.fixes.add_edits` turns them into ``edits`` of its text.
    """

    code: str
    message: str
    hint: str = ""
    path: KeyPath = ()
    on_key: bool = False
    severity: Severity = "error"
    file: str = ""
    span: Span | None = None
    excerpt: str = ""
    repairs: tuple[Repair, ...] = field(default=(), compare=False, repr=False)
    edits: tuple[Edit, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        """Make the message and the hint printable: both may repeat what anybody wrote."""
        object.__setattr__(self, "message", printable(self.message))
        object.__setattr__(self, "hint", printable(self.hint))

    def at(self, file: str, span: Span | None, excerpt: str = "") -> Problem:
        """Return the same problem with its place in a text."""
        return dataclasses.replace(self, file=file, span=span, excerpt=_without_secrets(excerpt))

    def __str__(self) -> str:
        """Return the problem as a person reads it in a terminal: place, sentence, the line with carets, hint."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterable[str]:
        place = f"{visible(self.file)}:" if self.file else ""
        if self.span:
            place += f"{self.span.line}:{self.span.column}:"
        kind = "warning: " if self.severity == "warning" else ""
        yield f"{place}{' ' if place else ''}{self.code}: {kind}{self.message}"
        if self.span and self.excerpt.strip():
            yield from _excerpt_lines(self.span, self.excerpt)
        if self.hint:
            first, *rest = self.hint.splitlines()
            yield f"  hint: {first}"
            yield from (f"        {line}" for line in rest)


def quote_value(value: str) -> str:
    """Return a value as a message repeats it: in quotes, cut when long, and unable to move a terminal's cursor."""
    cut = value if len(value) <= _LONGEST_QUOTE else f"{value[:_LONGEST_QUOTE]}…"
    return '"' + "".join(map(visible_character, cut)) + '"'


_LONGEST_QUOTE = 60

SECRET_ENDINGS = "TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|APIKEY|(?:API|ACCESS|PRIVATE|SECRET)_?KEY"  # noqa: S105
"""The ends of names that usually hold secrets; a public key or a number of tokens is none."""

# What would end up in the logs of a machine that others read beside a login: a value behind a name that holds a
# secret. A lone `secret` is a key of an index, whose value is a name.
_VALUE = re.compile(
    rf"""(?<!\w)(?!secret\b)(?:\w*_)?(?i:{SECRET_ENDINGS})["']?\s*[:=]\s*("[^"]*"?|'[^']*'?|[^\s\[{{&*|>][^,}}\]]*)"""
)


def _without_secrets(line: str) -> str:
    for start, end in (*login_spans(line), *(found.span(1) for found in _VALUE.finditer(line))):
        # As long as what it hides, so that the carets stand where they stood.
        line = line[:start] + "*" * (end - start) + line[end:]
    return line


# Longer lines are cut around the place, so that one minified line cannot flood a terminal.
_WIDEST_EXCERPT = 100


def _excerpt_lines(span: Span, excerpt: str) -> Iterable[str]:
    start = max(0, span.column - 1 - _WIDEST_EXCERPT // 2) if len(excerpt) > _WIDEST_EXCERPT else 0
    shown = excerpt[start : start + _WIDEST_EXCERPT]
    end = span.end_column if span.end_line == span.line else len(excerpt) + 1
    offset = span.column - 1 - start
    # A tab in front of the place is kept, so that the carets stand under it whatever the terminal's tab width.
    margin = "".join("\t" if character == "\t" else " " * _shown_width(character) for character in shown[:offset])
    carets = _shown_width(shown[offset : offset + max(1, end - span.column)])
    yield f"  {span.line} | {''.join(map(_in_line, shown))}"
    yield f"  {' ' * len(str(span.line))} | {margin}{'^' * max(1, carets)}"


def _in_line(character: str) -> str:
    return character if character == "\t" else visible_character(character)


def _shown_width(text: str) -> int:
    return len(text) if text.isascii() and text.isprintable() else sum(width(_in_line(character)) for character in text)


class MlspecError(Exception):
    """Base class of the errors of mlspec; carries every problem found, in the order of their places."""

    exit_code = 1

    def __init__(self, *problems: Problem) -> None:
        self.problems = tuple(sorted(problems, key=_place))
        super().__init__("\n".join(map(str, self.problems)))


class SpecError(MlspecError):
    """The spec is wrong, or the files do not match it: the user can fix it."""


class LockError(MlspecError):
    """The requirements could not be resolved: nothing fits, or the package index cannot be reached.

    It exits with 1 where the requirements themselves are at fault, and with 3 where something outside failed.
    """

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.exit_code = 1 if all(p.code in _OF_REQUIREMENTS for p in self.problems if p.severity == "error") else 3


# No such package or release, none that fits the image, none that suits all, other hashes, no such branch.
_OF_REQUIREMENTS = {"MLS240", "MLS242", "MLS243", "MLS244", "MLS245", "MLS246", "MLS247", "MLS250"}


class ToolError(MlspecError):
    """Something outside failed: a registry, the engine, the disk."""

    exit_code = 3


def _place(problem: Problem) -> tuple[str, int, int]:
    return (problem.file, problem.span.line, problem.span.column) if problem.span else (problem.file, 0, 0)


def merge_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems by place, each once: images that inherit a line share its problems, and add their repairs."""
    found: dict[Problem, list[Repair]] = {}
    for problem in problems:
        found.setdefault(problem, []).extend(problem.repairs)
    whole = (replace(problem, repairs=tuple(dict.fromkeys(repairs))) for problem, repairs in found.items())
    return tuple(sorted(whole, key=lambda problem: (problem.file, problem.span or Span(0, 0, 0, 0))))
