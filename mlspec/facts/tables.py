"""Read the tables in ``mlspec/facts/data``, for the modules that make typed rows of them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any


@cache
def table(name: str) -> Mapping[str, Any]:
    """Return the table ``NAME.toml``."""
    return tomllib.loads(resources.files("mlspec.facts.data").joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def frozen(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a row for a frozen dataclass: a list becomes a tuple, a date becomes ISO text.

    ISO text sorts like dates, so the core needs no calendar.
    """
    return {key: _frozen(value) for key, value in row.items()}


def _frozen(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, list):
        return tuple(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
