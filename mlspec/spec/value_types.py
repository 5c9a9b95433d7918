"""The types of values: each with its check, the conversion of its short form, and its schema for editors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetPydanticSchema
from pydantic_core import CoreSchema, core_schema

from mlspec.spec.schema_parts import ABSOLUTE, DURATION, FILLED, LINE, PLAIN_ABSOLUTE, PORT_RANGE, SIZE, VARIABLE, shape
from mlspec.spec.values import (
    Refused,
    absolute,
    duration,
    environment_name,
    label_name,
    limit_name,
    one_line,
    plain_absolute,
    port_range,
    program,
    size,
    words,
)

Line = Annotated[str, AfterValidator(one_line), shape(LINE)]
Filled = Annotated[str, AfterValidator(one_line), Field(min_length=1), shape(FILLED)]
Size = Annotated[str, AfterValidator(size), shape(SIZE)]
Duration = Annotated[str, AfterValidator(duration), shape(DURATION)]
ContainerPath = Annotated[str, AfterValidator(absolute), shape(ABSOLUTE)]
PlainPath = Annotated[str, AfterValidator(plain_absolute), shape(PLAIN_ABSOLUTE)]
EnvironmentName = Annotated[str, AfterValidator(environment_name), shape(VARIABLE)]
PortRange = Annotated[str, AfterValidator(port_range), shape(PORT_RANGE)]
# Only true and false are flags: `yes` is a text to a YAML reader, and one spelling is enough.
Flag = Annotated[bool, Field(strict=True)]
Words = Annotated[tuple[Line, ...], shape({"type": "array", "items": LINE, "minItems": 1})]
LabelName = Annotated[str, AfterValidator(label_name)]
LimitName = Annotated[str, AfterValidator(limit_name)]


def read_as_text(parse: Callable[[str], Any]) -> GetPydanticSchema:
    """Return the annotation of a value that is written as one text, which ``parse`` converts."""

    def schema(_: object, __: object) -> CoreSchema:
        text = core_schema.str_schema()
        return core_schema.no_info_after_validator_function(
            parse, text, serialization=core_schema.to_string_ser_schema()
        )

    return GetPydanticSchema(schema)


def as_list(value: object) -> object:
    """Return a single text as a list; any other value comes back unchanged."""
    return [value] if isinstance(value, str) else value


def each(parse: Callable[[Any], Any]) -> BeforeValidator:
    """Return a validator that converts a short form, a text, to the mapping of the long form."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def split_command(value: object) -> object:
    """Return the words of a command that is written as one text; a list comes back unchanged."""
    if isinstance(value, str):
        return words(value, is_program=False)
    if isinstance(value, list) and not value:
        raise Refused("MLS110", "this command is empty", "remove the key, or name a program")
    return value


def split_entrypoint(value: object) -> object:
    """Return the words of :func:`split_command`; raises Refused if the first word is no program."""
    return program(words(value)) if isinstance(value, str) else split_command(value)


def name_check(text: str) -> dict[str, str]:
    """Return the long form of a health check: a path, if it begins with a slash, or a command."""
    return {"path": text} if text.startswith("/") else {"test": text}
