"""The options of a build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlspec.plan.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """The options of a build; without ``platforms``, the platform is that of the plan.

    ``dockerfile`` is the path of a variant of the Dockerfile, ``secrets`` are ids and sources of its own secrets, and
    ``without_secrets`` names secrets of the spec that it does not need. ``compression`` is that of the layers of a
    pushed image; without it, the spec decides. ``cache_from`` are references of build caches in registries to read,
    and ``cache_to`` is the one to write. ``keeps_nothing``: the build keeps no image.
    """

    tags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    push: bool = False
    compression: str | None = None
    cache_from: tuple[str, ...] = ()
    cache_to: str | None = None
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


def complete_options(options: BuildOptions, plan: Plan, platforms: Sequence[str]) -> BuildOptions:
    """Return the options of the build of one image, with its own names and its own references of build caches."""
    names = options.tags or ((plan.push.name,) if options.push else ())
    own = plan.push.name if options.push else plan.image
    caches = (*filter(None, [options.cache_to]), *options.cache_from)
    return replace(
        options,
        platforms=tuple(platforms),
        tags=tuple(own + name if name.startswith(":") else name for name in names),
        cache_from=tuple(name_cache(reference, plan.key) for reference in caches),
        cache_to=name_cache(options.cache_to, plan.key) if options.cache_to else None,
    )


def name_cache(reference: str, key: str) -> str:
    """Return the reference of the build cache of one image: several images of a spec have a tag each in one place."""
    if not key:
        return reference
    # A colon before the last slash belongs to a port.
    has_tag = ":" in reference.rpartition("/")[2]
    return f"{reference}-{key}" if has_tag else f"{reference}:{key}"


def cache_fields(reference: str) -> tuple[str, ...]:
    """Return the fields of ``--cache-to`` that keep a build cache in a registry."""
    # max: the layers of all stages, not only those of the image. Some registries refuse a cache that is an index.
    return ("type=registry", f"ref={reference}", "mode=max", "oci-mediatypes=true", "image-manifest=true")


def image_fields(compression: str) -> tuple[str, ...]:
    """Return the fields of ``--output`` for an image with this compression of its layers, as a registry gets it."""
    # Explicit, because the defaults differ between builders, and the media types are part of the digest.
    fields = ("type=image", "oci-mediatypes=true", f"compression={compression}")
    # Without it, BuildKit pushes each layer as it has it: those of the base, and of earlier builds, with gzip.
    return fields if compression == "gzip" else (*fields, "force-compression=true")
