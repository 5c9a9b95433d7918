"""Tests of the YAML parser: values, places of values, and equal results of PyYAML's two loaders."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from mlspec.errors import Problem, Span, SpecError
from mlspec.spec.document import Document, parse
from mlspec.spec.encoding import decode
from mlspec.spec.yaml_reader import Node

FILE = "mlspec.yaml"
PLAIN = "python: 3.10\nname: größe\nlist:\n- a\n"


def data_of(text: str) -> dict[str, Any]:
    return parse(text, FILE).data


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("3.10", "3.10"),
        ("0755", "0755"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        ("22:22", "22:22"),
        ("2026-01-01", "2026-01-01"),
        ("yes", "yes"),
        ("on", "on"),
        ("no", "no"),
        ("=", "="),
        (".inf", ".inf"),
        ("true", True),
        ("False", False),
        ('"true"', "true"),
        ("!!str true", "true"),
        ("!!int 3", "3"),
        ("null", None),
        ("~", None),
        ("", None),
        ("'null'", "null"),
        ("|\n  a\n  b\n", "a\nb\n"),
        (">-\n  a\n  b\n", "a b"),
        ("[]", []),
        ("{}", {}),
    ],
)
def test_a_value_means_what_it_looks_like(written: str, meant: object) -> None:
    assert data_of(f"key: {written}") == {"key": meant}


@pytest.mark.parametrize("written", ["true", "3.10", "null", "on", "'quoted'"])
def test_a_key_is_the_text_it_was_written_as(written: str) -> None:
    assert list(data_of(f"{written}: x")) == [written.strip("'")]


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        codecs.BOM_UTF8 + PLAIN.encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + PLAIN.encode("utf-32-le"),
        codecs.BOM_UTF32_BE + PLAIN.encode("utf-32-be"),
    ],
)
def test_encodings_and_line_ends_make_no_difference(data: bytes) -> None:
    assert parse(decode(data, FILE), FILE) == parse(PLAIN, FILE)


def test_merged_keys_stand_below_own_ones() -> None:
    text = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz: {<<: [*x, *y], a: own}"

    assert data_of(text)["z"] == {"a": "own", "b": "2", "c": "4"}


def test_merged_keys_come_from_a_single_mapping_too() -> None:
    assert data_of("x: &x {a: 1}\nz: {<<: *x, b: 2}")["z"] == {"a": "1", "b": "2"}


def test_an_alias_repeats_its_anchor() -> None:
    assert data_of("a: &a [1, {b: c}]\nd: *a") == {"a": ["1", {"b": "c"}], "d": ["1", {"b": "c"}]}


def test_a_later_anchor_of_the_same_name_counts_from_there() -> None:
    assert data_of("a: &a 1\nb: *a\nc: &a 2\nd: *a") == {"a": "1", "b": "1", "c": "2", "d": "2"}


TEXT = """\
name: größe	# a tab, and letters of two bytes
list: [a, {b: c}]
block:
  key: >-
    folded
"quoted": 'value'
x: &x {inner: 1}
y: {<<: *x}
"""


@pytest.mark.parametrize(
    ("path", "on_key", "found"),
    [
        (("name",), False, Span(1, 7, 1, 12)),
        (("name",), True, Span(1, 1, 1, 5)),
        (("list", 1, "b"), False, Span(2, 15, 2, 16)),
        (("list", 1, "b"), True, Span(2, 12, 2, 13)),
        (("list", 1), True, Span(2, 11, 2, 17)),
        (("block",), False, Span(4, 3, 5, 1)),
        (("block", "key"), True, Span(4, 3, 4, 6)),
        (("quoted",), True, Span(6, 1, 6, 9)),
        (("quoted",), False, Span(6, 11, 6, 18)),
        (("y", "inner"), False, Span(7, 15, 7, 16)),
        (("list", 7, "gone"), False, Span(2, 7, 2, 18)),
        (("gone",), False, Span(1, 1, 2, 1)),
    ],
)
def test_everything_is_found_where_it_was_written(path: tuple[str | int, ...], on_key: bool, found: Span) -> None:
    assert parse(TEXT, FILE).locate(path, on_key=on_key) == found


def test_a_problem_is_placed_with_its_line() -> None:
    placed = parse(TEXT, FILE).place(Problem(code="MLS101", message="wrong", path=("list", 0)))

    assert (placed.file, placed.span, placed.excerpt) == (FILE, Span(2, 8, 2, 9), "list: [a, {b: c}]")


def test_a_problem_that_has_a_place_keeps_it() -> None:
    elsewhere = Problem(code="MLS101", message="wrong", path=("list",)).at("other.yaml", Span(1, 1, 1, 2), "x")

    assert parse(TEXT, FILE).place(elsewhere) == elsewhere


@pytest.mark.parametrize(
    "text",
    ["\ud800", "a: \ufeffb", "a: \udfff", 'a: "\\UFFFFFFFF"', 'a: "\\U00110000"', f"%YAML 1.{'1' * 5000}\n---\na"],
)
def test_what_no_text_can_hold_is_refused(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, FILE)

    assert caught.value.problems[0].code == "MLS001"


# Short texts of YAML's special characters, so that most texts have a meaning.
SIGNS = st.sampled_from(
    [*"ab12 \n\t-:,[]{}#&*!|>'\"%@`?~.<é\u2028\x85\ufeff", ": ", "- ", "\n  ", "<<: ", "&a ", "*a", "a: ", "\\"]
)
YAML = st.lists(SIGNS, max_size=30).map("".join)


def outcome(text: str) -> Document | tuple[Problem, ...]:
    try:
        return parse(text, FILE)
    except SpecError as error:
        return error.problems


def shape(found: Document | tuple[Problem, ...]) -> object:
    """Return the part of a result to compare: the problems, or the data and the places of values that are not empty.

    The loaders may place an empty value differently.
    """
    if isinstance(found, tuple):
        return [(problem.code, problem.message, problem.hint) for problem in found]
    return found.data, [span for path, span in places(found.root) if path]


def places(node: Node, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Span]]:
    if node.data is not None:
        yield path, node.span
    for step, child in node.children.items():
        yield from places(child, (*path, step))


@given(YAML)
@example("a: [1, &a 2]\nb: *a\n")
@example("x: &x {a: 1}\ny: {<<: *x, a: 2, a: 3}\n")
@example("a: |\n  text\n\n\nb:\n- \n-\n")
@example("? [a]\n: b\n!!map {}: c\n")
def test_both_loaders_say_the_same(text: str) -> None:
    fast = outcome(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(yaml, "CSafeLoader", raising=False)
        slow = outcome(text)

    # PyYAML without libyaml refuses a little more: a tab after a value, a comment after a bar.
    refuses_more = isinstance(slow, tuple) and slow[0].code == "MLS002"
    assert refuses_more or shape(fast) == shape(slow)


@given(st.text(max_size=200) | YAML)
def test_no_text_makes_it_fall(text: str) -> None:
    found = outcome(text)

    assert isinstance(found, Document) or all(problem.file == FILE and problem.span for problem in found)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fall(data: bytes) -> None:
    try:
        text = decode(data, FILE)
    except SpecError as error:
        assert error.problems[0].code == "MLS001"  # noqa: PT017 - either outcome is fine, another exception is not
    else:
        outcome(text)
