"""The modules of the project: the meaning of an import, and the folders that Python has to search."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field

from mlspec.advice.draft.folder import Folder
from mlspec.advice.draft.scripts import Script, is_tool

# Usual names of folders that contain packages and are not packages themselves.
_ROOTS = {"src", "lib", "python"}


@dataclass(frozen=True, slots=True)
class Modules:
    """The modules of a project: the folders that contain each name."""

    places: dict[str, frozenset[str]] = field(default_factory=dict)
    packages: frozenset[str] = frozenset()
    """Folders with an ``__init__.py``."""

    def has(self, name: str) -> bool:
        """Return whether a module or a folder with code has this name, anywhere in the project."""
        return name in self.places

    def is_own(self, name: str, script: str) -> bool:
        """Return whether an import in ``script`` can only mean a module of the project.

        Such a module is beside the script, at the top, or in a folder of packages such as src. A module elsewhere may
        have the name of a foreign package by chance, such as loggers/wandb.py.
        """
        beside = posixpath.dirname(script)
        near = {"", "src"} | ({beside} if beside not in self.packages else set())
        return any(place in near or self._is_root(place) for place in self.places.get(name, ()))

    def _is_root(self, place: str) -> bool:
        return posixpath.basename(place) in _ROOTS and place not in self.packages

    def find_roots(self, scripts: Iterable[Script]) -> tuple[str, ...]:
        """Return the folders that Python has to search in addition, for the imports of scripts in other folders."""
        found = set()
        for script in (script for script in scripts if not is_tool(script.path)):
            for name in script.imports | script.optional:
                places = self.places.get(name, frozenset())
                roots = [place for place in places if self._is_root(place)]
                # If two folders have the name, only a person knows which one is meant.
                if len(roots) == 1 and not places & {"", posixpath.dirname(script.path)}:
                    found.add(roots[0])
        return tuple(sorted(found))


def find_modules(folder: Folder) -> Modules:
    """Return the modules of a folder: each file of code, and each folder with such a file."""
    places: dict[str, set[str]] = {}
    paths = [path for path in folder.files | folder.texts.keys() if path.endswith(".py")]
    for path in paths:
        place, name = posixpath.split(path.removesuffix(".py"))
        while name:
            places.setdefault(name, set()).add(place)
            place, name = posixpath.split(place)
    packages = frozenset(posixpath.dirname(path) for path in paths if posixpath.basename(path) == "__init__.py")
    return Modules({name: frozenset(found) for name, found in places.items()}, packages)
