"""Tests of comments that ignore warnings: their scope, text that is not a comment, and problems with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlspec import api
from mlspec.errors import Problem, Span
from mlspec.host.rendered import Rendered
from mlspec.lock.state import LockOptions
from mlspec.spec.document import parse
from mlspec.spec.encoding import decode
from mlspec.spec.suppressions import Ignores, in_document, in_requirements, in_toml

TODAY = "2026-11-25"


def ignores_of(text: str) -> Ignores:
    return in_document(parse(decode(text.encode(), "mlspec.yaml"), "mlspec.yaml"))


def lines(found: Ignores) -> list[int]:
    return [comment.line for comment in found.comments]


def warning(code: str = "MLS601", *, file: str = "mlspec.yaml", span: Span | None = None) -> Problem:
    return Problem(code=code, message="m", severity="warning", file=file, span=span)


# Scope


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("python: 3.12  # mlspec: ignore=MLS601 why", 1),
        ("# mlspec: ignore=MLS601 why\npython: 3.12", 2),
        ("python: 3.12\n\n# mlspec: ignore=MLS601 why\n# and more\n\napt: [git]", 6),
        ("apt:\n  - git  # mlspec: ignore=MLS601 why\n  - curl", 2),
        ("apt:\n  # mlspec: ignore=MLS601 why\n  - git", 3),
        ("run:\n  - |  # mlspec: ignore=MLS601 why\n    echo a\n", 2),
        ("apt: [git,  # mlspec: ignore=MLS601 why\n  curl]", 1),
        ("python: 3.12  # noqa # mlspec:ignore=mls601 why", 1),
        ("python: 3.12\r\n# mlspec: ignore=MLS601 why\r\napt: [git]\r\n", 3),
        ("python: 3.12\n# mlspec: ignore=MLS601 why", 2),
    ],
)
def test_a_comment_is_about_its_line_or_the_next_where_it_stands_alone(text: str, line: int) -> None:
    found = ignores_of(text)

    assert lines(found) == [line]
    assert found.problems == ()


@pytest.mark.parametrize(
    "text",
    [
        'name: "a # mlspec: ignore=MLS601 why"',
        "run:\n  - |\n    # mlspec: ignore=MLS601 why\n    echo a\n",
        "run:\n  - >\n    echo a\n    # mlspec: ignore=MLS601 why\n",
        "name: a#mlspec:ignore=MLS601",
        '"# mlspec: ignore=MLS601 why": 1',
        "name: 'a\n  # mlspec: ignore=MLS601 why\n  b'",
        "python: 3.12  # mlspec is what reads this; to ignore it, do nothing",
    ],
)
def test_what_is_part_of_a_value_is_no_comment(text: str) -> None:
    assert ignores_of(text) == Ignores()


@given(st.text(st.sampled_from("#a: \n|>'\"-[],\\"), max_size=40))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    quoted = text.replace("'", "''")
    found = ignores_of(f"a: '{quoted} # mlspec: ignore=MLS601 why'\nb: 1  # mlspec: ignore=MLS602 why\n")

    assert [comment.codes for comment in found.comments] == [("MLS602",)]


def test_a_place_of_several_lines_is_covered_on_each() -> None:
    (comment,) = ignores_of("x: 1\ny: 2  # mlspec: ignore=MLS601 why").comments

    assert comment.covers(warning(span=Span(1, 1, 2, 5)))
    assert comment.covers(warning(span=Span(2, 1, 3, 1)))
    assert not comment.covers(warning(span=Span(1, 1, 2, 1)))
    assert not comment.covers(warning(span=Span(3, 1, 3, 5)))


def test_only_the_codes_named_are_ignored_and_only_in_their_file() -> None:
    (comment,) = ignores_of("python: 3.12  # mlspec: ignore=MLS601, MLS602 why").comments
    here = Span(1, 1, 1, 2)

    assert comment.codes == ("MLS601", "MLS602")
    assert not comment.covers(warning("MLS603", span=here))
    assert not comment.covers(warning(file="requirements.in", span=here))


def test_a_warning_without_a_line_is_ignored_from_anywhere_in_the_spec() -> None:
    (comment,) = ignores_of("python: 3.12\n# mlspec: ignore=MLS409 for other tools\napt: [git]").comments

    assert comment.covers(warning("MLS409", file=".dockerignore"))


# Requirements


@pytest.mark.parametrize(
    "text", ["numpy  # mlspec: ignore=MLS601 why", "a==1\\\n  --hash=x\n# mlspec: ignore=MLS601 why\nnumpy"]
)
def test_requirement_files_have_comments_as_pip_reads_them(text: str) -> None:
    found = in_requirements(text, "requirements.in")

    assert lines(found) == [text.count("\n") + 1]


def test_a_fragment_is_no_comment() -> None:
    assert in_requirements("a @ https://host/a.whl#mlspec:ignore=MLS601", "requirements.in") == Ignores()


def test_a_pyproject_has_the_comments_of_toml() -> None:
    text = '[project]\ndependencies = [\n  "numpy",  # mlspec: ignore=MLS601 why\n  "# mlspec: ignore=MLS601 why",\n]\n'

    assert lines(in_toml(text, "pyproject.toml")) == [3]


# Problems with comments


@pytest.mark.parametrize(
    ("comment", "code", "severity", "message"),
    [
        ("ignore=MLS101 why", "MLS008", "error", "MLS101 is an error, and only warnings can be ignored"),
        ("ignore", "MLS008", "error", "this comment does not say what to ignore"),
        ("ignore[MLS601] why", "MLS008", "error", "this comment does not say what to ignore"),
        ("ignored=MLS601 why", "MLS008", "error", '"ignored" is not an instruction that a comment can give'),
        ("ignore=MLS601", "MLS009", "error", "this comment does not say why"),
        ("ignore=MLS699 why", "MLS010", "warning", 'there is no code "MLS699"'),
    ],
)
def test_says_what_is_wrong_with_a_comment(comment: str, code: str, severity: str, message: str) -> None:
    (problem,) = ignores_of(f"python: 3.12  # mlspec: {comment}").problems

    assert (problem.code, problem.severity, problem.message) == (code, severity, message)
    assert problem.hint
    assert problem.span == Span(1, 15, 1, 25 + len(comment))


def test_each_code_of_a_comment_that_finds_nothing_is_told() -> None:
    found = ignores_of("python: 3.12  # mlspec: ignore=MLS601,MLS602,MLS232 why")
    hidden = [warning("MLS602", span=Span(1, 9, 1, 13))]

    told = found.find_unneeded(hidden, {"MLS601", "MLS602"})

    assert [(problem.code, problem.message) for problem in told] == [
        ("MLS011", "there is no MLS601 here to ignore any more")
    ]


# Together


def rendered(folder: Path, text: str) -> Rendered:
    path = folder / "mlspec.yaml"
    path.write_text(text)
    return api.render(path, LockOptions(unpinned=True), today=TODAY)


def test_an_ignored_warning_is_not_shown_and_others_are(tmp_path: Path) -> None:
    both = rendered(tmp_path, "python: 3.9\n")
    one = rendered(tmp_path, "python: 3.9  # mlspec: ignore=MLS601 the robots have it\n")

    assert {"MLS601", "MLS331"} <= {problem.code for problem in both.warnings}
    assert {problem.code for problem in one.warnings} == {problem.code for problem in both.warnings} - {"MLS601"}
    assert [artifact.text for artifact in both.artifacts] == [artifact.text for artifact in one.artifacts]


def test_a_comment_that_nothing_needs_is_told_where_all_was_looked_for(tmp_path: Path) -> None:
    found = rendered(tmp_path, "python: 3.13  # mlspec: ignore=MLS601 the robots have it\n")

    assert "MLS011" not in {problem.code for problem in found.warnings}
    assert "MLS011" in {problem.code for problem in api.inspect(found)}


def test_a_comment_in_a_requirements_file_is_checked_with_the_spec(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("-r more.in\n")
    (tmp_path / "more.in").write_text("numpy  # mlspec: ignore=MLS101 why\n")
    (tmp_path / "mlspec.yaml").write_text("python: 3.13\nrequirements: requirements.in\n")

    (problem,) = api.check(tmp_path / "mlspec.yaml", TODAY)

    assert (problem.code, problem.span and problem.span.line) == ("MLS008", 1)
    assert problem.file.endswith("more.in")
