"""Data that is dumped comes back, and what two readers of YAML could read in two ways stands in quotes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlspec.spec.document import parse
from mlspec.targets.yaml_writer import Sheet, dump, is_plain, text

# What one reader or another takes for a number, a truth value, nothing, a time, a merge or an indicator.
TRAPS = [
    *("0o17", "017", "0x1F", "1e3", "1_000", "12e03", "+1", "-1", ".5", ".", "..", "1.", "685.230_15e+03", "0b1"),
    *("on", "Off", "yes", "NO", "y", "N", "true", "False", "null", "Null", "NULL", "~", "", ".inf", "-.INF", ".NaN"),
    *(
        "22:22",
        "190:20:30",
        "2001-12-14",
        "2001-12-14t21:59:43.10-05:00",
        "=",
        "<<",
        "-",
        "?",
        ":",
        "- a",
        "a: b",
        "a #b",
    ),
    *(
        " a",
        "a ",
        "\ta",
        "a\nb",
        "a\n",
        "\n",
        "é",
        "grün 🌱",
        "\u2028",
        "\x85",
        "\xa0",
        "\ufeff",
        "\x7f",
        "\0",
        "#a",
        "&a",
    ),
    *(
        "*a",
        "!a",
        "%a",
        "@a",
        "`a`",
        "'a'",
        '"a"',
        "{a}",
        "[a]",
        "a,b",
        "|",
        ">",
        "---",
        "...",
        "$HOME",
        "\\",
        "8gb",
        "1m30s",
    ),
]

texts = st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(TRAPS))
data = st.recursive(
    st.one_of(texts, st.integers(), st.booleans(), st.none()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, data, min_size=1, max_size=3))
def test_what_is_dumped_comes_back(value: dict[str, Any]) -> None:
    assert yaml.safe_load(dump(value)) == value


@given(st.dictionaries(texts, data, min_size=1, max_size=3))
def test_every_text_is_a_plain_word_or_in_quotes(value: dict[str, Any]) -> None:
    # Of the values, nothing but numbers, true, false and null stands bare beside plain words.
    scalars = (token for token in yaml.scan(dump(value)) if isinstance(token, yaml.ScalarToken))

    bare = {token.value for token in scalars if token.plain}

    assert all(is_plain(word) or word in {"true", "false", "null"} or word.lstrip("-").isdigit() for word in bare)


@pytest.mark.parametrize("value", TRAPS)
def test_what_has_two_meanings_is_quoted(value: str) -> None:
    assert dump({"a": [value]}).startswith('a:\n  - "')


@pytest.mark.parametrize(
    "value", ["train", "./data", "../a", "/app/data-1", "python.py", "nvidia.com/gpu", "e3", "x1F"]
)
def test_a_plain_word_stands_bare(value: str) -> None:
    assert dump({value: value}) == f"{value}: {value}\n"


@given(texts)
def test_a_reader_of_our_own_sees_the_same_text(value: str) -> None:
    # Of YAML 1.2's types, where PyYAML reads those of 1.1.
    if "\ufeff" not in value:
        assert parse(dump({"a": value}), "a.yaml").data == {"a": value}


def test_lists_are_indented_and_keys_keep_their_order() -> None:
    assert dump({"b": [{"c": 1, "a": ["x"]}], "a": {}, "d": None, "e": True}) == (
        "b:\n  - c: 1\n    a:\n      - x\na: {}\nd: null\ne: true\n"
    )


def test_what_is_said_twice_is_written_twice() -> None:
    shared = ["x"]

    assert dump({"a": shared, "b": shared}) == "a:\n  - x\nb:\n  - x\n"


def test_a_long_text_stays_on_its_line() -> None:
    assert dump({"a": "long words " * 200}).count("\n") == 1


def test_documents_are_apart_and_the_comment_stands_above() -> None:
    assert text(["one", "", "two"], [Sheet((), {"a": 1}), Sheet((), {"b": 2})]) == "# one\n#\n# two\na: 1\n---\nb: 2\n"


def test_blank_lines_stand_between_what_is_to_be_apart() -> None:
    sheet = Sheet((), {"name": "x", "services": {"a": {"b": "c d"}, "0": {}}, "volumes": {"v": {}}}, apart="services")

    assert text((), [sheet]) == 'name: x\n\nservices:\n  a:\n    b: "c d"\n\n  "0": {}\n\nvolumes:\n  v: {}\n'
