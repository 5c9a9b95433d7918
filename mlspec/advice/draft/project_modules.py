"""The modules of the project itself: what an import means, and where Python has to look for it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field

from mlspec.advice.draft.folder import Folder
from mlspec.advice.draft.scripts import Script, is_tool

# Folders by whose names everybody knows that the packages lie in them, and that they are none themselves.
_ROOTS = {"src", "lib", "python"}


@dataclass(frozen=True, slots=True)
class Modules:
    """The modules of a project: the folders that each name stands in."""

    places: dict[str, frozenset[str]] = field(default_factory=dict)
    packages: frozenset[str] = frozenset()
    """Folders with an ``__init__.py``."""

    def has(self, name: str) -> bool:
        """Return whether a module or a folder with code has this name, anywhere in the project."""
        return name in self.places

    def is_own(self, name: str, script: str) -> bool:
        """Return whether an import in ``script`` can only mean the project's own module.

        It stands beside the script, at the top, or where the packages of a project lie. Any other may be a part of a
        package with the name of somebody else's, such as loggers/wandb.py.
        """
        beside = posixpath.dirname(script)
        near = {"", "src"} | ({beside} if beside not in self.packages else set())
        return any(place in near or self._is_root(place) for place in self.places.get(name, ()))

    def _is_root(self, place: str) -> bool:
        return posixpath.basename(place) in _ROOTS and place not in self.packages

    def find_roots(self, scripts: Iterable[Script]) -> tuple[str, ...]:
        """Return the folders that Python has to be told of, for the imports of scripts that lie elsewhere."""
        found = set()
        for script in (script for script in scripts if not is_tool(script.path)):
            for name in script.imports | script.optional:
                places = self.places.get(name, frozenset())
                roots = [place for place in places if self._is_root(place)]
                # Two of one name: which is meant, only a person knows.
                if len(roots) == 1 and not places & {"", posixpath.dirname(script.path)}:
                    found.add(roots[0])
        return tuple(sorted(found))


def find_modules(folder: Folder) -> Modules:
    """Return the modules of a folder: each file of code, and each folder that holds one."""
    places: dict[str, set[str]] = {}
    paths = [path for path in folder.files | folder.texts.keys() if path.endswith(".py")]
    for path in paths:
        place, name = posixpath.split(path.removesuffix(".py"))
        while name:
            places.setdefault(name, set()).add(place)
            place, name = posixpath.split(place)
    packages = frozenset(posixpath.dirname(path) for path in paths if posixpath.basename(path) == "__init__.py")
    return Modules({name: frozenset(found) for name, found in places.items()}, packages)
