"""A directive that draws the reference of the spec's keys from the model that reads them: ``{keys} Settings``."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from docutils import nodes
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mlspec import settings

_NAMES = {str: "text", int: "number", bool: "true or false", float: "number"}


def form(annotation: Any) -> str:  # noqa: ANN401 - any type
    """Return what a value looks like, in words: ``list of texts``."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return form(arguments[0])
    if origin is typing.Literal:
        return ", ".join(f"`{_written(value)}`" for value in arguments)
    if origin in {types.UnionType, typing.Union}:
        return " or ".join(form(argument) for argument in arguments if argument is not type(None))
    if origin is tuple:
        return f"list: {form(arguments[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"mapping: name to {form(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__.lower()}](#keys-of-{annotation.__name__.lower()})"
    return _NAMES.get(annotation, str(annotation))


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def default(field: FieldInfo) -> str:
    """Return the value of a key that is not written."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value in (None, (), {}, ""):
        return "none"
    return f"`{', '.join(map(_written, value)) if isinstance(value, tuple) else _written(value)}`"


def lines_of(model: type[BaseModel]) -> Iterator[str]:
    """Yield the Markdown of a model's keys."""
    for name, field in model.model_fields.items():
        yield from (f"### `{name}`", "", field.description or "", "")
        yield from (f"Form: {form(field.annotation)}. Default: {default(field)}.", "")
        if field.examples:
            yield from ("```yaml", *(f"{name}: {example}" for example in field.examples), "```", "")


class KeysDirective(SphinxDirective):
    """The keys of a model of ``mlspec.settings``, each under a heading of its own."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the model's reference."""
        model = getattr(settings, self.arguments[0])
        return self.parse_text_to_nodes("\n".join(lines_of(model)), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of the directive."""
    app.add_directive("keys", KeysDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
