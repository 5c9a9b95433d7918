"""What is known of a key beside its type: the annotations of its field, and how to read them.

The schema, the reference, messages, ``--fix``, ``init`` and the images that inherit read keys by these functions.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, Field

from mlspec.spec.plain_yaml import one_line


def about(what: str, *examples: object) -> Any:  # noqa: ANN401 - as pydantic's Field
    """Return a field with the meaning of its key; the first of its examples is what a hint suggests."""
    return Field(description=what, examples=list(examples) or None)


@dataclass(frozen=True, slots=True)
class Hint:
    """What to type for a key, where the example alone would not say it."""

    text: str


@dataclass(frozen=True, slots=True)
class AlsoCalled:
    """The names that Compose, Dockerfiles and other tools have for a key.

    ``unsure`` are names that may stand for something else as well: messages suggest the key, ``--fix`` leaves it alone.
    """

    names: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


def also_called(*names: str, unsure: tuple[str, ...] = ()) -> AlsoCalled:
    """Return the annotation of a key that other tools call by ``names``."""
    return AlsoCalled(names, unsure)


@dataclass(frozen=True, slots=True)
class Joined:
    """A mapping of the user's own names: an image adds to the names above it, in place of all of them.

    ``as_mapping`` makes a mapping of the list form, where the key has one.
    """

    as_mapping: Callable[[object], object] = lambda value: value


@dataclass(frozen=True, slots=True)
class Starter:
    """What ``init`` writes for a key: a comment above it, and an example where the value is not known.

    Without ``example``, that is the first one of the field.
    """

    comment: str = ""
    example: str = ""


_Note = TypeVar("_Note", Hint, AlsoCalled, Joined, Starter)


def notes(model: type[BaseModel], kind: type[_Note]) -> dict[str, _Note]:
    """Return the annotations of one kind, by the keys of ``model`` that have one, in their order."""
    found = ((name, note) for name, field in model.model_fields.items() for note in field.metadata)
    return {name: note for name, note in found if isinstance(note, kind)}


@cache
def hint(model: type[BaseModel], name: str) -> str:
    """Return what can be typed for a key of ``model``; empty where the kind of value says it better."""
    field = model.model_fields.get(name)
    if field is None:
        return ""
    if note := notes(model, Hint).get(name):
        return note.text
    if field.examples and isinstance(field.examples[0], list):
        return f"write a list, such as: {one_line(field.examples[0])}"
    line = example(model, name)
    return f"write: {line}" if line else ""


def example(model: type[BaseModel], name: str) -> str:
    """Return a key of ``model`` with the first of its examples, as it stands in a spec; empty where it has none."""
    field = model.model_fields.get(name)
    return f"{name}: {one_line(field.examples[0])}" if field and field.examples else ""


@dataclass(frozen=True, slots=True)
class OtherName:
    """A key that another tool calls otherwise, and whether that name can mean nothing else."""

    key: str
    is_sure: bool


@cache
def other_names(model: type[BaseModel]) -> dict[str, OtherName]:
    """Return the keys of ``model`` by what other tools call them."""
    called = notes(model, AlsoCalled).items()
    sure = {name: OtherName(key, True) for key, note in called for name in note.names}
    return sure | {name: OtherName(key, False) for key, note in called for name in note.unsure}


@cache
def model_below(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """Return the model of the mapping, or of each of the mappings, that a key holds; None where it holds none."""
    field = model.model_fields.get(name)
    return next(_models(field.annotation), None) if field else None


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)
