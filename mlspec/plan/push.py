"""The name and the form of an image in a registry."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.facts.image_reference import names_registry
from mlspec.spec.keys import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class PushPlan:
    """An image in a registry: its whole name there, and the compression of its layers, ``gzip`` or ``zstd``.

    ``registry`` is that of the spec, such as ``ghcr.io/acme``; without it, ``name`` is the name in an engine.
    """

    name: str
    registry: str | None
    compression: str

    @property
    def names_host(self) -> bool:
        """Tell whether the spec says which registry has the image; otherwise it is Docker Hub."""
        return self.registry is not None or names_registry(self.name)


def plan_push(image: str, settings: Settings) -> PushPlan:
    """Plan how the image with the name ``image`` is pushed."""
    entry = settings.registry
    return PushPlan(
        name=f"{entry.name}/{image}" if entry else image,
        registry=entry.name if entry else None,
        compression=entry.compression if entry else "gzip",
    )
