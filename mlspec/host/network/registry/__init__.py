"""Image registries to what a reference stands for today: its digest, and what the image says of itself."""

from mlspec.host.network.registry.endpoints import MIRROR_VARIABLE, addresses
from mlspec.host.network.registry.reading import manifest, resolve

__all__ = ["MIRROR_VARIABLE", "addresses", "manifest", "resolve"]
