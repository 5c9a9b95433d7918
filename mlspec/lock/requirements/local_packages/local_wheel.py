"""A wheel in the project, as a requirement names it: its place, its hash, and what its metadata says."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field

from mlspec.spec.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalWheel:
    """A wheel in the project, which the image installs as it is.

    ``path`` is relative to the folder of the spec. ``sha256`` is the digest of its bytes. ``commands`` are the names of
    the programs that it installs.
    """

    path: str
    name: str
    version: str
    sha256: str
    requires_python: str = ""
    commands: tuple[str, ...] = ()
    place: Place = field(default=Place(), compare=False)

    @property
    def file(self) -> str:
        """The name of the file, whose tags say what the wheel is for."""
        return posixpath.basename(self.path)
