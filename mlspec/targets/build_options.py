"""The options of a build."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """The options of a build; without ``platforms``, the platform is that of the plan.

    ``dockerfile`` is the path of a variant of the Dockerfile, ``secrets`` are ids and sources of its own secrets, and
    ``without_secrets`` names secrets of the spec that it does not need. ``compression`` is that of the layers of a
    pushed image. ``keeps_nothing``: the build keeps no image.
    """

    tags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    push: bool = False
    compression: str = "gzip"
    builder: str | None = None
    no_cache: bool = False
    progress: str = "auto"
    index_url: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    metadata_file: str | None = None
    archive: str | None = None
    keeps_nothing: bool = False
    dockerfile: str | None = None
    secrets: tuple[tuple[str, str], ...] = ()
    without_secrets: frozenset[str] = frozenset()
