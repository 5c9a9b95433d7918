"""Convert Compose's list forms of mappings from names to values."""

from __future__ import annotations

from collections.abc import Mapping


def pairs(value: object) -> object:
    """Return a mapping from Compose's list form ``[NAME=VALUE, NAME]``; any other value comes back unchanged."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return value
    return {name: text if equals else None for name, equals, text in (item.partition("=") for item in value)}


def label_pairs(value: object) -> object:
    """Return a mapping from the list form, as :func:`pairs` does; a label without a value has an empty one."""
    named = pairs(value)
    return (
        {name: text or "" for name, text in named.items()} if named is not value and isinstance(named, dict) else named
    )


def step_to(level: object, name: str) -> str | int | None:
    """Return the key of a name in a mapping, or its index in a list of ``NAME=VALUE``; None if it is not there."""
    if isinstance(level, Mapping):
        return name if name in level else None
    items = level if isinstance(level, list) else []
    return next((i for i, item in enumerate(items) if isinstance(item, str) and item.partition("=")[0] == name), None)
