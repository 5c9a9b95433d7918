"""Problems: the error or warning, its place, and a hint with the repair to type."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from mlspec.text import login_spans, printable, visible, visible_character, width

KeyPath = tuple[str | int, ...]
"""The path to a value: keys of mappings and indexes of lists, from the top of a spec."""

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a text: lines and columns count from 1, and the end column is the first one outside."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Rename:
    """A repair: rename the key at ``path`` to ``name``."""

    path: KeyPath
    name: str


@dataclass(frozen=True, slots=True)
class Replace:
    """A repair: replace ``old`` by ``new`` in the text at ``path``, or in the list there if one entry is ``old``."""

    path: KeyPath
    old: str
    new: str | bool


@dataclass(frozen=True, slots=True)
class Split:
    """A repair: replace the text at ``path`` by these list entries, in its own list or else in a new list."""

    path: KeyPath
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Add:
    """A repair: add these entries to the list at ``path``; the list may be missing, or be a single text."""

    path: KeyPath
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetKey:
    """A repair: add the missing key at ``path`` with this value."""

    path: KeyPath
    value: str


Repair = Rename | Replace | Split | Add | SetKey
"""A certain repair of a problem, in terms of the spec; a guess is only a hint."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to a file's text: ``text`` replaces the text at ``span``."""

    file: str
    span: Span
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error or a warning: a stable code, a lower-case sentence, and a hint to type.

    ``path`` names the key in a spec; ``file``, ``span`` and ``excerpt`` (the line as written) name the place in a text.
    :meth:`mlspec.spec.document.Document.place` converts the first to the second. ``repairs`` are the repairs of the
    spec, and :func:`mlspec.spec.fixes.add_edits` converts them to ``edits`` of its text.
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
        """Make the message and the hint printable: both may repeat text from any source."""
        object.__setattr__(self, "message", printable(self.message))
        object.__setattr__(self, "hint", printable(self.hint))

    def at(self, file: str, span: Span | None, excerpt: str = "") -> Problem:
        """Return the same problem with its place in a text."""
        return dataclasses.replace(self, file=file, span=span, excerpt=_without_secrets(excerpt))

    def __str__(self) -> str:
        """Return the problem for a person at a terminal: place, sentence, the line with carets, hint."""
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
    """Return a value for a message: in quotes, cut if long, and without characters that a terminal obeys."""
    cut = value if len(value) <= _LONGEST_QUOTE else f"{value[:_LONGEST_QUOTE]}…"
    return '"' + "".join(map(visible_character, cut)) + '"'


_LONGEST_QUOTE = 60

SECRET_ENDINGS = "TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|APIKEY|(?:API|ACCESS|PRIVATE|SECRET)_?KEY"  # noqa: S105
"""The ends of names that usually hold secrets; names of public keys and of numbers of tokens have other ends."""

# Excerpts appear in logs that others read, so hide values behind names of secrets, as well as logins. A lone `secret`
# is a key of an index, and its value is only a name.
_VALUE = re.compile(
    rf"""(?<!\w)(?!secret\b)(?:\w*_)?(?i:{SECRET_ENDINGS})["']?\s*[:=]\s*("[^"]*"?|'[^']*'?|[^\s\[{{&*|>][^,}}\]]*)"""
)


def _without_secrets(line: str) -> str:
    for start, end in (*login_spans(line), *(found.span(1) for found in _VALUE.finditer(line))):
        # As long as the hidden text, so that the carets keep their places.
        line = line[:start] + "*" * (end - start) + line[end:]
    return line


# Longer lines are cut around the place, so that one minified line cannot flood a terminal.
_WIDEST_EXCERPT = 100


def _excerpt_lines(span: Span, excerpt: str) -> Iterable[str]:
    start = max(0, span.column - 1 - _WIDEST_EXCERPT // 2) if len(excerpt) > _WIDEST_EXCERPT else 0
    shown = excerpt[start : start + _WIDEST_EXCERPT]
    end = span.end_column if span.end_line == span.line else len(excerpt) + 1
    offset = span.column - 1 - start
    # Keep a tab before the place, so that the carets are under the place with any tab width of the terminal.
    margin = "".join("\t" if character == "\t" else " " * _shown_width(character) for character in shown[:offset])
    carets = _shown_width(shown[offset : offset + max(1, end - span.column)])
    yield f"  {span.line} | {''.join(map(_in_line, shown))}"
    yield f"  {' ' * len(str(span.line))} | {margin}{'^' * max(1, carets)}"


def _in_line(character: str) -> str:
    return character if character == "\t" else visible_character(character)


def _shown_width(text: str) -> int:
    return len(text) if text.isascii() and text.isprintable() else sum(width(_in_line(character)) for character in text)


class MlspecError(Exception):
    """Base class of mlspec's errors; carries all problems, in the order of their places."""

    exit_code = 1

    def __init__(self, *problems: Problem) -> None:
        self.problems = tuple(sorted(problems, key=_place))
        super().__init__("\n".join(map(str, self.problems)))


class SpecError(MlspecError):
    """The spec is wrong, or the files do not match it; the user can fix it."""


class LockError(MlspecError):
    """The requirements could not be resolved: no release fits, or the package index cannot be reached.

    The exit code is 1 if the requirements themselves are wrong, and 3 if something outside mlspec failed.
    """

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.exit_code = 1 if all(p.code in _OF_REQUIREMENTS for p in self.problems if p.severity == "error") else 3


# These codes are: no such package or release, no release for the image, no release for all requirements, other hashes,
# no such branch.
_OF_REQUIREMENTS = {"MLS240", "MLS242", "MLS243", "MLS244", "MLS245", "MLS246", "MLS247", "MLS250"}


class ToolError(MlspecError):
    """Something outside mlspec failed: a registry, the engine, the disk."""

    exit_code = 3


def _place(problem: Problem) -> tuple[str, int, int]:
    return (problem.file, problem.span.line, problem.span.column) if problem.span else (problem.file, 0, 0)


def merge_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems by place, each once.

    Images that inherit the same line share its problems; a shared problem has the repairs of all these images.
    """
    found: dict[Problem, list[Repair]] = {}
    for problem in problems:
        found.setdefault(problem, []).extend(problem.repairs)
    whole = (replace(problem, repairs=tuple(dict.fromkeys(repairs))) for problem, repairs in found.items())
    return tuple(sorted(whole, key=lambda problem: (problem.file, problem.span or Span(0, 0, 0, 0))))
