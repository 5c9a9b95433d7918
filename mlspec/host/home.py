"""The home folder of this user; a user without a name has no home folder, as in many containers."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn


def known_home() -> str:
    """Return the home folder of this user; empty if neither the environment nor the system names a home folder."""
    try:
        return str(Path.home())
    except RuntimeError:
        return ""


def home_folder() -> str:
    """Return the home folder of this user; raises ToolError if the user has no home folder."""
    return known_home() or _fail()


def expand_home(path: str) -> Path:
    """Replace ``~`` in a path by the home folder of this user; raises ToolError if the user has no home folder."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        _fail()


def _fail() -> NoReturn:
    from mlspec.errors import Problem, ToolError

    message = "~ has no meaning: this user has no home folder"
    raise ToolError(Problem(code="MLS422", message=message, hint="set one: export HOME=/path")) from None
