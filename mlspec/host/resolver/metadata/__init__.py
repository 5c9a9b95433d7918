"""The metadata of sources that only a build can tell: made in the image's build stage, or else on this host."""

from mlspec.host.resolver.metadata.maker import Maker
from mlspec.host.resolver.metadata.values import Made, Source

__all__ = ["Made", "Maker", "Source"]
