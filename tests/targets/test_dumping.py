"""Tests of dumped data: readers get the same data back, and text that YAML readers disagree about is quoted."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlspec.spec.document import parse
from mlspec.targets import json_writer
from mlspec.targets.sheet import Sheet
from mlspec.targets.yaml_writer import dump, is_plain, text

# Texts that some reader of YAML takes for a number, a boolean, null, a time, a merge key or an indicator.
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
    # Only plain words, numbers, true, false and null have no quotes.
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
    # mlspec's parser reads the types of YAML 1.2, PyYAML those of YAML 1.1.
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


@pytest.mark.parametrize("value", TRAPS)
def test_json_comes_back_with_its_comment(value: str) -> None:
    written = json_writer.text(["one", "", value], [Sheet((), {"a": value, value or "b": [1, None]})])

    assert json.loads(written) == {"//": ["one", *filter(None, [value])], "a": value, value or "b": [1, None]}


def test_the_second_line_of_json_says_that_it_is_generated() -> None:
    assert json_writer.text(["one", "two"], [Sheet((), {"a": 1})]) == (
        '{\n  "//": ["one",\n         "two"],\n  "a": 1\n}\n'
    )


def test_json_without_data_is_only_its_comment() -> None:
    assert json.loads(json_writer.text(["one"], [Sheet((), {})])) == {"//": ["one"]}


def test_a_comment_of_json_can_stand_below_keys() -> None:
    sheet = Sheet((), {"a": {"c": 1}, "z": 2}, comment=("a", "b"))

    assert json_writer.text(["one", "two"], [sheet]) == (
        '{\n  "a": {\n    "b": ["one",\n          "two"],\n    "c": 1\n  },\n  "z": 2\n}\n'
    )
