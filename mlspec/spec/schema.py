"""The JSON Schema of a spec, from the models that validate it; editors use it to complete, explain and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from mlspec.facts.python import python_versions
from mlspec.spec.banner import SCHEMA_MARK
from mlspec.spec.editor_schema import IMAGE, NO_VALUE, describe_parts, put_into_words
from mlspec.spec.fields import hint, model_below
from mlspec.spec.inheritance import INHERITED
from mlspec.spec.keys import Settings, TopKeys
from mlspec.spec.schema_parts import IMAGE_KEY, INTEGER_IN_QUOTES, NAME, Shape, any_of
from mlspec.spec.targets import OPTIONAL_TARGETS

Draft = Literal["2020-12", "7"]
"""The editions of JSON Schema: the newest, and the one that most editors and catalogs of schemas still require."""

FILE = "mlspec.schema.json"
"""The name of the schema's file beside a spec, which the MODELINE of the spec names."""

MODELINE = f"# yaml-language-server: $schema={FILE}\n"
"""The line that shows the place of the schema to an editor's YAML support."""

MARK = f'"{SCHEMA_MARK}'
"""The text in the first lines of a schema file; a file without it is the user's own."""

_URIS: Mapping[Draft, str] = {
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
    "7": "http://json-schema.org/draft-07/schema#",
}
_NULL: Shape = {"type": "null"}
_REPEAT: Shape = {"const": INHERITED, "description": "The list of the level above."}
_TARGET: Shape = {"enum": list(OPTIONAL_TARGETS)}
_OWN = {"description": "Your own, such as anchors to repeat; mlspec does not read it."}


def schema(draft: Draft = "2020-12") -> Shape:
    """Return the JSON Schema of a spec, as plain data."""
    whole = Settings.model_json_schema(schema_generator=_Generator, by_alias=False)
    keys: dict[str, Shape] = whole["properties"]
    keys["python"]["examples"] = [row.python for row in reversed(python_versions()) if row.status != "end of life"]
    above = {name: _describe_key(key) for name, key in TopKeys.model_json_schema()["properties"].items()}
    top = {name: _at_the_top(name, key) for name, key in keys.items()}
    own = {name: _in_image(name, key) for name, key in keys.items()}
    same = {name: {"$ref": f"#/properties/{name}"} for name in keys if own[name] == top[name]}
    image = any_of(
        {"type": "object", "properties": put_into_words(own | same, Settings), **_forbid_other_keys()}, NO_VALUE
    )
    named = {
        "type": "object",
        "propertyNames": {"pattern": IMAGE_KEY["pattern"]},
        "additionalProperties": IMAGE,
        "minProperties": 1,
    }
    once = {
        "name": {**above["name"], **any_of(NAME, _NULL)},
        "targets": {**above["targets"], **any_of(_TARGET, {"type": "array", "items": _TARGET}, _NULL)},
        "images": {**above["images"], **any_of(named, _NULL)},
    }
    shown = put_into_words(once, TopKeys)
    found = {
        "$schema": _URIS[draft],
        "title": "mlspec",
        "description": "What an ML image needs, which mlspec compiles to a Dockerfile.",
        "type": "object",
        "properties": {
            "name": shown["name"],
            "targets": shown["targets"],
            **put_into_words(top, Settings),
            "images": shown["images"],
        },
        **_forbid_other_keys(),
        "anyOf": [_has_python(), {"required": ["images"], "properties": {"images": _every(_has_python())}}],
        "$defs": {**describe_parts(whole["$defs"], _parts()), "Image": image},
    }
    return found if draft == "2020-12" else _older(found)


def text(draft: Draft, version: str) -> str:
    """Return the schema as the text of a file, with the version of mlspec that made it."""
    comment = f"{SCHEMA_MARK}{version}; to write it again: mlspec schema --output {FILE}"
    return json.dumps({"$comment": comment, **schema(draft)}, indent=2, ensure_ascii=False) + "\n"


def is_of(text: str, version: str) -> bool:
    """Return whether the text of a file is the schema of this version of mlspec."""
    return f"{MARK}{version};" in text[:_HEAD]


_HEAD = 200


def _forbid_other_keys() -> Shape:
    return {"patternProperties": {"^x-": _OWN}, "additionalProperties": False}


def _parts() -> dict[str, type[BaseModel]]:
    """Return the models of the mappings below keys, by their names."""
    below = (model_below(Settings, name) for name in Settings.model_fields)
    return {model.__name__: model for model in below if model}


def _has_python() -> Shape:
    # Without doNotSuggest, editors would offer the key twice.
    missing = f"python: {hint(Settings, 'python')}"
    python = {"type": ["string", "number"], "errorMessage": missing, "doNotSuggest": True}
    return {"required": ["python"], "properties": {"python": python}, "errorMessage": missing}


def _every(one: Shape) -> Shape:
    return {"type": "object", "additionalProperties": {"type": "object", **one}, "doNotSuggest": True}


def _at_the_top(name: str, key: Shape) -> Shape:
    """Return a key for the top of a spec, where a list has no entries above to repeat."""
    return _key(name, key, lambda items: {"allOf": [{"not": {"const": INHERITED}}, items]})


def _in_image(name: str, key: Shape) -> Shape:
    """Return a key for an image, where ``...`` in a list repeats the entries of the level above."""
    allowed = _key(name, key, lambda items: any_of(_REPEAT, items))
    if name == "python":
        # A key without a value has no value on any level, and an image needs a Python.
        allowed["anyOf"].remove(_NULL)
    return allowed


def _key(name: str, key: Shape, items: Callable[[Shape], Shape]) -> Shape:
    shape = {word: value for word, value in key.items() if word not in {"description", "examples", "default", "title"}}
    branches = any_of(shape, _NULL)["anyOf"]
    ways = [{**way, "items": items(way["items"])} if way.get("type") == "array" else way for way in branches]
    distinct = [way for index, way in enumerate(ways) if way not in ways[:index]]
    return {"title": name, **_describe_key(key), "anyOf": distinct, "not": {"const": INHERITED}}


def _describe_key(key: Shape) -> Shape:
    return {word: key[word] for word in ("description", "examples", "default") if key.get(word) not in (None, [], {})}


class _Generator(GenerateJsonSchema):
    """Pydantic's schema, with two changes: a text may also be a plain number, and titles are the keys."""

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """Return the schema of a text; a plain number counts as a text."""
        return {**super().str_schema(schema), "type": ["string", "number"]}

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        """Return the schema of a whole number, with or without quotes."""
        return any_of(super().int_schema(schema), INTEGER_IN_QUOTES)

    def get_title_from_name(self, name: str) -> str:
        """Return the key as its title."""
        return name


def _older(shape: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """Return a part of a schema converted to draft 7."""
    if isinstance(shape, list):
        return [_older(item) for item in shape]
    if not isinstance(shape, dict):
        return shape
    if isinstance(shape.get("$ref"), str) and len(shape) > 1:
        # Draft 7 ignores all keys beside a reference.
        return {**_older({k: v for k, v in shape.items() if k != "$ref"}), "allOf": [_older({"$ref": shape["$ref"]})]}
    if "prefixItems" in shape:
        shape = {
            **{word: value for word, value in shape.items() if word != "prefixItems"},
            "items": shape["prefixItems"],
            "additionalItems": shape.get("items", True),
        }
    return {
        "definitions" if word == "$defs" else word: value.replace("#/$defs/", "#/definitions/")
        if word == "$ref"
        else _older(value)
        for word, value in shape.items()
    }
