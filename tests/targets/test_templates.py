"""Templates are pictures: each value names its quoting, and nothing is computed in them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jinja2 import nodes

from mlspec.build.report import page
from mlspec.targets import metadata
from mlspec.targets.filters import FILTERS, environment
from mlspec.targets.registry import ALWAYS, TARGETS
from tests.support.places import PROJECT

FOLDER = PROJECT / "templates"
TEMPLATES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.j2"))
COMPUTES = (
    *[nodes.Compare, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Neg],
    *[nodes.Pos, nodes.Concat, nodes.CondExpr, nodes.Assign, nodes.AssignBlock],
)


def faults(source: str) -> Iterator[str]:
    """Yield what a template does that a picture of a file does not."""
    tree = environment().parse(source)
    macros = {str(name) for found in tree.find_all(nodes.FromImport) for name in found.names}
    macros |= {found.name for found in tree.find_all(nodes.Macro)}
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
    drawn = {*(TARGETS[name].template for name in ALWAYS), page.TEMPLATE, metadata.TEMPLATE}
    trees = [environment().parse((FOLDER / name).read_text(encoding="utf-8")) for name in TEMPLATES]
    others = [found.template for tree in trees for found in tree.find_all(nodes.FromImport)]
    others += [found.template for tree in trees for found in tree.find_all(nodes.Include)]
    imported = {other.value for other in others if isinstance(other, nodes.Const)}

    assert drawn | imported == set(TEMPLATES)
