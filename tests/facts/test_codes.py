"""Tests of the page of codes: one complete section for each code, with an example that causes the problem."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import mlspec
from mlspec.cli.explain import explain
from mlspec.errors import SpecError
from mlspec.facts import base_image, codes
from mlspec.facts.codes import Code, parse_codes
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.spec.document import parse as parse_document
from mlspec.spec.spec import validate
from tests.support.trees import nodes_of

CODES = codes.codes()
PACKAGE = Path(mlspec.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
# The codes of problems that need only a spec and the requirements in it, no files beside it.
READ = [
    row
    for row in CODES
    if re.match("MLS0|MLS1|MLS20|MLS21", row.code)
    and "```yaml" in row.text
    and row.code not in {"MLS011", "MLS125", "MLS126", "MLS127"}
]


def constants(nodes: Iterable[ast.AST]) -> set[str]:
    values = (node.value for node in nodes if isinstance(node, ast.Constant))
    return {value for value in values if isinstance(value, str) and re.fullmatch(r"MLS\d{3}", value)}


def warnings() -> Iterator[str]:
    for node in (node for path in MODULES for node in nodes_of(path) if isinstance(node, ast.Call)):
        for keyword in node.keywords:
            if keyword.arg == "severity" and isinstance(keyword.value, ast.Constant) and keyword.value.value != "error":
                yield from constants(ast.walk(node))


def caused_by(text: str) -> set[str]:
    try:
        spec = validate(parse_document(text, "mlspec.yaml"))
        for image in spec.images:
            refusal = base_image.base_reference(image.settings.python, image.settings.base)
            if isinstance(refusal, base_image.BaseRefusal):
                return {"MLS105"}
            collect([RequirementEntry(entry, ()) for entry in image.settings.requirements], beside, "mlspec.yaml")
    except SpecError as error:
        return {problem.code for problem in error.problems}
    return {problem.code for problem in spec.ignores.problems}


def beside(path: str) -> str:
    if path == "pyproject.toml":
        return '[project]\nname = "ours"\ndependencies = []\n'
    raise FileNotFoundError(path)


def test_every_code_in_the_source_has_a_section_and_the_other_way_round() -> None:
    used = set().union(*map(constants, map(nodes_of, MODULES)))

    assert {row.code for row in CODES} == used


def test_sections_stand_in_the_order_of_their_numbers_and_once() -> None:
    names = [row.code for row in CODES]

    assert names == sorted(set(names))


def test_a_section_says_what_it_means_shows_an_example_and_says_what_to_do() -> None:
    for row in CODES:
        assert re.fullmatch(r"[^#].{20,}", row.meaning, re.DOTALL), row.code
        assert not row.meaning.startswith("```"), row.code
        assert re.search(r"^```(\w+)\n.+?\n```$", row.text, re.MULTILINE | re.DOTALL), row.code
        assert row.advice.endswith("."), row.code
        assert row.title[0].islower() or row.title.split()[0].rstrip(":") in {"GPU", "GPUs", "Podman"}, row.code
        assert not row.title.endswith("."), row.code


def test_a_section_about_a_warning_says_so() -> None:
    assert {row.code for row in CODES if row.severity == "warning"} >= set(warnings())


@pytest.mark.parametrize("row", READ, ids=lambda row: row.code)
def test_the_example_causes_its_code(row: Code) -> None:
    example = row.text.partition("```yaml\n")[2].partition("```")[0]

    assert caused_by(example) == {row.code}


def test_a_section_ends_where_the_next_begins() -> None:
    first, second = parse_codes("# Codes\n\n## MLS001: one\n\nThis.\n\n## MLS002: two\n\nA warning: that.\n")

    assert (first.text, first.severity) == ("This.", "error")
    assert (second.text, second.severity) == ("A warning: that.", "warning")


# On the command line


def explained(*arguments: str) -> str:
    result = CliRunner().invoke(explain, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(explain, arguments)
    assert result.exit_code == 2
    return result.stderr


def test_explains_a_code() -> None:
    said = explained("MLS101")

    assert said.startswith("## MLS101: unknown key\n\nThe spec has a key")
    assert "What to do" in said


@pytest.mark.parametrize("written", ["mls101", "MLS-101", "Mls 101"])
def test_takes_a_code_as_people_write_it(written: str) -> None:
    assert explained(written) == explained("MLS101")


def test_explains_several_codes_in_the_order_asked_for_and_each_once() -> None:
    headings = re.findall("^## MLS...", explained("MLS117", "mls101", "MLS117"), re.MULTILINE)

    assert headings == ["## MLS117", "## MLS101"]


def test_guesses_what_code_was_meant() -> None:
    assert re.search("there is no code MLS1O7; did you mean .*MLS107", refused("MLS1O7"))


def test_an_unknown_code_is_no_reason_to_guess_wildly() -> None:
    assert "there is no code MLS999; a code is after the place of a problem" in refused("mls999")


def test_draws_the_section_where_colors_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)

    said = explained("MLS101")

    assert "\x1b[" in said
    assert "## " not in said
