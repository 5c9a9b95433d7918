"""The annotations of a key's field, for the facts beside its type, and functions that read them.

The schema, the reference, messages, ``--fix``, ``init`` and image inheritance read keys through these functions.
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
    """Return a field with the meaning of its key; hints suggest the first of its examples."""
    return Field(description=what, examples=list(examples) or None)


@dataclass(frozen=True, slots=True)
class Hint:
    """A hint for a key, for keys whose example alone is not enough."""

    text: str


@dataclass(frozen=True, slots=True)
class AlsoCalled:
    """The names of a key in Compose, Dockerfiles and other tools.

    ``unsure`` are names that may also have another meaning: messages suggest the key, but ``--fix`` does not rename.
    """

    names: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


def also_called(*names: str, unsure: tuple[str, ...] = ()) -> AlsoCalled:
    """Return the annotation of a key with its ``names`` in other tools."""
    return AlsoCalled(names, unsure)


@dataclass(frozen=True, slots=True)
class Joined:
    """A mapping with names of the user's own: an image adds to the inherited names, and does not replace them all.

    ``as_mapping`` converts the list form to a mapping, if the key has a list form.
    """

    as_mapping: Callable[[object], object] = lambda value: value


@dataclass(frozen=True, slots=True)
class Starter:
    """The text that ``init`` writes for a key: a comment above it, and an example if the value is unknown.

    Without ``example``, ``init`` writes the first example of the field.
    """

    comment: str = ""
    example: str = ""


_Note = TypeVar("_Note", Hint, AlsoCalled, Joined, Starter)


def notes(model: type[BaseModel], kind: type[_Note]) -> dict[str, _Note]:
    """Return the annotations of one kind, by their keys in ``model``, in their order."""
    found = ((name, note) for name, field in model.model_fields.items() for note in field.metadata)
    return {name: note for name, note in found if isinstance(note, kind)}


@cache
def hint(model: type[BaseModel], name: str) -> str:
    """Return the hint for a key of ``model``; empty if the hint for the kind of value is better."""
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
    """Return a key of ``model`` with the first of its examples, as in a spec; empty if it has none."""
    field = model.model_fields.get(name)
    return f"{name}: {one_line(field.examples[0])}" if field and field.examples else ""


@dataclass(frozen=True, slots=True)
class OtherName:
    """The key for a name of another tool, and whether the name can mean nothing else."""

    key: str
    is_sure: bool


@cache
def other_names(model: type[BaseModel]) -> dict[str, OtherName]:
    """Return the keys of ``model`` by their names in other tools."""
    called = notes(model, AlsoCalled).items()
    sure = {name: OtherName(key, True) for key, note in called for name in note.names}
    return sure | {name: OtherName(key, False) for key, note in called for name in note.unsure}


@cache
def model_below(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """Return the model of the mapping, or of each mapping, in a key's value; None if there is no mapping."""
    field = model.model_fields.get(name)
    return next(_models(field.annotation), None) if field else None


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)
