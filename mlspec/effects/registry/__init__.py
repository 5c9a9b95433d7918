"""Image registries to what a reference stands for today: its digest, and what the image says of itself."""

from mlspec.effects.registry.endpoints import MIRROR_VARIABLE, addresses
from mlspec.effects.registry.reading import Resolved, manifest, resolve

__all__ = ["MIRROR_VARIABLE", "Resolved", "addresses", "manifest", "resolve"]
