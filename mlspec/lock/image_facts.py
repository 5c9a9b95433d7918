"""What the lock says of one image, as far as its plan needs it."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.lock.source_layers import SourceLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What the lock says of one image: its name, its base with the digest, and the layers of its packages.

    Of several platforms it says what any of them has; ``partial_layers`` and ``partial_builds`` are those that one of
    them lacks, and ``architectures`` are those that any image of the spec has locks for, beside the ones without.
    """

    project: str
    base: str
    is_official: bool
    install_base: str | None = None
    codename: str = ""
    glibc: str = ""
    layers: tuple[str, ...] = ()
    layer_indexes: tuple[tuple[str, str], ...] = ()
    partial_layers: tuple[str, ...] = ()
    partial_builds: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    index_urls: tuple[str, ...] = ()
    has_vcs: bool = False
    uses_ssh: bool = False
    sources: tuple[SourceLayer, ...] = ()
    has_build_locks: bool = False
    cuda: str = ""
    torch: str = ""
