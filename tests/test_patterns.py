"""Patterns of ignore files; tests/engine/test_context.py holds them against BuildKit's own reading."""

from __future__ import annotations

import pytest

from mlspec.targets import ignore_patterns as patterns


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
    read = patterns.parse(text)

    assert [path for path in (*left_out, *kept) if read.leaves_out(path)] == left_out


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
    read = patterns.parse(text)

    assert [path for path in (*hidden, *seen) if read.hides(path)] == hidden
