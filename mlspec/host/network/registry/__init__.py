"""Lookups in image registries: the current digest and configuration of an image reference."""

from mlspec.host.network.registry.endpoints import MIRROR_VARIABLE, addresses
from mlspec.host.network.registry.image_lookup import manifest, resolve

__all__ = ["MIRROR_VARIABLE", "addresses", "manifest", "resolve"]
