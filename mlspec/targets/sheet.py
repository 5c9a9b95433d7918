"""Files as plain data: shared targets return it, and the writer of each format takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from mlspec.errors import KeyPath

Data: TypeAlias = "str | int | Sequence[Data] | Mapping[str, Data] | None"
"""Plain data: text, integers, booleans, None, lists and mappings."""


class Block(str):
    """Text of several lines, which YAML writes line by line below its key."""

    __slots__ = ()


class Sheet(NamedTuple):
    """One document of a file; ``place`` is the path of its keys in the parts of the images.

    With ``apart``, a blank line stands between the keys of the document, and between the names below ``apart``.
    ``comment`` is the place of the file's comment in JSON, which has no syntax for comments.
    """

    place: KeyPath
    data: Mapping[str, Data]
    apart: str = ""
    comment: tuple[str, ...] = ("//",)


def present(data: Mapping[str, Data]) -> dict[str, Data]:
    """Return a mapping without the keys whose values are None or empty; ``False`` and 0 stay."""
    return {key: value for key, value in data.items() if value is not None and value not in ("", (), [], {})}
