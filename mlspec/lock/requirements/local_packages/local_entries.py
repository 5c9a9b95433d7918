"""The syntax of requirements that are folders of the project."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from mlspec.lock.requirements.local_packages.setup_metadata import SETUP_FILES
from mlspec.lock.requirements.other_files import Look, Refusal, advise_folder
from mlspec.spec.values import count_ups

_FOLDER = re.compile(r"^(\.{1,2}(?:[/\\][^\[\];#@:]*)?)(?:\[([^\]]*)\])?$")


@dataclass(frozen=True, slots=True)
class LocalEntry:
    """A requirement that is a folder: its path, relative to the folder of the spec, and the extras of its package.

    ``text`` is the requirement as written.
    """

    text: str
    path: str
    extras: tuple[str, ...]

    @property
    def project(self) -> str:
        """The path of the package's pyproject.toml."""
        return posixpath.normpath(posixpath.join(self.path, "pyproject.toml"))

    def list_setup_files(self, look: Look) -> tuple[str, ...]:
        """Return the paths of the package's setup.cfg and setup.py, as far as they exist."""
        paths = (posixpath.normpath(posixpath.join(self.path, name)) for name in SETUP_FILES)
        return tuple(path for path in paths if look(path).kind == "file")

    def refuse(self, look: Look, context: str, *, is_constraint: bool) -> Refusal | None:
        """Return the refusal of a folder without a package, or outside the build context; None for any other."""
        if is_constraint:
            return "MLS226", "a folder is not a constraint", "write it under `requirements`"
        above = count_ups(self.path)
        is_package = look(self.project).kind == "file" or bool(self.list_setup_files(look))
        if is_package and above > count_ups(context):
            where = "folder of the spec" if context == "." else "build context"
            message = f"the package in {self.path} is outside the {where}"
            return "MLS206", message, f"to build from the folder above: context: {'/'.join(['..'] * above)}"
        if not is_package:
            message = "a path belongs to this machine, but the image must build on any machine"
            return "MLS206", message, advise_folder(self.text, look)
        return None


def parse_local_entry(text: str) -> LocalEntry | None:
    """Return the folder in a requirement such as ``.``, ``./libs/x`` or ``.[extra]``; None for any other text."""
    found = _FOLDER.match(text.strip())
    if not found or re.search(r"\.(?:whl|gz|tgz|zip|bz2|xz)$", found[1]):
        return None
    path = posixpath.normpath(found[1].strip().replace("\\", "/"))
    extras = (extra.strip() for extra in (found[2] or "").split(","))
    return LocalEntry(text.strip(), path, tuple(filter(None, extras)))


def parse_editable(value: str) -> LocalEntry | None:
    """Return the folder that ``-e`` names, which needs no ``./`` there; None for any other value."""
    is_elsewhere = ":" in value or value.startswith(("/", "\\", "~", "git+"))
    return None if is_elsewhere else parse_local_entry(value if value.startswith(".") else f"./{value}")
