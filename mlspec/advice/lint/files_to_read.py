"""The selection of the files of a project that rules read."""

from __future__ import annotations

import posixpath

from mlspec.advice.lint.container_command import script_of
from mlspec.advice.lint.safety import may_hold_secret
from mlspec.advice.lint.shared_folders import list_shared_paths
from mlspec.advice.lint.subject import Subject


def is_read(path: str) -> bool:
    """Return whether a rule may read the text of the file at ``path``."""
    return path.endswith((".py", ".sh")) or may_hold_secret(path)


# The file types in which programs and clouds keep settings; no pictures, no tables of numbers.
_DATA = (".json", ".txt", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties", ".xml", ".tfvars", ".ipynb")


def is_data(path: str) -> bool:
    """Return whether a file has the name of a file of settings or notes, and may hold a recognizable token."""
    name = posixpath.basename(path)
    return name.endswith(_DATA) or "." not in name or name.startswith(".env.")


def list_looked_up_paths(subject: Subject) -> tuple[str, ...]:
    """Return the paths that rules look up, whether the image gets them or not."""
    script = script_of(subject)
    named = [entry for entry in subject.settings.include or () if not entry.startswith("!")]
    own = (script.path, f"../{script.path}") if script else ()
    variables = (entry.path for entry in subject.settings.env_file)
    return (*named, *own, *variables, *list_shared_paths(subject), "Makefile", "pyproject.toml")
