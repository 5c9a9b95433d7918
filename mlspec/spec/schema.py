"""The JSON Schema of a spec, from the models that validate it: what editors complete, explain and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from mlspec.spec import schema_parts as shapes
from mlspec.spec.banner import SCHEMA_MARK
from mlspec.spec.inheritance import INHERITED
from mlspec.spec.keys import Settings, TopKeys
from mlspec.spec.schema_parts import Shape, any_of
from mlspec.spec.targets import SHARED_TARGETS

Draft = Literal["2020-12", "7"]
"""The editions of JSON Schema: the present one, and the one that most editors and catalogs of schemas still ask for."""

FILE = "mlspec.schema.json"
"""The file beside a spec that its editor's line names."""

MODELINE = f"# yaml-language-server: $schema={FILE}\n"
"""The line that tells an editor's YAML support where the schema is."""

MARK = f'"{SCHEMA_MARK}'
"""What a file with the schema says in its first lines; a file that does not say it is the user's own."""

_URIS: Mapping[Draft, str] = {
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
    "7": "http://json-schema.org/draft-07/schema#",
}
_NULL: Shape = {"type": "null"}
_REPEAT: Shape = {"const": INHERITED, "description": "What the level above said."}
_TARGET: Shape = {"enum": list(SHARED_TARGETS)}
_OWN = {"description": "Your own, such as anchors to repeat; mlspec does not read it."}


def schema(draft: Draft = "2020-12") -> Shape:
    """Return the JSON Schema of a spec, as plain data."""
    whole = Settings.model_json_schema(schema_generator=_Generator, by_alias=False)
    keys: dict[str, Shape] = whole["properties"]
    above = {name: _describe_key(key) for name, key in TopKeys.model_json_schema()["properties"].items()}
    top = {name: _at_the_top(name, key) for name, key in keys.items()}
    own = {name: _in_image(name, key) for name, key in keys.items()}
    same = {name: {"$ref": f"#/properties/{name}"} for name in keys if own[name] == top[name]}
    image = {"type": ["object", "null"], "properties": own | same, **_forbid_other_keys()}
    named = {
        "type": ["object", "null"],
        "propertyNames": {"pattern": shapes.IMAGE_KEY["pattern"]},
        "additionalProperties": {"$ref": "#/$defs/Image"},
        "minProperties": 1,
    }
    found = {
        "$schema": _URIS[draft],
        "title": "mlspec",
        "description": "What an ML image needs, which mlspec compiles to a Dockerfile.",
        "type": "object",
        "properties": {
            "name": {**above["name"], **any_of(shapes.NAME, _NULL)},
            "targets": {**above["targets"], **any_of(_TARGET, {"type": "array", "items": _TARGET}, _NULL)},
            **top,
            "images": {**above["images"], **named},
        },
        **_forbid_other_keys(),
        "anyOf": [_has_python(), {"required": ["images"], "properties": {"images": _every(_has_python())}}],
        "$defs": {**whole["$defs"], "Image": image},
    }
    return found if draft == "2020-12" else _older(found)


def text(draft: Draft, version: str) -> str:
    """Return the schema as the text of a file, with the version of mlspec that it is of."""
    comment = f"{SCHEMA_MARK}{version}; to write it anew: mlspec schema --output {FILE}"
    return json.dumps({"$comment": comment, **schema(draft)}, indent=2, ensure_ascii=False) + "\n"


def is_of(text: str, version: str) -> bool:
    """Tell whether the text of a file is the schema of this version of mlspec."""
    return f"{MARK}{version};" in text[:_HEAD]


_HEAD = 200


def _forbid_other_keys() -> Shape:
    return {"patternProperties": {"^x-": _OWN}, "additionalProperties": False}


def _has_python() -> Shape:
    return {"required": ["python"], "properties": {"python": {"not": _NULL}}}


def _every(one: Shape) -> Shape:
    return {"type": "object", "additionalProperties": {"type": "object", **one}}


def _at_the_top(name: str, key: Shape) -> Shape:
    """Return a key as it stands at the top of a spec, where there is nothing to repeat."""
    return _key(name, key, lambda items: {"allOf": [{"not": {"const": INHERITED}}, items]})


def _in_image(name: str, key: Shape) -> Shape:
    """Return a key as it stands in an image, where ``...`` in a list stands for what the level above said."""
    allowed = _key(name, key, lambda items: any_of(_REPEAT, items))
    if name == "python":
        # Without a value a key is that of no level, and an image without a Python is none.
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
    """Pydantic's schema, where a text may look like a number to a reader of YAML, and titles are the keys."""

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """Return the schema of a text: a plain number is one."""
        return {**super().str_schema(schema), "type": ["string", "number"]}

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        """Return the schema of a whole number, which may stand in quotes."""
        return any_of(super().int_schema(schema), shapes.INTEGER_IN_QUOTES)

    def get_title_from_name(self, name: str) -> str:
        """Return the key itself."""
        return name


def _older(shape: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """Return a part of a schema in the words of draft 7."""
    if isinstance(shape, list):
        return [_older(item) for item in shape]
    if not isinstance(shape, dict):
        return shape
    if isinstance(shape.get("$ref"), str) and len(shape) > 1:
        # Draft 7 reads nothing beside a reference.
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
