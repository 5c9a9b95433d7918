"""What an editor can check of a value: the JSON Schema of each kind of text that a spec holds.

A schema sees less than :mod:`mlspec.spec.values`, which has the last word: it never refuses what that accepts. Its
patterns are those that ECMAScript and Python read alike. A plain number, such as ``3.12``, is a number to a
reader of YAML.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic.config import JsonDict
from pydantic_core import CoreSchema

from mlspec.facts import accelerator
from mlspec.spec import values as syntax

Shape = dict[str, Any]
"""A JSON Schema, or a part of one."""


@dataclass(frozen=True, slots=True)
class Form:
    """An annotation of a type: how its JSON Schema follows from that of what is written in front of it."""

    change: Callable[[Shape], Shape]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> Shape:
        """Return the changed schema, as pydantic asks for it."""
        return self.change(handler(core))


def shape(what: Shape) -> Form:
    """Return the annotation of a type that looks like ``what``."""
    # Pydantic writes what else it knows of a field into the schema that it is given.
    return Form(lambda _: copy.deepcopy(what))


def or_short(*short: Shape) -> Form:
    """Return the annotation of a type that has one or more short forms beside its long one."""
    return Form(lambda long: any_of(*copy.deepcopy(short), long))


ONE_OR_MORE = Form(lambda many: any_of(many["items"], many))
"""The annotation of a list whose one entry may stand for it."""

AT_LEAST_ONE = Form(lambda many: any_of(many["items"], {**many, "minItems": 1}))
"""The same, where the list may not be empty."""


def any_of(*shapes: Shape) -> Shape:
    """Return the shape of a value that has one of ``shapes``."""
    flat: list[Shape] = []
    for one in shapes:
        flat += one["anyOf"] if set(one) == {"anyOf"} else [one]
    return {"anyOf": flat}


def text(pattern: str) -> Shape:
    """Return the shape of a text that ``pattern`` matches."""
    return {"type": "string", "pattern": pattern}


def text_or_number(pattern: str) -> Shape:
    """Return the shape of a text that ``pattern`` matches, or of a number: a pattern is about texts only."""
    return {"type": ["string", "number"], "pattern": pattern}


def whole(pattern: re.Pattern[str]) -> str:
    """Return the pattern of a whole text, in the part of the language that ECMAScript and Python share."""
    named = r"\(\?P<\w+>"
    return f"^(?:{re.sub(named, '(?:', pattern.pattern)})$"


_CONTROLS = r"\u0000-\u001f\u007f\u0085\u2028\u2029"
# In front of a pattern: no control character in what follows.
_ONE_LINE = rf"(?![\s\S]*[{_CONTROLS}])"
_NOT_UP = r"(?![\s\S]*/\.\.(?:/|$))"
_DRIVE = r"[A-Za-z]:[\\/]"

LINE = text_or_number(f"^{_ONE_LINE}")
FILLED = text_or_number(rf"^{_ONE_LINE}[\s\S]")
SCRIPT = text_or_number(r"^(?![\s\S]*[\u0000-\u0008\u000b-\u001f\u007f])[\s\S]*\S")
# The ends are trimmed, so that a block text may be a command.
_WORDS = rf"(?=[\s\S]*\S)[ \t\n]*[^{_CONTROLS}]*[ \t\n]*$"
COMMAND = text_or_number(f"^{_WORDS}")
PROGRAM = text_or_number(rf"^(?!\s*[A-Za-z_][A-Za-z0-9_]*=){_WORDS}")
PYTHON = any_of({"type": "number", "exclusiveMinimum": 3}, text(whole(syntax.PYTHON)))
GPU_MODEL = text(whole(syntax.GPU_MODEL))
ACCELERATOR = text(whole(accelerator.PATTERN))
NAME = text_or_number(whole(syntax.IMAGE_NAME))
IMAGE_KEY = text_or_number(whole(syntax.IMAGE_KEY))
VARIABLE = text(whole(syntax.IDENTIFIER))
LIMIT = text("^[a-z]+$")
LAYER = text(f"^(?!(?:git|requirements)$){whole(syntax.LAYER_NAME)[1:]}")
DAY = text(whole(syntax.DAY))
LABEL = text_or_number(rf"^{_ONE_LINE}[^=\s](?:[^=]*[^=\s])?$")
PAIR = text(rf"^{_ONE_LINE}[A-Za-z_][A-Za-z0-9_]*(?:=|$)")
LABEL_PAIR = text_or_number(rf"^{_ONE_LINE}[^=\s](?:[^=]*[^=\s])?(?:=|$)")
SIZE = any_of({"type": "number", "minimum": 0}, text(rf"^\s*{whole(syntax.SIZE)[1:-1]}\s*$"))
DURATION = text(f"^(?!$){whole(syntax.DURATION)[1:]}")
PORT = any_of({"type": "integer", "minimum": 1, "maximum": 65535}, text(whole(syntax.PORT)))
PORT_RANGE = any_of({"type": "integer", "minimum": 1, "maximum": 65535}, text(whole(syntax.PORT_RANGE)))
HOST_IP = text(r"^(?:\[[^\]]+\]|[0-9]+(?:\.[0-9]+){3})$")
USER = any_of({"type": "integer", "minimum": 0}, text(f"^(?:root|{whole(syntax.USER)[1:-1]})$"))
DEBIAN_PACKAGE = text_or_number(whole(syntax.DEBIAN_PACKAGE))
INDEX_URL = text(rf"^(?![^/]*//[^/]*@){whole(syntax.INDEX)[1:]}")
HEALTH_PATH = text("^/[!-~]*$")
HEALTH_TEST = text_or_number(r"^(?!https?://)[\s\S]*\S")
HEALTHCHECK = any_of(HEALTH_PATH, text_or_number(r"^(?!/|https?://)[\s\S]*\S"))
ABSOLUTE = text(rf"^{_ONE_LINE}{_NOT_UP}/")
PLAIN_ABSOLUTE = text(rf"^{_NOT_UP}/[A-Za-z0-9._/@+-]*$")
WORKING_DIR = text(rf"^{_NOT_UP}(?!(?:/\.?)*$)/[A-Za-z0-9._/@+-]*$")
MEMORY = text(rf"^{_ONE_LINE}{_NOT_UP}/[^:]*$")
MOUNT = text(
    rf"^{_ONE_LINE}(?:[./\\][^:$]*|~(?:/[^:$]*)?|{_DRIVE}[^:$]*|{syntax.VOLUME.pattern})"
    r":/+[^/:][^:]*(?::(?:ro|rw)(?:,(?:ro|rw))*)?$"
)
_OUTSIDE = rf"[\s/\\]|~(?:[/\\]|\s*$)|{_DRIVE}|$"
INCLUDED = text_or_number(
    rf"^{_ONE_LINE}(?!\s*!?\s*\.\.(?:[/\\]|\s*$)|[\s\S]*[/\\]\.\.(?:[/\\]|\s*$))"
    rf"\s*(?:!\s*(?!{_OUTSIDE})|(?!!|{_OUTSIDE}))"
)
INTEGER_IN_QUOTES = text(r"^\s*[-+]?[0-9][0-9_]*(?:\.0+)?\s*$")
INTEGER = any_of({"type": "integer"}, INTEGER_IN_QUOTES)
GPUS = any_of({"enum": ["all"]}, {"type": "integer", "minimum": 1}, INTEGER_IN_QUOTES)


def names_to(names: Shape) -> Form:
    """Return the annotation of a mapping whose names look like ``names``."""

    def change(mapping: Shape) -> Shape:
        # Pydantic knows names with a pattern by that alone, which would leave all others unrefused.
        by_pattern: Shape = mapping.get("patternProperties", {})
        values: Shape = mapping.get("additionalProperties") or next(iter(by_pattern.values()), {})
        return {"type": "object", "propertyNames": {"pattern": names["pattern"]}, "additionalProperties": values}

    return Form(change)


def _says(key: str) -> JsonDict:
    return {"required": [key], "properties": {key: {"not": {"type": "null"}}}}


# What a mapping must have as a whole; a key without a value does not count.
HAS_ONE_ORIGIN: JsonDict = {"oneOf": [_says("environment"), _says("file")]}
HAS_A_CHECK: JsonDict = {
    "anyOf": [
        {"required": ["disable"], "properties": {"disable": {"const": True}}},
        {"oneOf": [_says("test"), _says("path")]},
    ]
}
HAS_ONE_CHOICE: JsonDict = {
    "not": {"allOf": [_says("count"), _says("device_ids")]},
    "anyOf": [
        {"not": {"properties": {"driver": {"const": "cdi"}}, "required": ["driver"]}},
        {
            "properties": {"device_ids": {"type": "array", "minItems": 1, "items": {"pattern": "="}}},
            "required": ["device_ids"],
        },
    ],
}
HAS_A_SOURCE: JsonDict = {
    "anyOf": [
        {"properties": {"type": {"const": "tmpfs"}, "source": {"maxLength": 0}, "read_only": {"const": False}}},
        {"properties": {"type": {"enum": ["bind", "volume"]}, "source": {"minLength": 1}}, "required": ["source"]},
    ]
}
STARTS_WITH_A_KIND = any_of(
    {"type": "array", "prefixItems": [{"enum": ["CMD", "CMD-SHELL"]}, LINE], "items": LINE, "minItems": 2},
    {"type": "array", "prefixItems": [{"const": "NONE"}], "items": LINE, "minItems": 1},
)
