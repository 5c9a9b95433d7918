"""The programs that a container starts and of which no table says where they come from."""

from __future__ import annotations

import posixpath
import re

from mlspec.facts import programs
from mlspec.spec.keys import Settings

_PYTHON = re.compile(r"(?:python|pip|idle|pydoc)[\d.]*")


def list_unknown_programs(settings: Settings) -> tuple[str, ...]:
    """Return the program that the command of an image names, if only the locked wheels can tell whether it is there.

    It is not known to be in the base or of a package, is no path, and neither a step nor apt may bring it.
    """
    words = (*(settings.entrypoint or ()), *(settings.command or ()))
    folder, name = posixpath.split(words[0]) if words else ("", "")
    if folder not in {"", "/opt/venv/bin"} or settings.run or settings.apt or not re.fullmatch(r"[\w.+-]+", name):
        return ()
    known = {*programs.slim_programs(), *programs.system_programs(), *programs.wrappers(), *programs.console_programs()}
    is_known = name in known or f"{name} {next(iter(words[1:]), '')}" in known or _PYTHON.fullmatch(name)
    return () if is_known else (name,)
