"""A source whose metadata is to be made, and what came of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackedSource:
    """An unpacked source: its folder, what its build requires, its backend, and the languages it is written in.

    The version is empty where nothing tells it before a build.
    """

    name: str
    version: str
    folder: str
    requires: tuple[str, ...]
    backend: str
    backend_path: tuple[str, ...]
    languages: tuple[str, ...]
    is_vcs: bool = False

    @property
    def shown(self) -> str:
        """Its name and its version, as people read them."""
        return f"{self.name} {self.version}".strip()

    @property
    def digest(self) -> str:
        """The digest of all that is in it: paths, whether they are run, and contents."""
        root, total = Path(self.folder), hashlib.sha256()
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_symlink():
                total.update(f"{name}\0->{path.readlink()}\0".encode())
            # Git's own files hold times; what a version is told by are its commits, and so their names.
            elif path.is_file() and (not name.startswith(".git/") or name in {".git/HEAD", ".git/packed-refs"}):
                total.update(f"{name}\0{path.stat().st_mode & 0o100:o}\0".encode())
                total.update(hashlib.sha256(path.read_bytes()).digest())
        return total.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeMetadata:
    """Core metadata and what a build asked for while it was made; or an ``error``, which are the words of that build.

    ``place`` is where it was made, as people read it; empty is the image's own build stage. ``why`` tells why it was
    not made there.
    """

    text: str = ""
    requires: tuple[str, ...] = ()
    error: str = ""
    place: str = ""
    why: str = ""
