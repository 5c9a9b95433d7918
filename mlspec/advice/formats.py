"""Reports of problems for programs: JSON, SARIF 2.1.0, and the workflow commands of GitHub Actions."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from mlspec.errors import Edit, Problem, Span
from mlspec.facts import codes
from mlspec.text import same_length, visible

VERSION = 1
"""The version of the JSON report. A new key does not raise the version; a new meaning of a key does."""

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def report(kind: str, problems: Iterable[Problem], version: str) -> str:
    """Return a report on problems in their order; ``kind`` is a key of ``KINDS``, ``version`` the version of mlspec."""
    return KINDS[kind](tuple(problems), version)


# JSON


def _json(problems: Sequence[Problem], _: str) -> str:
    document = {
        "version": VERSION,
        "errors": sum(problem.severity == "error" for problem in problems),
        "warnings": sum(problem.severity == "warning" for problem in problems),
        "problems": [_row(problem) for problem in problems],
    }
    return _dump_json(document)


def _row(problem: Problem) -> dict[str, Any]:
    span = problem.span
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "hint": problem.hint or None,
        "file": problem.file or None,
        "line": span and span.line,
        "column": span and span.column,
        "end_line": span and span.end_line,
        "end_column": span and span.end_column,
        "excerpt": same_length(problem.excerpt) if problem.excerpt.strip() else None,
        "path": list(problem.path),
        "edits": [_edit(edit) for edit in problem.edits],
    }


def _edit(edit: Edit) -> dict[str, Any]:
    """Return an edit as data.

    The edits of one report may overlap, for example if two problems have the same repair: apply one, then check again.
    """
    span = edit.span
    place = {"line": span.line, "column": span.column, "end_line": span.end_line, "end_column": span.end_column}
    return {"file": edit.file, **place, "text": edit.text}


def _dump_json(document: Mapping[str, Any]) -> str:
    # JSON is written in ASCII, so half a surrogate pair in a message cannot break the encoding of a file or pipe.
    return json.dumps(document, indent=2) + "\n"


# SARIF


def _sarif(problems: Sequence[Problem], version: str) -> str:
    names = sorted({problem.code for problem in problems})
    # A SARIF result needs a file. A problem without a file becomes a notification: the run itself failed.
    placed = [problem for problem in problems if problem.file]
    nowhere = [problem for problem in problems if not problem.file]
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "mlspec", "version": version, "rules": [_rule(name) for name in names]}},
        "invocations": [
            {
                "executionSuccessful": not any(problem.severity == "error" for problem in nowhere),
                "toolExecutionNotifications": [_notification(problem) for problem in nowhere],
            }
        ],
        # Columns count characters like Python: Unicode code points.
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, names) for problem in placed],
    }
    return _dump_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(name: str) -> dict[str, Any]:
    row = codes.find_code(name)
    if row is None:
        return {"id": name}
    return {
        "id": name,
        "shortDescription": {"text": _capital(row.title)},
        "fullDescription": {"text": row.meaning},
        "help": {"text": row.text, "markdown": row.text},
        "defaultConfiguration": {"level": row.severity},
    }


def _capital(title: str) -> str:
    return title[:1].upper() + title[1:]


def _result(problem: Problem, names: Sequence[str]) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": _artifact(problem.file)}
    if problem.span:
        place["region"] = _region(problem.span)
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": names.index(problem.code),
        "level": problem.severity,
        "message": {"text": _message(problem)},
        "locations": [{"physicalLocation": place}],
    }
    return result | ({"fixes": [_fix(problem)]} if problem.edits else {})


def _fix(problem: Problem) -> dict[str, Any]:
    files = dict.fromkeys(edit.file for edit in problem.edits)
    changes = [
        {
            "artifactLocation": _artifact(file),
            "replacements": [
                {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
                for edit in problem.edits
                if edit.file == file
            ],
        }
        for file in files
    ]
    return {"description": {"text": _escape(problem.hint or problem.message)}, "artifactChanges": changes}


def _notification(problem: Problem) -> dict[str, Any]:
    return {
        "level": problem.severity,
        "message": {"text": _message(problem)},
        "associatedRule": {"id": problem.code},
    }


def _artifact(file: str) -> dict[str, str]:
    address = quote(file, errors="surrogateescape")
    return {"uri": f"file://{address}"} if posixpath.isabs(file) else {"uri": address, "uriBaseId": "%SRCROOT%"}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _message(problem: Problem) -> str:
    return _escape(_whole(problem))


def _escape(text: str) -> str:
    # A single brace would begin a placeholder, and a bracket before a parenthesis a link (SARIF 2.1.0, 3.11.5, 3.11.6).
    text = text.replace("{", "{{").replace("}", "}}")
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]") if "](" in text else text


def _whole(problem: Problem) -> str:
    return f"{problem.message}\nhint: {problem.hint}" if problem.hint else problem.message


# GitHub Actions


def _github(problems: Sequence[Problem], _: str) -> str:
    return "".join(f"{_command(problem)}\n" for problem in problems)


def _command(problem: Problem) -> str:
    """Return a problem as a workflow command: an annotation at its place, whose text in the log has the place too."""
    row = codes.find_code(problem.code)
    file = visible(problem.file)
    properties: dict[str, object] = {"file": file} if file else {}
    place = f"{file}:" if file else ""
    if span := problem.span:
        properties |= {"line": span.line, "endLine": span.end_line}
        # GitHub refuses columns in an annotation with several lines.
        properties |= {"col": span.column, "endColumn": span.end_column} if span.line == span.end_line else {}
        place += f"{span.line}:{span.column}:"
    properties["title"] = f"{problem.code}: {row.title}" if row else problem.code
    written = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    text = f"{place} {problem.code}: {_whole(problem)}".lstrip()
    return f"::{problem.severity} {written}::{_data(text)}"


def _data(text: str) -> str:
    # Same escapes as in the toolkit of GitHub Actions (packages/core/src/command.ts). The percent sign must be first.
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


KINDS: Mapping[str, Callable[[Sequence[Problem], str], str]] = {"json": _json, "sarif": _sarif, "github": _github}
"""The kinds of reports, each with the function that writes it."""
