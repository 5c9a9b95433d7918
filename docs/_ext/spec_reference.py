"""A directive that draws the keys of a spec from its schema, and so from the model: ``{keys}``, ``{keys} Mount``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mlspec.spec import schema

Shape = Mapping[str, Any]
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
_WORDS = {"string": "text", "integer": "number", "number": "number", "boolean": "`true` or `false`"}


def forms(shape: Shape) -> Iterator[str]:
    """Yield what a value may look like, in words, the shortest form first."""
    if "$ref" in shape:
        name = shape["$ref"].rpartition("/")[2]
        # The page has a heading for each class of keys: "The keys of run step" for RunStep.
        yield f"[keys of its own](#the-keys-of-{_CAPITAL.sub('-', name).lower()})"
    elif "const" in shape:
        yield f"`{shape['const']}`"
    elif "enum" in shape:
        yield " or ".join(f"`{value}`" for value in shape["enum"])
    elif "anyOf" in shape:
        for each in shape["anyOf"]:
            yield from forms(each)
    elif "allOf" in shape:
        for each in shape["allOf"]:
            yield from forms(each)
    else:
        yield from _plain_forms(shape)


def _plain_forms(shape: Shape) -> Iterator[str]:
    kinds = shape.get("type", [])
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind == "array":
            yield f"list ({_joined(shape['items'])})"
        elif kind == "object":
            values = shape.get("additionalProperties")
            yield f"mapping of names ({_joined(values)})" if isinstance(values, dict) else "mapping"
        elif kind in _WORDS:
            yield _WORDS[kind]


def _joined(shape: Shape) -> str:
    # YAML's numbers are taken as the text they are written in: a reader need not know.
    found = list(dict.fromkeys(forms(shape)))
    return ", ".join(form for form in found if not (form == "number" and "text" in found))


def _lines_of(name: str, key: Shape) -> Iterator[str]:
    yield from (f"### `{name}`", "", str(key["description"]), "")
    yield from (f"*Forms:* {_joined(key)}.", "")
    if examples := key.get("examples"):
        text = "\n".join(f"{name}: {_flow(value)}" for value in examples)
        yield from ("```yaml", *text.split("\n"), "```", "")


def _flow(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=100)
    return text.removesuffix("...\n").strip()


class KeysDirective(SphinxDirective):
    """The keys of a spec, or of a part of it, each under a heading of its own."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the reference."""
        whole = schema.schema()
        part = whole["$defs"][self.arguments[0]] if self.arguments else whole
        intro = [part["description"], ""] if self.arguments else []
        lines = [*intro, *(line for name, key in part["properties"].items() for line in _lines_of(name, key))]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of the directive."""
    app.add_directive("keys", KeysDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
