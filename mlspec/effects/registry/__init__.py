"""Image registries to what a reference stands for today: its digest, and what the image says of itself."""

from mlspec.effects.registry.endpoints import MIRROR_VARIABLE, addresses
from mlspec.effects.registry.reading import Resolved, manifest, resolve
from mlspec.effects.registry.refusals import NO_PLATFORM

__all__ = ["MIRROR_VARIABLE", "NO_PLATFORM", "Resolved", "addresses", "manifest", "resolve"]
