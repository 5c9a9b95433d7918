"""The home folder of this user; a user without a name, as in many containers, has none."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from mlspec.errors import Problem, ToolError


def known_home() -> str:
    """Return the home of this user; empty where neither the environment nor the system names one."""
    try:
        return str(Path.home())
    except RuntimeError:
        return ""


def home_folder() -> str:
    """Return the home of this user; raises ToolError where there is none."""
    return known_home() or _fail()


def expand_home(path: str) -> Path:
    """Return a path with ``~`` as the home of this user; raises ToolError where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        _fail()


def _fail() -> NoReturn:
    message = "~ means no folder: this user has no home"
    raise ToolError(Problem(code="MLS422", message=message, hint="name one: export HOME=/path")) from None
