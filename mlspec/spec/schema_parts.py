"""The JSON Schema of each kind of text in a spec, for the checks that an editor can make.

A schema checks less than :mod:`mlspec.spec.values`, which decides: a schema never refuses a value that those functions
accept. ECMAScript and Python read the patterns alike. A plain number, such as ``3.12``, is a number to a YAML reader.
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
from mlspec.spec import values

Shape = dict[str, Any]
"""A JSON Schema, or a part of one."""


@dataclass(frozen=True, slots=True)
class Form:
    """An annotation of a type that changes the JSON Schema of the annotations before it."""

    change: Callable[[Shape], Shape]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> Shape:
        """Return the changed schema; pydantic calls this method."""
        return self.change(handler(core))


def shape(what: Shape) -> Form:
    """Return the annotation that gives a type the schema ``what``."""
    # Copy, because pydantic adds the other facts about a field to this schema.
    return Form(lambda _: copy.deepcopy(what))


def or_short(*short: Shape) -> Form:
    """Return the annotation of a type with one or more short forms beside its long form."""
    return Form(lambda long: any_of(*copy.deepcopy(short), long))


ONE_OR_MORE = Form(lambda many: any_of(many["items"], many))
"""The annotation of a list that may also be written as its only entry."""

AT_LEAST_ONE = Form(lambda many: any_of(many["items"], {**many, "minItems": 1}))
"""The annotation of a list that must not be empty, and may also be written as its only entry."""


def any_of(*shapes: Shape) -> Shape:
    """Return the shape of a value with one of ``shapes``."""
    flat: list[Shape] = []
    for one in shapes:
        flat += one["anyOf"] if set(one) == {"anyOf"} else [one]
    return {"anyOf": flat}


def text(pattern: str) -> Shape:
    """Return the shape of a text that ``pattern`` matches."""
    return {"type": "string", "pattern": pattern}


def text_or_number(pattern: str) -> Shape:
    """Return the shape of a number, or of a text that ``pattern`` matches; a pattern does not apply to numbers."""
    return {"type": ["string", "number"], "pattern": pattern}


def whole(pattern: re.Pattern[str]) -> str:
    """Return a pattern for a whole text, in the syntax that ECMAScript and Python share."""
    named = r"\(\?P<\w+>"
    return f"^(?:{re.sub(named, '(?:', pattern.pattern)})$"


_CONTROLS = r"\u0000-\u001f\u007f\u0085\u2028\u2029"
# A prefix of patterns: the text contains no control character.
_ONE_LINE = rf"(?![\s\S]*[{_CONTROLS}])"
_NOT_UP = r"(?![\s\S]*/\.\.(?:/|$))"
_DRIVE = r"[A-Za-z]:[\\/]"
_UP_OR_HERE = r"\.\.?"

LINE = text_or_number(f"^{_ONE_LINE}")
FILLED = text_or_number(rf"^{_ONE_LINE}[\s\S]")
SCRIPT = text_or_number(r"^(?![\s\S]*[\u0000-\u0008\u000b-\u001f\u007f])[\s\S]*\S")
# Blanks at both ends are allowed, so that a block text may be a command.
_WORDS = rf"(?=[\s\S]*\S)[ \t\n]*[^{_CONTROLS}]*[ \t\n]*$"
COMMAND = text_or_number(f"^{_WORDS}")
PROGRAM = text_or_number(rf"^(?!\s*[A-Za-z_][A-Za-z0-9_]*=){_WORDS}")
PYTHON = any_of({"type": "number", "exclusiveMinimum": 3}, text(whole(values.PYTHON)))
GPU_MODEL = text(whole(values.GPU_MODEL))
ACCELERATOR = text(whole(accelerator.PATTERN))
NAME = text_or_number(whole(values.IMAGE_NAME))
REGISTRY = text(whole(values.REGISTRY))
IMAGE_KEY = text_or_number(whole(values.IMAGE_KEY))
VARIABLE = text(whole(values.IDENTIFIER))
LIMIT = text("^[a-z]+$")
LAYER = text(f"^(?!(?:git|requirements)$){whole(values.LAYER_NAME)[1:]}")
DAY = text(whole(values.DAY))
CPUS = text_or_number(whole(values.CPUS))
AGE = text(r"^\s*[0-9]{1,4} ?(?:[dD](?:[aA][yY][sS]?)?|[wW](?:[eE]{2}[kK][sS]?)?)\s*$")
LABEL = text_or_number(rf"^{_ONE_LINE}[^=\s](?:[^=]*[^=\s])?$")
PAIR = text(rf"^{_ONE_LINE}[A-Za-z_][A-Za-z0-9_]*(?:=|$)")
LABEL_PAIR = text_or_number(rf"^{_ONE_LINE}[^=\s](?:[^=]*[^=\s])?(?:=|$)")
SIZE = any_of({"type": "number", "minimum": 0}, text(rf"^\s*{whole(values.SIZE)[1:-1]}\s*$"))
DURATION = text(f"^(?!$){whole(values.DURATION)[1:]}")
_PORT_NUMBER = "0*(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
PORT = any_of(
    {"type": "integer", "minimum": 1, "maximum": 65535}, text(whole(values.PORT).replace("[0-9]+", _PORT_NUMBER))
)
PORT_RANGE = any_of(
    {"type": "integer", "minimum": 1, "maximum": 65535},
    text(whole(values.PORT_RANGE).replace("[0-9]{1,5}", _PORT_NUMBER)),
)
HOST_IP = text(r"^(?:\[[^\]]+\]|[0-9]+(?:\.[0-9]+){3})$")
USER = any_of({"type": "integer", "minimum": 0}, text(f"^(?:root|{whole(values.USER)[1:-1]})$"))
DEBIAN_PACKAGE = text_or_number(whole(values.DEBIAN_PACKAGE))
INDEX_URL = text(rf"^(?![^/]*//[^/]*@){whole(values.INDEX)[1:]}")
HEALTH_PATH = text("^/[!-~]*$")
HEALTH_TEST = text_or_number(r"^(?!https?://)[\s\S]*\S")
HEALTHCHECK = any_of(HEALTH_PATH, text_or_number(r"^(?!/|https?://)[\s\S]*\S"))
ABSOLUTE = text(rf"^{_ONE_LINE}{_NOT_UP}/")
PLAIN_ABSOLUTE = text(rf"^{_NOT_UP}/[A-Za-z0-9._/@+-]*$")
WORKING_DIR = text(rf"^{_NOT_UP}(?!(?:/\.?)*$)/[A-Za-z0-9._/@+-]*$")
MEMORY = text(rf"^{_ONE_LINE}{_NOT_UP}/[^:]*$")
MOUNT = text(
    rf"^{_ONE_LINE}(?:[./\\][^:$]*|~(?:/[^:$]*)?|{_DRIVE}[^:$]*|{values.VOLUME.pattern})"
    r":/+[^/:][^:]*(?::(?:ro|rw)(?:,(?:ro|rw))*)?$"
)
_OUTSIDE = rf"[\s/\\]|~(?:[/\\]|\s*$)|{_DRIVE}|$"
INCLUDED = text_or_number(rf"^{_ONE_LINE}\s*(?:!\s*(?!{_OUTSIDE})|(?!!|{_OUTSIDE}))")
CONTEXT = text(rf"^\s*{_UP_OR_HERE}(?:[/\\]+{_UP_OR_HERE})*[/\\]*\s*$")
INTEGER_IN_QUOTES = text(r"^\s*[-+]?[0-9][0-9_]*(?:\.0+)?\s*$")
INTEGER = any_of({"type": "integer"}, INTEGER_IN_QUOTES)
GPUS = any_of({"enum": ["all"]}, {"type": "integer", "minimum": 1}, INTEGER_IN_QUOTES)


def names_to(names: Shape) -> Form:
    """Return the annotation of a mapping whose names match ``names``."""

    def change(mapping: Shape) -> Shape:
        # Pydantic uses patternProperties for names with a pattern, which would allow all other names.
        by_pattern: Shape = mapping.get("patternProperties", {})
        below: Shape = mapping.get("additionalProperties") or next(iter(by_pattern.values()), {})
        return {"type": "object", "propertyNames": {"pattern": names["pattern"]}, "additionalProperties": below}

    return Form(change)


def _says(key: str) -> JsonDict:
    return {"required": [key], "properties": {key: {"not": {"type": "null"}}}}


# Requirements on a whole mapping; a key without a value counts as missing.
# describe_parts in mlspec.spec.editor_schema moves these messages into the conditions.
HAS_ONE_ORIGIN: JsonDict = {
    "errorMessage": "a secret comes from an environment variable or from a file",
    "oneOf": [_says("environment"), _says("file")],
}
HAS_A_CHECK: JsonDict = {
    "errorMessage": "a health check is a test, a path, or disabled",
    "anyOf": [
        {"oneOf": [_says("test"), _says("path")]},
        {"required": ["disable"], "properties": {"disable": {"const": True}}},
    ],
}
HAS_ONE_CHOICE: JsonDict = {
    "errorMessage": "cdi takes device_ids by their whole names, VENDOR/CLASS=NAME",
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
    "errorMessage": "a mount is of type bind or volume, with a source, or of type tmpfs, without source and read_only",
    "anyOf": [
        {"properties": {"type": {"enum": ["bind", "volume"]}, "source": {"minLength": 1}}, "required": ["source"]},
        {"properties": {"type": {"const": "tmpfs"}, "source": {"maxLength": 0}, "read_only": {"const": False}}},
    ],
}
STARTS_WITH_A_KIND = any_of(
    {"type": "array", "prefixItems": [{"enum": ["CMD", "CMD-SHELL"]}, LINE], "items": LINE, "minItems": 2},
    {"type": "array", "prefixItems": [{"const": "NONE"}], "items": LINE, "minItems": 1},
)
