"""A package in a folder of the project, and the build that installs it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field

from mlspec.spec.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPackage:
    """A package in a folder of the project: the build reads its metadata, and Python imports its code from there.

    ``path`` is relative to the folder of the spec. ``requires`` are the requirements of the build. ``files`` are the
    files whose contents the build reads, relative to the package: of all others, the build reads only the names.
    ``is_compiled``: the package has modules in C or C++, which the build reads too. ``commands`` are the names of the
    programs that its installation makes. ``version`` is empty unless it is written in the pyproject.toml.
    """

    path: str
    name: str
    requires: tuple[str, ...]
    files: tuple[str, ...]
    is_compiled: bool = False
    commands: tuple[str, ...] = ()
    version: str = field(default="", compare=False)
    place: Place = field(default=Place(), compare=False)

    def path_of(self, name: str) -> str:
        """Return the path of one of the package's files, relative to the folder of the spec."""
        return posixpath.normpath(posixpath.join(self.path, name))
