"""Tests of the patterns of ignore files; tests/engine/test_context.py compares them with the real BuildKit."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mlspec.plan.ignore_file import ignore_lines, include_entry, include_line, path_line
from mlspec.plan.unfinished_names import UNFINISHED
from mlspec.spec.document import parse
from mlspec.spec.spec import validate
from mlspec.spec.values import include_path
from mlspec.spec.values.refused import Refused
from mlspec.targets import filters, ignore_patterns
from tests.support.moby import left_out

NAMES = st.text(st.sampled_from("ab1 *?[]{}|()^+$.!#~-:,\xa0\u2003\ufeffé"), min_size=1, max_size=6)
"""Names of files, made of characters with a meaning in patterns or regular expressions."""


@pytest.mark.parametrize(
    ("text", "left_out", "kept"),
    [
        ("data", ["data", "data/a/b"], ["database", "src/data"]),
        ("/data/", ["data/a"], ["src/data"]),
        ("*.csv", ["a.csv"], ["src/a.csv"]),
        ("**/*.csv", ["a.csv", "src/deep/a.csv"], ["a.csvs"]),
        ("**/.env.*", [".env.local", "a/.env.prod"], [".env", ".environment"]),
        ("src/**", ["src/a", "src/a/b"], ["srcs"]),
        ("a?c", ["abc"], ["ac", "a/c"]),
        ("*.py[cod]", ["a.pyc"], ["a.py", "a.pyx"]),
        (r"\[a\].csv", ["[a].csv"], ["a.csv"]),
        (r"\#a", ["#a"], ["a"]),
        ("*\n!src\nsrc/*.tmp", ["a", "src/a.tmp"], ["src", "src/a", "src/deep/a.tmp"]),
        ("*\n!src/app", ["src/b", "src"], ["src/app/a"]),
        ("# data\n\n  a  ", ["a"], ["data", "# data"]),
        ("[a", [], ["b", "a"]),
    ],
)
def test_the_last_that_fits_decides(text: str, left_out: list[str], kept: list[str]) -> None:
    read = ignore_patterns.parse(text)

    assert [path for path in (*left_out, *kept) if read.leaves_out(path)] == left_out


# Patterns that mlspec writes


@given(NAMES, NAMES)
@example(" a ", "a")
@example("#a", "xa")
@example("k[1]|", "train.py")
@example("k#1^2.pem", "k#1_2.pem")
@example("k[1]{2}.txt", "k[1]2.txt")
@example("~token", "token")
@example("a^", "^")
def test_a_path_as_a_line_means_that_path_and_no_other(path: str, other: str) -> None:
    assume(path not in {".", ".."} and path != other)
    line = filters.pattern(path_line(path))

    assert left_out(line, path)
    assert left_out(line, f"{path}/below")
    assert not left_out(line, other)


@given(NAMES, st.lists(NAMES, max_size=3))
def test_what_is_looked_at_is_what_the_engine_copies(path: str, names: list[str]) -> None:
    text = "\n".join(["**/.env.*", "*.py[cod]", "**/[a-b]*", *map(path_line, names)])

    assert ignore_patterns.parse(text).leaves_out(path) == left_out(text, path)


def test_a_line_break_in_a_folder_s_name_is_seen_as_the_engine_sees_it() -> None:
    # A dot in a regular expression of Go does not match a line break, so "**/" does not match such a folder.
    text = "**/.env\n**/.env.*"

    assert [ignore_patterns.parse(text).leaves_out(path) for path in ("a\nb/.env", "a\nb/.env.x")] == [True, False]
    assert [left_out(text, path) for path in ("a\nb/.env", "a\nb/.env.x")] == [True, False]


@pytest.mark.parametrize("path", ["a\nb", "a\rb", "a\x01b", "a\\b", "a\udcffb"])
def test_what_no_line_can_hold_is_any_one_character(path: str) -> None:
    assert path_line(path) == "a?b"


@given(NAMES)
def test_a_name_from_a_hint_can_be_taken_out(name: str) -> None:
    assume(name not in {".", ".."})
    entry = include_path(f"!{include_entry(name)}")

    assert left_out(include_line(entry), name)


@pytest.mark.parametrize(
    ("entry", "kept", "others"),
    [
        ("*", ["a", "k|"], []),
        ("*|", ["k|"], ["a"]),
        ("a{2}", ["a{2}"], ["aa"]),
        ("data (1)/*.csv", ["data (1)/a.csv"], ["data 1/a.csv"]),
        ("[a-c]^x", ["b^x"], ["bx", "d^x"]),
        ("[!]a", ["!a"], ["a"]),
        ("#a", ["#a"], ["a"]),
        (".", ["a", "b/c"], []),
        ("a+b.txt", ["a+b.txt"], ["aab.txt"]),
    ],
)
def test_an_entry_of_include_means_its_wildcards_and_nothing_else(
    entry: str, kept: list[str], others: list[str]
) -> None:
    text = f"*\n{include_line(include_path(entry))}"
    taken_out = f"*\n!**\n{include_line(include_path(f'!{entry}'))}"

    assert [path for path in (*kept, *others) if not left_out(text, path)] == kept
    assert [path for path in (*kept, *others) if left_out(taken_out, path)] == kept


@pytest.mark.parametrize("entry", ["data[1", "[]", "[!a]", "[c-a]", "[*]", "[[:alpha:]]", "a[^]"])
def test_a_bracket_that_no_engine_reads_as_meant_is_refused(entry: str) -> None:
    with pytest.raises(Refused, match="not a set of characters"):
        include_path(entry)


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("./~token", "~token"),
        ("~token", "~token"),
        ("./c:x", "c:x"),
        ("c:x", "c:x"),
        ("./c:/x", "c:/x"),
        ("..token", "..token"),
        ("./a/../b", "b"),
        ("~/token", ""),
        ("~", ""),
        ("c:/x", ""),
        ("/etc/x", ""),
        ("../x", ""),
        ("a/../../x", ""),
        (".", ""),
    ],
)
@pytest.mark.parametrize("place", ["secrets: {K: {file: %s}}", "env_file: %s"])
def test_a_private_file_is_left_out_as_it_is_written(place: str, written: str, line: str) -> None:
    settings = validate(parse(f"python: 3.12\n{place % repr(written)}\n", "mlspec.yaml")).images[0].settings
    never = len(ignore_lines(validate(parse("python: 3.12\n", "mlspec.yaml")).images[0].settings))

    assert list(ignore_lines(settings)[never:]) == ([line] if line else [])


def test_files_of_a_killed_process_are_left_out() -> None:
    settings = validate(parse("python: 3.12\n", "mlspec.yaml")).images[0].settings

    assert left_out("\n".join(ignore_lines(settings)), f".Dockerfile.0a1b2c3d{UNFINISHED}")


# Folders


@pytest.mark.parametrize(
    ("text", "hidden", "seen"),
    [
        ("data\n!requirements.lock", ["data"], ["src"]),
        ("*\n!src/app", ["data", "src/other"], ["src", "src/app"]),
        ("*\n!**\n**/.git", [".git", "a/.git"], ["a"]),
        ("*\n!*/keep", [], ["a"]),
    ],
)
def test_a_folder_is_passed_by_where_nothing_below_is_kept(text: str, hidden: list[str], seen: list[str]) -> None:
    read = ignore_patterns.parse(text)

    assert [path for path in (*hidden, *seen) if read.hides(path)] == hidden
