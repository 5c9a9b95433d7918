"""The metadata of sources that only a build can tell: made in the image's build stage, or else on this host."""

from mlspec.host.resolver.metadata.maker import MetadataMaker
from mlspec.host.resolver.metadata.unpacked_source import MadeMetadata, UnpackedSource

__all__ = ["MadeMetadata", "MetadataMaker", "UnpackedSource"]
