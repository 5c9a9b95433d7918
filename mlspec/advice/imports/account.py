"""The report of an import: a row for each line of each file that was read, in order, and the totals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlspec.advice.draft.readers.statements import shorten
from mlspec.advice.imports.verdicts import OUTCOMES, LineVerdict
from mlspec.spec.plain_yaml import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """One line of a file, or one of several statements on it, with its outcome; line 0 stands for the whole file."""

    file: str
    number: int
    text: str
    outcome: str
    what: str = ""

    @property
    def place(self) -> str:
        """The file and the line number; only the file for a row about the whole file."""
        return f"{self.file}:{self.number}" if self.number else self.file


@dataclass(frozen=True, slots=True)
class ImportReport:
    """All rows of an import."""

    rows: tuple[ReportRow, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """The number of lines by outcome; a line with several statements has the worst of their outcomes."""
        order = ("blank", "comment", *OUTCOMES)
        worst: dict[tuple[str, int], str] = {}
        for row in self.rows:
            place = row.file, row.number
            worst[place] = max(worst.get(place, "blank"), row.outcome, key=order.index)
        return {name: sum(outcome == name for outcome in worst.values()) for name in order}

    @property
    def is_whole(self) -> bool:
        """Whether no line is lost or unsure."""
        return not any(row.outcome in {"lost", "unsure"} for row in self.rows)


def account(verdicts: Iterable[LineVerdict], texts: Mapping[str, str]) -> ImportReport:
    """Return a report with rows for every line of the files in ``texts``, in their order.

    A line without a verdict is blank, a comment, or structure such as ``build:``.
    """
    judged: dict[str, list[LineVerdict]] = {file: [] for file in texts}
    for verdict in verdicts:
        judged.setdefault(verdict.file, []).append(verdict)
    rows = (row for file, found in judged.items() for row in _rows_of(file, texts.get(file, ""), found))
    return ImportReport(tuple(rows))


def _rows_of(file: str, text: str, verdicts: Sequence[LineVerdict]) -> Iterator[ReportRow]:
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    at: dict[int, list[LineVerdict]] = {}
    inside: dict[int, LineVerdict] = {}
    for verdict in verdicts:
        # A verdict on a line that does not exist is about the whole file, and comes first.
        number = verdict.number if 1 <= verdict.number <= len(lines) else 0
        at.setdefault(number, []).append(verdict)
        for below in range(number + 1, verdict.end + 1):
            inside.setdefault(below, verdict)
    yield from (_row(file, 0, verdict.text, verdict) for verdict in at.get(0, ()))
    for number, line in enumerate(lines, 1):
        if number in at:
            several = len({verdict.text for verdict in at[number]}) > 1 or len(set(map(describe, at[number]))) > 1
            shown = (verdict.text if several and verdict.text else shorten(line) for verdict in at[number])
            rows = (_row(file, number, text, verdict) for text, verdict in zip(shown, at[number], strict=True))
            # Of a file that several images read, equal rows appear once.
            yield from dict.fromkeys(rows)
        else:
            yield _plain_row(file, number, line, inside.get(number))


def _row(file: str, number: int, text: str, verdict: LineVerdict) -> ReportRow:
    return ReportRow(file=file, number=number, text=text, outcome=verdict.outcome, what=describe(verdict))


def _plain_row(file: str, number: int, line: str, around: LineVerdict | None) -> ReportRow:
    bare = line.strip()
    text = shorten(line)
    if not bare:
        return ReportRow(file=file, number=number, text="", outcome="blank")
    is_prose = file.endswith((".md", ".rst", ".sh")) and not around
    if is_prose or (bare.startswith(("#", "//")) and not bare.startswith("#!")):
        return ReportRow(file=file, number=number, text=text, outcome="comment")
    if around and not re.fullmatch(r"[\]})]+[,;]?", bare):
        what = f"with line {around.number}"
        return ReportRow(file=file, number=number, text=text, outcome=around.outcome, what=what)
    return ReportRow(file=file, number=number, text=text, outcome="carried", what="structure")


def describe(verdict: LineVerdict) -> str:
    """Return the key and the value of a verdict as a text, with its reason if there is one."""
    value = _text_of(verdict)
    what = f"{verdict.key}: {value}" if verdict.key and value else verdict.key
    if verdict.outcome == "unsure" and what:
        what = f"TODO at {what}"
    if not what:
        return verdict.why
    return f"{what} ({verdict.why})" if verdict.why else what


def _text_of(verdict: LineVerdict) -> str:
    value = verdict.value
    if value is None:
        return ""
    if verdict.key in {"environment", "labels", "ulimits", "secrets", "resources"} and isinstance(value, tuple):
        return shorten(f"{value[0]}={value[1]}" if value[1] is not None else str(value[0]))
    if isinstance(value, dict | list | tuple):
        return shorten(one_line(list(value) if isinstance(value, tuple) else value))
    return shorten(str(value))


_WIDEST = 40


def format_text(report: ImportReport) -> str:
    """Return the rows as a table, and the totals; the table omits blank lines and the prose of a README."""
    shown = [row for row in report.rows if row.outcome != "blank" and not _is_prose(row)]
    places = max((len(row.place) for row in shown), default=0)
    texts = min(max((len(row.text) for row in shown), default=0), _WIDEST)
    lines = (f"{r.place:<{places}}  {_cut(r.text):<{texts}}  {r.outcome:<7}  {r.what}".rstrip() for r in shown)
    return "".join(f"{line}\n" for line in (*lines, format_sum(report)))


def _is_prose(row: ReportRow) -> bool:
    return row.outcome == "comment" and row.file.endswith((".md", ".rst", ".sh"))


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def format_sum(report: ImportReport) -> str:
    """Return the number of lines by outcome, as a sentence."""
    counts = report.counts
    total = sum(counts[name] for name in OUTCOMES)
    named = ", ".join(f"{counts[name]} {name}" for name in OUTCOMES if counts[name]) or "nothing"
    others = [f"{counts[name]} {name}" for name in ("comment", "blank") if counts[name]]
    return f"{total} line{'s' * (total != 1)}: {named}" + (f"; {', '.join(others)}" if others else "")


def format_json(report: ImportReport, files: Sequence[str]) -> str:
    """Return the rows, the totals and the files to write, as JSON."""
    rows = [
        {"file": row.file, "line": row.number, "text": row.text, "verdict": row.outcome, "what": row.what}
        for row in report.rows
    ]
    data = {"lines": rows, "sum": dict(report.counts), "is_whole": report.is_whole, "files": list(files)}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
