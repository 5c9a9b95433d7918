"""The types of values: each with what checks it, what makes its short form long, and what an editor can check of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetPydanticSchema
from pydantic_core import CoreSchema, core_schema

from mlspec.spec import schema_parts as shapes
from mlspec.spec import values as syntax
from mlspec.spec.schema_parts import shape
from mlspec.spec.values import Refused

Line = Annotated[str, AfterValidator(syntax.one_line), shape(shapes.LINE)]
Filled = Annotated[str, AfterValidator(syntax.one_line), Field(min_length=1), shape(shapes.FILLED)]
Size = Annotated[str, AfterValidator(syntax.size), shape(shapes.SIZE)]
Duration = Annotated[str, AfterValidator(syntax.duration), shape(shapes.DURATION)]
ContainerPath = Annotated[str, AfterValidator(syntax.absolute), shape(shapes.ABSOLUTE)]
PlainPath = Annotated[str, AfterValidator(syntax.plain_absolute), shape(shapes.PLAIN_ABSOLUTE)]
EnvironmentName = Annotated[str, AfterValidator(syntax.environment_name), shape(shapes.VARIABLE)]
PortRange = Annotated[str, AfterValidator(syntax.port_range), shape(shapes.PORT_RANGE)]
# True and false alone: `yes` is text to a reader of YAML, and two spellings of one thing are one too many.
Flag = Annotated[bool, Field(strict=True)]
Words = Annotated[tuple[Line, ...], shape({"type": "array", "items": shapes.LINE, "minItems": 1})]
LabelName = Annotated[str, AfterValidator(syntax.label_name)]
LimitName = Annotated[str, AfterValidator(syntax.limit_name)]


def read_as_text(parse: Callable[[str], Any]) -> GetPydanticSchema:
    """Return the annotation of a value that is written as one text, which ``parse`` reads."""

    def schema(_: object, __: object) -> CoreSchema:
        text = core_schema.str_schema()
        return core_schema.no_info_after_validator_function(
            parse, text, serialization=core_schema.to_string_ser_schema()
        )

    return GetPydanticSchema(schema)


def as_list(value: object) -> object:
    """Return a list of a lone text; anything else comes back as it is."""
    return [value] if isinstance(value, str) else value


def each(parse: Callable[[Any], Any]) -> BeforeValidator:
    """Return a validator that turns a short form, a text, into the mapping of the long form."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def split_command(value: object) -> object:
    """Return the words of a command that is written as one text; a list comes back as it is."""
    if isinstance(value, str):
        return syntax.words(value, is_program=False)
    if isinstance(value, list) and not value:
        raise Refused("MLS110", "this command is empty", "remove the key, or name a program")
    return value


def split_entrypoint(value: object) -> object:
    """Return the words as :func:`split_command` does; the first one has to name a program."""
    return syntax.program(syntax.words(value)) if isinstance(value, str) else split_command(value)


def name_check(text: str) -> dict[str, str]:
    """Return the long form of a health check: a path, which begins with a slash, or a command."""
    return {"path": text} if text.startswith("/") else {"test": text}
