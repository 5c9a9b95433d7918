"""Tests of problems: their text, their order, and the errors that carry them."""

from __future__ import annotations

import pytest

from mlspec.errors import LockError, MlspecError, Problem, Span, SpecError, ToolError, quote_value
from mlspec.text import without_login


def problem(message: str = "this is wrong", **more: str) -> Problem:
    return Problem(code="MLS101", message=message, **more)  # type: ignore[arg-type]


def at(line: int, column: int, excerpt: str = "", width: int = 1) -> Problem:
    return problem().at("a.yaml", Span(line, column, line, column + width), excerpt)


def carets(shown: str) -> str:
    return shown.splitlines()[2].partition("| ")[2]


def test_without_a_place_only_the_sentence_is_shown() -> None:
    assert str(problem()) == "MLS101: this is wrong"


def test_a_place_comes_first_as_editors_read_it() -> None:
    assert str(at(3, 7)) == "a.yaml:3:7: MLS101: this is wrong"


def test_a_warning_says_so() -> None:
    assert str(problem(severity="warning")) == "MLS101: warning: this is wrong"


def test_every_line_of_a_hint_is_indented() -> None:
    assert str(problem(hint="one\ntwo")).splitlines()[1:] == ["  hint: one", "        two"]


def test_carets_stand_under_the_place() -> None:
    assert carets(str(at(1, 5, "key: value", 5))) == "    ^^^^^"


def test_tabs_before_the_place_are_kept() -> None:
    assert carets(str(at(1, 3, "\tabc", 2))) == "\t ^^"


def test_carets_end_with_the_line_where_the_place_does_not() -> None:
    several = problem().at("a.yaml", Span(1, 3, 2, 9), "a: |")

    assert carets(str(several)) == "  ^^"


def test_there_is_a_caret_where_the_place_is_empty() -> None:
    assert carets(str(at(1, 3, "a:", 0))) == "  ^"


@pytest.mark.parametrize("column", [1, 60, 150, 300])
def test_a_long_line_is_cut_around_the_place(column: int) -> None:
    line = "".join(f"{n:010}" for n in range(30))

    _, shown, marks = str(at(1, column, line)).splitlines()

    assert len(shown) < 110
    assert shown[marks.index("^")] == line[column - 1]


def test_problems_are_raised_in_the_order_of_their_places() -> None:
    late, early, nowhere = at(10, 1), at(2, 9), problem()

    assert SpecError(late, early, nowhere).problems == (nowhere, early, late)


@pytest.mark.parametrize(("kind", "code"), [(SpecError, 1), (LockError, 3), (ToolError, 3)])
def test_the_exit_code_says_whose_fault_it_was(kind: type[MlspecError], code: int) -> None:
    assert kind(problem()).exit_code == code


def test_the_text_of_an_error_is_that_of_its_problems() -> None:
    assert str(SpecError(problem("one"), problem("two"))) == "MLS101: one\nMLS101: two"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("HF_TOKEN: hunter2", "HF_TOKEN: *******"),
        ('{"HF_TOKEN": "hunter2", A: 1}', '{"HF_TOKEN": *********, A: 1}'),
        ("- db_password=hunter2", "- db_password=*******"),
        ("git+https://me:hunter2@example.com", "git+https://**********@example.com"),
        ("git+ssh://git@example.com", "git+ssh://git@example.com"),
        ("secret: MY_INDEX", "secret: MY_INDEX"),
        ("secrets: [HF_TOKEN]", "secrets: [HF_TOKEN]"),
        ("HF_TOKEN: {environment: TOKEN}", "HF_TOKEN: {environment: TOKEN}"),
        ("MAX_TOKENS: 20", "MAX_TOKENS: 20"),
    ],
)
def test_an_excerpt_hides_what_is_secret_and_keeps_its_width(line: str, shown: str) -> None:
    assert at(1, 1, line).excerpt == shown


def test_quotes_cut_what_is_long_and_show_what_does_not_print() -> None:
    assert quote_value("\x1b[31m" + "a" * 100) == '"\\x1b[31m' + "a" * 55 + '…"'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://me:p@ss@index.test/simple", "see https://index.test/simple"),
        ("git+ssh://git@forge.test/a", "git+ssh://git@forge.test/a"),
        ("https://index.test/a@1 and b@c", "https://index.test/a@1 and b@c"),
    ],
)
def test_a_login_is_taken_out_whole_and_nothing_else(text: str, shown: str) -> None:
    assert without_login(text) == shown
