"""Files of other tools that were given as a spec by mistake."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from mlspec.errors import Problem

# The keys at the top of each kind of file: all keys of one of the sets.
_FOREIGN = {
    "a cog.yaml": ({"build", "predict"}, {"build", "train"}),
    "an environment file of conda": ({"dependencies", "channels"},),
    "a Compose file": ({"services"},),
    "a bentofile.yaml": ({"service", "python"}, {"service", "docker"}, {"service", "include"}),
    "a Truss": ({"model_name"}, {"model_class_name"}, {"model_class_filename"}),
}


_OF_CONDA = {"name", "channels", "dependencies", "variables", "prefix", "platforms"}


def recognize_foreign(data: Mapping[str, Any], file: str) -> Problem | None:
    """Return the problem of a file of another tool, by the keys at its top; None if the file may be a spec."""
    if isinstance(data.get("python"), str) or "images" in data:
        return None
    what = next((name for name, sets in _FOREIGN.items() if any(keys <= data.keys() for keys in sets)), "")
    if "dependencies" in data and data.keys() <= _OF_CONDA:
        what = "an environment file of conda"
    if not what:
        return None
    hint = f"write a spec from it: mlspec import {shlex.quote(file)}"
    return Problem(code="MLS012", message=f"this looks like {what}, and is no spec", hint=hint)
