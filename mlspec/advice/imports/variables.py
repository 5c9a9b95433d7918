"""The import of environment variables; the spec gets the name of a secret, and not its value."""

from __future__ import annotations

import re

from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.spec import values

# Variables that configure the build, or that mlspec sets by itself.
BY_ITSELF = re.compile(
    r"PIP_\w+|DEBIAN_FRONTEND|DEBCONF_\w+|UV_\w+|POETRY_\w+|PIPENV_\w+|VIRTUAL_ENV|PYTHON_VERSION|PYTHONUNBUFFERED"
    r"|APT_\w+|CONDA_\w+|MAMBA_\w+|NVIDIA_VISIBLE_DEVICES|NVIDIA_DRIVER_CAPABILITIES"
)


def read_variable(source: ImportSource, number: int, text: str, name: str, value: str | None) -> LineVerdict:
    """Return the verdict on a variable; a variable without a value gets the caller's value at each run."""
    if not values.IDENTIFIER.fullmatch(name):
        return source.lose(number, text, "it is not the name of a variable")
    if BY_ITSELF.fullmatch(name):
        return source.carry(number, text, why="mlspec does this by itself")
    if name == "HOME":
        return source.change(number, text, "", None, "mlspec sets it to a folder that every user can write")
    if value is not None and values.looks_secret(name, value):
        shown = f"{name}=***"
        return source.change(number, shown, "secrets", name, "without its value: set the variable before each run")
    if value is not None and not value.isprintable():
        return source.doubt(number, f"{name}=...", "environment", "its value contains a line break")
    return source.carry(number, text, "environment", (name, value))
