"""An unpacked source, its metadata, and the protocol of the maker of metadata."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mlspec.lock.world import ForeignMetadata


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackedSource:
    """An unpacked source: its folder, build requirements, backend, and programming languages.

    The version is empty if it is unknown before a build.
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
    def full_name(self) -> str:
        """Name and version for messages."""
        return f"{self.name} {self.version}".strip()

    @property
    def digest(self) -> str:
        """Digest of all files: their paths, executable bits and contents."""
        root, total = Path(self.folder), hashlib.sha256()
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_symlink():
                total.update(f"{name}\0->{path.readlink()}\0".encode())
            # Git's own files contain times. A version from git depends on the commits, which HEAD and packed-refs name.
            elif path.is_file() and (not name.startswith(".git/") or name in {".git/HEAD", ".git/packed-refs"}):
                total.update(f"{name}\0{path.stat().st_mode & 0o100:o}\0".encode())
                total.update(hashlib.sha256(path.read_bytes()).digest())
        return total.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeMetadata:
    """Core metadata and the requirements of its build; or an ``error``, the output of the failed build.

    ``place`` describes the host of the build for messages; it is empty for the image's own build stage. ``why`` is the
    reason why the build did not run in that stage.
    """

    text: str = ""
    requires: tuple[str, ...] = ()
    error: str = ""
    place: str = ""
    why: str = ""


class MetadataSource(Protocol):
    """The protocol for questions of the resolver, implemented by ``mlspec.host.resolver.metadata.maker``."""

    @property
    def foreign(self) -> tuple[ForeignMetadata, ...]:
        """The sources whose metadata does not come from the image's build stage."""

    def make(self, source: UnpackedSource) -> MadeMetadata:
        """Return the metadata of a source, or the error of its failed build."""

    def tell_download(self, files: Sequence[dict[str, object]]) -> None:
        """Report the size of a build's downloads."""

    def tell_looked(self, told: Mapping[str, Any]) -> None:
        """Report how much of the wheels was read to find the libraries that they load."""
