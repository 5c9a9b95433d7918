"""Select the files of a project that rules read."""

from __future__ import annotations

import posixpath

from mlspec.advice.lint.container_command import script_of
from mlspec.advice.lint.safety import may_hold_secret
from mlspec.advice.lint.subject import Subject


def is_read(path: str) -> bool:
    """Return whether the text of the file at ``path`` may matter to a rule."""
    return path.endswith((".py", ".sh")) or may_hold_secret(path)


# What programs and clouds keep their settings in; no pictures, no tables of numbers.
_DATA = (".json", ".txt", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties", ".xml", ".tfvars", ".ipynb")


def is_data(path: str) -> bool:
    """Return whether a file of settings or notes, by its name, may hold a token that tells what it is."""
    name = posixpath.basename(path)
    return name.endswith(_DATA) or "." not in name or name.startswith(".env.")


def list_looked_up_paths(subject: Subject) -> tuple[str, ...]:
    """Return the paths that rules look up, copied into the image or not."""
    script = script_of(subject)
    named = [entry for entry in subject.settings.include or () if not entry.startswith("!")]
    own = (script.path, f"../{script.path}") if script else ()
    variables = (entry.path for entry in subject.settings.env_file)
    return (*named, *own, *variables, "Makefile", "pyproject.toml")
