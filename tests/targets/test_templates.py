"""Tests that templates read like their output: each value names its quoting, and templates compute nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from jinja2 import nodes

from mlspec.build.report import page
from mlspec.targets import metadata
from mlspec.targets.filters import FILTERS, environment
from mlspec.targets.registry import TARGETS
from tests.support.places import PROJECT

FOLDER = PROJECT / "templates"
TEMPLATES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.j2"))
# The main template imports these macros for its partials.
MACROS = environment().parse((FOLDER / "dockerfile" / "_macros.j2").read_text(encoding="utf-8"))
COMPUTES = (
    *[nodes.Compare, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Neg],
    *[nodes.Pos, nodes.Concat, nodes.CondExpr, nodes.Assign, nodes.AssignBlock],
)


def faults(source: str) -> Iterator[str]:
    """Yield the faults of a template: values without a named quoting, and computations."""
    tree = environment().parse(source)
    macros = {str(name) for found in tree.find_all(nodes.FromImport) for name in found.names}
    macros |= {found.name for parsed in (tree, MACROS) for found in parsed.find_all(nodes.Macro)}
    for output in tree.find_all(nodes.Output):
        for value in output.nodes:
            if not isinstance(value, nodes.TemplateData) and not _is_quoted(value, macros):
                yield f"line {value.lineno}: this value does not name its quoting"
    for found in tree.find_all(COMPUTES):
        yield f"line {found.lineno}: {type(found).__name__} belongs in the plan or a view"
    for call in tree.find_all(nodes.Call):
        if not (isinstance(call.node, nodes.Name) and call.node.name in macros):
            yield f"line {call.lineno}: only macros are called"


def _is_quoted(value: nodes.Node, macros: set[str]) -> bool:
    if isinstance(value, nodes.Call):
        return isinstance(value.node, nodes.Name) and value.node.name in macros
    return isinstance(value, nodes.Filter) and value.name in FILTERS


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_value_names_its_quoting_and_nothing_is_computed(name: str) -> None:
    assert list(faults((FOLDER / name).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "{{ x }}",
        "{{ x.y }}",
        "{{ 'x' }}",
        "{{ x | join }}",
        "{{ x | sh | upper }}",
        "{{ x | safe }}",
        "{{ x.y() }}",
        "{{ macro(x) }}",
        "{{ x ~ y | sh }}",
        "{{ (x + y) | sh }}",
        "{{ (x if y else z) | sh }}",
        "{% if x == y %}{% endif %}",
        "{% if x is none and y > 1 %}{% endif %}",
        "{% if x.startswith('y') %}{% endif %}",
        "{% for x in y %}{{ x }}{% endfor %}",
        "{% macro m(x) %}{{ x }}{% endmacro %}",
        "{% set x = y %}",
        "{% for x in y[1:] %}{{ loop.index + 1 }}{% endfor %}",
    ],
)
def test_such_a_template_is_refused(source: str) -> None:
    assert list(faults(source))


@pytest.mark.parametrize(
    "source",
    [
        "text",
        "{{ x | sh }}",
        "{{ x | join(' ') | env }}",
        "{% for x in y.z %}{{ x.w | continued(4) }}{% endfor %}",
        "{% if x is not none and not y %}text{% endif %}",
        "{% from 'dockerfile/_macros.j2' import m %}{{ m(x) }}",
    ],
)
def test_such_a_template_is_fine(source: str) -> None:
    assert list(faults(source)) == []


def test_every_template_is_drawn_imported_or_included() -> None:
    drawn = {*(target.template for target in TARGETS.values() if target.template), page.TEMPLATE, metadata.TEMPLATE}
    trees = [environment().parse((FOLDER / name).read_text(encoding="utf-8")) for name in TEMPLATES]
    others = [found.template for tree in trees for found in tree.find_all(nodes.FromImport)]
    others += [found.template for tree in trees for found in tree.find_all(nodes.Include)]
    imported = {other.value for other in others if isinstance(other, nodes.Const)}

    assert drawn | imported == set(TEMPLATES)


# An include does not count as control: a partial is a part of the output, like a line of text.
CONTROL = re.compile(r"{% (?!include)(\w+)")
DOCKERFILE = [FOLDER / "Dockerfile.j2", *sorted((FOLDER / "dockerfile").glob("*.j2"))]


def depths(text: str) -> Iterator[int]:
    """Yield the nesting depth of each control line of a template."""
    depth = 0
    for match in CONTROL.finditer(text):
        depth -= match[1].startswith("end")
        yield depth + 1
        depth += match[1] in {"if", "for", "macro"}


def test_the_templates_of_the_dockerfile_read_like_what_they_draw() -> None:
    texts = [path.read_text(encoding="utf-8") for path in DOCKERFILE]
    lines = [line for text in texts for line in text.splitlines()]

    assert sum(bool(CONTROL.search(line)) for line in lines) < 0.2 * len(lines)
    assert max(depth for text in texts for depth in depths(text)) <= 2


def test_each_partial_of_the_dockerfile_begins_with_its_stage() -> None:
    assert len(DOCKERFILE) > 5
    for path in DOCKERFILE[1:]:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        assert lines[0].startswith(("FROM ", "{% macro ", "{% include ")), path.name
