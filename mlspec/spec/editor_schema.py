"""The words of a schema for editors: what is wrong in a sentence, and completions that insert what is meant.

yaml-language-server, which the YAML support of most editors is, reads the keywords ``errorMessage``,
``defaultSnippets`` and ``doNotSuggest``; other readers ignore them. Checked with version 2.0.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from mlspec.spec import fields

Shape = dict[str, Any]

IMAGE: Shape = {"$ref": "#/$defs/Image"}
"""The shape of an image below ``images``: a mapping, or no value."""

NO_VALUE: Shape = {"not": {"type": ["string", "number", "boolean", "object", "array"]}}
"""The shape of a key without a value. Editors would offer ``null`` as the value of ``{"type": "null"}``."""


def put_into_words(properties: Mapping[str, Shape], model: type[BaseModel]) -> dict[str, Shape]:
    """Return the properties of ``model`` with messages for wrong values, and with snippets for their examples."""
    return {name: _describe(name, key, fields.hint(model, name)) for name, key in properties.items()}


def describe_parts(parts: Mapping[str, Shape], models: Mapping[str, type[BaseModel]]) -> dict[str, Shape]:
    """Return the shapes of mappings below keys, with the words of :func:`put_into_words` for their own keys."""
    return {name: _describe_part(part, models[name]) for name, part in parts.items()}


def _describe_part(part: Shape, model: type[BaseModel]) -> Shape:
    # Whoever refers to a part says that it is a mapping: see _with_message.
    found = {word: value for word, value in part.items() if word not in {"type", "errorMessage"}}
    for word in ("anyOf", "oneOf"):
        if word in found:
            found[word] = [_as_condition(one, part.get("errorMessage", "")) for one in found[word]]
    if "not" in found:
        found["not"] = {"type": "object", **found["not"]}
    return {**found, "properties": put_into_words(part["properties"], model)}


def _as_condition(shape: Any, words: str) -> Any:  # noqa: ANN401 - any part of a schema
    """Return a condition between keys that says ``words``, and whose keys are not offered a second time."""
    if isinstance(shape, list):
        return [_as_condition(one, words) for one in shape]
    if not isinstance(shape, dict):
        return shape
    found = {
        word: _as_condition(value, words) if word in {"anyOf", "oneOf"} else value for word, value in shape.items()
    }
    keys = {
        name: {**key, "doNotSuggest": True, "errorMessage": words} for name, key in shape.get("properties", {}).items()
    }
    return {**found, **({"properties": keys} if keys else {}), "errorMessage": words}


def _describe(name: str, key: Shape, hint: str) -> Shape:
    if set(key) == {"$ref"}:
        return key
    words = f"{name}: {hint}" if hint else ""
    # The description says the default. Editors would insert it, and not the example.
    shape: Shape = _with_message({word: value for word, value in key.items() if word != "default"}, words)
    if any(isinstance(item, Mapping) for example in key.get("examples", ()) for item in _items(example)):
        # The server would insert "[object Object]".
        del shape["examples"]
        snippets = [{"label": name, "body": item} for example in key["examples"] for item in _items(example)]
        for branch in shape["anyOf"]:
            if "items" in branch:
                branch["items"]["defaultSnippets"] = snippets
    elif "examples" in shape:
        shape["examples"] = [_without_marks(example) for example in shape["examples"]]
    return shape


def _without_marks(example: object) -> object:
    """Return an example without the items that YAML reads as text only in quotes, which the server does not insert."""
    return [item for item in example if str(item)[:1] != "!"] if isinstance(example, list) else example


def _items(example: object) -> list[object]:
    return list(example) if isinstance(example, list | tuple) else []


def _with_message(shape: Any, words: str) -> Any:  # noqa: ANN401 - any part of a schema
    """Return a shape whose every way to be wrong says ``words``; the keys of a mapping have words of their own."""
    if not isinstance(shape, dict):
        return shape
    message = {"errorMessage": words} if words else {}
    if shape == IMAGE:
        return shape
    if "$ref" in shape:
        # Beside the reference: a message in the part itself would replace those about its keys.
        return {"type": ["object"], **message, "allOf": [shape]}
    if shape.get("type") == "null":
        return dict(NO_VALUE)
    found = dict(shape)
    for word in ("anyOf", "allOf", "oneOf"):
        if word in shape:
            found[word] = sorted((_with_message(one, words) for one in shape[word]), key=_rank)
    for word in ("items", "additionalProperties", "propertyNames"):
        if word in shape:
            found[word] = _with_message(shape[word], words)
    if isinstance(shape.get("type"), str):
        # The server joins messages about single types of several branches, and loses their words.
        found["type"] = [shape["type"]]
    return {**found, **message} if {"type", "enum", "pattern"} & shape.keys() else found


# If no branch fits, the server shows the problems of the first of the branches that fit equally badly.
_ORDER = (["object"], ["array"])


def _rank(shape: Shape) -> int:
    return _ORDER.index(shape["type"]) if shape.get("type") in _ORDER else len(_ORDER)
