"""Comments that accept a warning: ``# mlspec: ignore=MLS601 reason``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mlspec.errors import Problem, Severity, Span, quote_value
from mlspec.facts import codes
from mlspec.spec import document
from mlspec.spec.document import Document
from mlspec.text import nearest

_DIRECTIVE = re.compile(r"#[ \t]*(mlspec)[ \t]*:[ \t]*([A-Za-z]+)[ \t]*(.*)")
_CODES = re.compile(r"=[ \t]*(\w+(?:[ \t]*,[ \t]*\w+)*)(?:[ \t]+(\S.*))?")
# As for pip: a comment starts the line or follows a space.
_PIP_COMMENT = re.compile(r"(?:^|\s)#")
_FORM = "write: # mlspec: ignore=MLS601 and why"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """One comment: its codes, its own place, and the line that it applies to."""

    codes: tuple[str, ...]
    file: str
    span: Span
    excerpt: str
    line: int

    def covers(self, problem: Problem) -> bool:
        """Return whether this comment ignores the problem; a problem without a line may be ignored anywhere."""
        if problem.code not in self.codes:
            return False
        if problem.span is None:
            return True
        # A place that ends before the first column of a line ends on the line above.
        last = problem.span.end_line - (problem.span.end_column == 1)
        return problem.file == self.file and problem.span.line <= self.line <= max(last, problem.span.line)


@dataclass(frozen=True, slots=True)
class Ignores:
    """The comments of a spec or of its requirement files, and their problems."""

    comments: tuple[Ignore, ...] = ()
    problems: tuple[Problem, ...] = ()

    def split(self, warnings: Iterable[Problem]) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
        """Return the warnings that no comment ignores, and the ignored warnings."""
        kept: list[Problem] = []
        hidden: list[Problem] = []
        for warning in warnings:
            (hidden if any(comment.covers(warning) for comment in self.comments) else kept).append(warning)
        return tuple(kept), tuple(hidden)

    def find_unneeded(self, hidden: Collection[Problem], looked_for: Collection[str]) -> tuple[Problem, ...]:
        """Return a warning for each code in a comment that is in ``looked_for`` but hides no warning in ``hidden``."""
        return tuple(
            _problem(comment, "MLS011", f"there is no {code} here to ignore any more", _REMOVE, "warning")
            for comment in self.comments
            for code in comment.codes
            if code in looked_for and not any(comment.covers(p) for p in hidden if p.code == code)
        )


_REMOVE = "remove it from the comment, or the whole comment"


def join_ignores(several: Iterable[Ignores]) -> Ignores:
    """Return the comments of all files as one value, each file once."""
    several = tuple(several)
    return Ignores(
        tuple(dict.fromkeys(comment for one in several for comment in one.comments)),
        tuple(dict.fromkeys(problem for one in several for problem in one.problems)),
    )


# Reading


def in_document(spec: Document) -> Ignores:
    """Return the comments of a spec."""
    return _read(spec.lines, spec.file, lambda text: document.parse(text, spec.file).data)


def in_toml(text: str, file: str) -> Ignores:
    """Return the comments of a pyproject.toml."""
    return _read(text.split("\n"), file, tomllib.loads)


def in_requirements(text: str, file: str) -> Ignores:
    """Return the comments of a requirements file."""
    return _read(text.split("\n"), file, None)


def _read(lines: Sequence[str], file: str, load: Callable[[str], object] | None) -> Ignores:
    found = [(number, match) for number, line in enumerate(lines) if (match := _DIRECTIVE.search(line))]
    if load:
        found = list(_comments(lines, found, load))
    else:
        found = [(number, match) for number, match in found if _begins_comment(lines[number], match)]
    comments: list[Ignore] = []
    problems: list[Problem] = []
    for number, match in found:
        span = Span(number + 1, match.start() + 1, number + 1, len(lines[number].rstrip()) + 1)
        place = Ignore(codes=(), file=file, span=span, excerpt=lines[number], line=_line(lines, number, match))
        wrong = tuple(_wrong(place, match[2], match[3].strip()))
        problems += wrong
        if not any(problem.severity == "error" for problem in wrong):
            names = _names(match[3].strip())
            comments += [Ignore(codes=names, file=file, span=span, excerpt=place.excerpt, line=place.line)] * bool(
                names
            )
    return Ignores(tuple(comments), tuple(problems))


def _comments(
    lines: Sequence[str], found: Sequence[tuple[int, re.Match[str]]], load: Callable[[str], object]
) -> Iterator[tuple[int, re.Match[str]]]:
    """Yield the matches that are comments: a change of their text does not change the data."""
    if not found:
        return
    changed = list(lines)
    marks = {number: _mark(number) for number, _ in found}
    for number, match in found:
        changed[number] = lines[number][: match.start(1)] + marks[number] + lines[number][match.end(1) :]
    texts = "\n".join(_texts(load("\n".join(changed))))
    yield from ((number, match) for number, match in found if marks[number] not in texts)


def _mark(number: int) -> str:
    # As long as the replaced text, of private-use characters in an order that no text contains.
    return "\ue000\uf8ff" + "".join(chr(0xE100 + int(digit)) for digit in f"{number:06}")[-4:]


def _texts(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)


def _begins_comment(line: str, match: re.Match[str]) -> bool:
    comment = _PIP_COMMENT.search(line)
    return comment is not None and comment.end() - 1 <= match.start()


def _line(lines: Sequence[str], number: int, match: re.Match[str]) -> int:
    """Return the number of the line that a comment applies to: its own, or the next after a comment line."""
    if lines[number][: match.start()].strip():
        return number + 1
    rest = enumerate(lines[number + 1 :], start=number + 2)
    return next((place for place, line in rest if line.strip() and not line.strip().startswith("#")), number + 1)


# Problems of the comments


def _wrong(place: Ignore, word: str, rest: str) -> Iterator[Problem]:
    if word != "ignore":
        if rest.startswith("=") or nearest(word, ["ignore"], cutoff=0.75):
            yield _problem(place, "MLS008", f"{quote_value(word)} is not an instruction that a comment can give", _FORM)
        return
    named = _CODES.fullmatch(rest)
    if not named:
        yield _problem(place, "MLS008", "this comment does not say what to ignore", _FORM)
        return
    if not named[2]:
        yield _problem(place, "MLS009", "this comment does not say why", f"add a reason: ignore={named[1]} because ...")
    known = {row.code: row for row in codes.codes()}
    for name in _names(rest):
        if name not in known:
            near = nearest(name, (row.code for row in known.values() if row.severity == "warning"), cutoff=0.8)
            hint = f"did you mean {near[0]}?" if near else "the codes that can be ignored are those of warnings"
            yield _problem(place, "MLS010", f"there is no code {quote_value(name)}", hint, "warning")
        elif known[name].severity == "error":
            message = f"{name} is an error, and only warnings can be ignored"
            yield _problem(place, "MLS008", message, f"remove it; what to do: mlspec explain {name}")


def _names(rest: str) -> tuple[str, ...]:
    named = _CODES.fullmatch(rest)
    return tuple(name.upper() for name in re.split(r"[ \t]*,[ \t]*", named[1])) if named else ()


def _problem(place: Ignore, code: str, message: str, hint: str, severity: Severity = "error") -> Problem:
    problem = Problem(code=code, message=message, hint=hint, severity=severity)
    return problem.at(place.file, place.span, place.excerpt)
