"""Image registries to what a reference stands for today: its digest, and what the image says of itself."""

from mlspec.host.network.registry.endpoints import MIRROR_VARIABLE, addresses
from mlspec.host.network.registry.reading import Resolved, manifest, resolve
from mlspec.host.network.registry.refusals import NO_PLATFORM

__all__ = ["MIRROR_VARIABLE", "NO_PLATFORM", "Resolved", "addresses", "manifest", "resolve"]
