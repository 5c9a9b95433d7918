"""Tests of reports for programs: complete, valid in their formats, and without secrets."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from mlspec.advice.formats import KINDS, report
from mlspec.errors import Edit, Problem, Severity, Span, SpecError
from mlspec.spec.document import parse
from mlspec.spec.encoding import decode
from mlspec.spec.spec import validate
from mlspec.text import visible
from tests.support.places import TESTS, bad_specs

BAD = bad_specs()
SCHEMA = json.loads((TESTS / "support" / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
SARIF = Draft4Validator(SCHEMA, format_checker=Draft4Validator.FORMAT_CHECKER)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PLACES = st.builds(Span, *[st.integers(1, 99)] * 4)
SEVERITIES: st.SearchStrategy[Severity] = st.sampled_from(["error", "warning"])
PROBLEMS = st.lists(
    st.builds(
        Problem,
        code=st.sampled_from(["MLS101", "MLS409", "MLS999"]),
        message=TEXTS,
        hint=TEXTS,
        severity=SEVERITIES,
        file=TEXTS.filter(bool),
        span=st.none() | PLACES,
    )
)


@cache
def problems_of(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(SpecError) as caught:
        validate(parse(decode(path.read_bytes(), path.name), path.name))
    return caught.value.problems


def reported(kind: str, *problems: Problem) -> str:
    return report(kind, problems, "1.2.3")


def checked_sarif(*problems: Problem) -> dict[str, Any]:
    document = json.loads(reported("sarif", *problems))
    SARIF.validate(document)
    (run,) = document["runs"]
    assert isinstance(run, dict)
    return run


def problem(message: str = "this is wrong", file: str = "mlspec.yaml", **more: Any) -> Problem:  # noqa: ANN401
    return Problem(code="MLS101", message=message, file=file, **more)


def read_json(row: dict[str, Any]) -> Problem:
    span = [row[name] for name in ("line", "column", "end_line", "end_column")]
    return Problem(
        code=row["code"],
        severity=row["severity"],
        message=row["message"],
        hint=row["hint"] or "",
        file=row["file"] or "",
        span=None if None in span else Span(*span),
        excerpt=row["excerpt"] or "",
        path=tuple(row["path"]),
    )


def read_github(line: str) -> tuple[str, dict[str, str], str]:
    """Parse a line like the runner of GitHub Actions (src/Runner.Common/ActionCommand.cs)."""
    found = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line)
    assert found, line
    properties = dict(item.split("=", 1) for item in found[2].split(","))
    return found[1], {name: unescaped(text) for name, text in properties.items()}, unescaped(found[3])


def unescaped(text: str) -> str:
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, character)
    return text


# Every bad spec, in each format


def test_json_says_all_that_the_problems_say() -> None:
    for path in BAD:
        problems = problems_of(path)

        read = [read_json(row) for row in json.loads(reported("json", *problems))["problems"]]

        assert read == [
            replace(problem, on_key=False, excerpt=problem.excerpt if problem.excerpt.strip() else "")
            for problem in problems
        ], path


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_sarif_is_valid_and_shows_each_problem_at_its_place(path: Path) -> None:
    problems = problems_of(path)

    run = checked_sarif(*problems)

    found = [(result["ruleId"], tuple(place(result)["region"].values())) for result in run["results"]]
    assert found == [
        (p.code, (p.span.line, p.span.column, p.span.end_line, p.span.end_column)) for p in problems if p.span
    ]


def place(result: dict[str, Any]) -> dict[str, Any]:
    (location,) = result["locations"]
    found = location["physicalLocation"]
    assert isinstance(found, dict)
    return found


def test_sarif_has_the_edits_that_repair_a_problem() -> None:
    edit = Edit("mlspec.yaml", Span(2, 1, 2, 7), "python")

    (result,) = checked_sarif(problem(hint="write {python}", edits=(edit,)))["results"]

    assert result["fixes"] == [
        {
            "description": {"text": "write {{python}}"},
            "artifactChanges": [
                {
                    "artifactLocation": {"uri": "mlspec.yaml", "uriBaseId": "%SRCROOT%"},
                    "replacements": [
                        {
                            "deletedRegion": {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 7},
                            "insertedContent": {"text": "python"},
                        }
                    ],
                }
            ],
        }
    ]


def test_github_reads_each_problem_at_its_place() -> None:
    each = [
        (path, found, read_github(line))
        for path in BAD
        for found, line in zip(problems_of(path), reported("github", *problems_of(path)).splitlines(), strict=True)
    ]

    assert len(each) >= len(BAD)
    for path, found, (level, properties, text) in each:
        assert found.span
        assert (level, properties["file"], properties["line"]) == (found.severity, path.name, str(found.span.line))
        assert properties["title"].startswith(f"{found.code}: ")
        assert text.startswith(
            f"{path.name}:{found.span.line}:{found.span.column}: {found.code}: {found.message}\nhint: "
        )


# Any problem


@given(PROBLEMS)
def test_json_keeps_any_text(problems: list[Problem]) -> None:
    assert [read_json(row) for row in json.loads(reported("json", *problems))["problems"]] == problems


@given(PROBLEMS)
def test_sarif_is_valid_for_any_text(problems: list[Problem]) -> None:
    assert len(checked_sarif(*problems)["results"]) == len(problems)


@given(PROBLEMS)
def test_github_gets_one_line_a_problem_whatever_its_text(problems: list[Problem]) -> None:
    lines = reported("github", *problems).split("\n")[:-1]

    read = [read_github(line) for line in lines]

    assert [properties["file"] for _, properties, _ in read] == [visible(p.file) for p in problems]
    assert all(p.message in text and p.hint in text for (_, _, text), p in zip(read, problems, strict=True))


# Requirements of each format


def test_no_problems_are_a_whole_report_too() -> None:
    assert json.loads(reported("json")) == {"version": 1, "errors": 0, "warnings": 0, "problems": []}
    assert checked_sarif()["results"] == []
    assert reported("github") == ""


def test_sarif_explains_the_codes_it_uses_and_no_others() -> None:
    run = checked_sarif(problem(), problem(), Problem(code="MLS409", message="not read", severity="warning", file="a"))

    first, second = run["tool"]["driver"]["rules"]
    assert (first["id"], first["defaultConfiguration"]["level"]) == ("MLS101", "error")
    assert (second["id"], second["defaultConfiguration"]["level"]) == ("MLS409", "warning")
    assert first["shortDescription"]["text"] == "Unknown key"
    assert "What to do" in first["help"]["markdown"]
    assert [result["ruleIndex"] for result in run["results"]] == [0, 0, 1]


def test_sarif_counts_columns_as_the_problems_do() -> None:
    with pytest.raises(SpecError) as caught:
        validate(parse('python: 3.12\nenvironment: {HELLO: "😀", my-var: x}\n', "mlspec.yaml"))
    (found,) = caught.value.problems

    (result,) = checked_sarif(found)["results"]

    region = place(result)["region"]
    assert checked_sarif(found)["columnKind"] == "unicodeCodePoints"
    assert found.excerpt[region["startColumn"] - 1 : region["endColumn"] - 1] == "my-var"


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("specs/a/mlspec.yaml", "specs/a/mlspec.yaml"),
        ("my specs/größe.yaml", "my%20specs/gr%C3%B6%C3%9Fe.yaml"),
        ("a:b.yaml", "a%3Ab.yaml"),
        ("/srv/a b/mlspec.yaml", "file:///srv/a%20b/mlspec.yaml"),
    ],
)
def test_sarif_names_files_by_address(file: str, uri: str) -> None:
    (result,) = checked_sarif(problem(file=file))["results"]

    assert place(result)["artifactLocation"]["uri"] == uri


def test_sarif_says_of_the_run_what_is_wrong_with_no_file() -> None:
    run = checked_sarif(problem("there is no mlspec.yaml here", file=""))

    (invocation,) = run["invocations"]
    (notification,) = invocation["toolExecutionNotifications"]
    assert run["results"] == []
    assert not invocation["executionSuccessful"]
    assert notification["message"]["text"] == "there is no mlspec.yaml here"


def test_sarif_messages_hold_no_placeholders_and_no_links() -> None:
    (result,) = checked_sarif(problem("write {NAME: x}, or [this](1)"))["results"]

    assert result["message"]["text"] == r"write {{NAME: x}}, or \[this\](1)"


def test_github_gets_no_columns_where_there_are_several_lines() -> None:
    (_, properties, _) = read_github(reported("github", problem(span=Span(1, 2, 3, 4))).rstrip())

    assert properties == {"file": "mlspec.yaml", "line": "1", "endLine": "3", "title": "MLS101: unknown key"}


def test_github_needs_no_place() -> None:
    assert reported("github", problem("no engine", file="")) == (
        "::error title=MLS101%3A unknown key::MLS101: no engine\n"
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "environment: {HF_TOKEN: hunter2}",
        "environment: [HF_TOKEN=hunter2]",
        "environment: {HF_TOKEN: hunter2, my-var: 1}",
        "environment: [HF_TOKEN=hunter2, my-var=1]",
        'environment: {HF_TOKEN: "hunter2',
        "environment: {HF_TOKEN: hunter2, A: 1, A: 2}",
        "environment: {aws_secret_access_key: hunter2, A: 1, A: 2}",
        "secrets: {HF_TOKEN: hunter2}",
        "secrets: [HF_TOKEN=hunter2]",
        "indexes: [{url: 'https://me:hunter2@host/simple', packages: [a]}]",
        "indexes: [{url: 'https://me:hunter2@host/simple', package: [a]}]",
    ],
)
def test_no_report_shows_a_secret(kind: str, text: str) -> None:
    with pytest.raises(SpecError) as caught:
        validate(parse(f"python: 3.12\n{text}\n", "mlspec.yaml"))

    assert "hunter2" not in report(kind, caught.value.problems, "1.2.3")
