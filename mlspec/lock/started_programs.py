"""The programs that a container starts and whose origin no table knows."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from mlspec.facts import programs
from mlspec.lock.requirements.local_packages.local_package import LocalPackage
from mlspec.lock.requirements.local_packages.local_wheel import LocalWheel
from mlspec.spec.keys import Settings

_PYTHON = re.compile(r"(?:python|pip|idle|pydoc)[\d.]*")


def list_unknown_programs(settings: Settings, own: Iterable[LocalPackage | LocalWheel] = ()) -> tuple[str, ...]:
    """Return the program in the command of an image, if only the locked wheels can show whether the image has it.

    Such a program is in no table of the base's or of packages' programs and is not a path, and the image has neither
    steps nor apt packages that may bring it, and no package or wheel of ``own``, which are the project's, installs it.
    """
    words = (*(settings.entrypoint or ()), *(settings.command or ()))
    folder, name = posixpath.split(words[0]) if words else ("", "")
    if folder not in {"", "/opt/venv/bin"} or settings.run or settings.apt or not re.fullmatch(r"[\w.+-]+", name):
        return ()
    known = {*programs.slim_programs(), *programs.system_programs(), *programs.wrappers(), *programs.console_programs()}
    known |= {command for package in own for command in package.commands}
    is_known = name in known or f"{name} {next(iter(words[1:]), '')}" in known or _PYTHON.fullmatch(name)
    return () if is_known else (name,)
