"""A temporary Dockerfile whose build makes the metadata of a source."""

from __future__ import annotations

from mlspec.plan.source_builds import MetadataStage
from mlspec.targets.filters import draw

TEMPLATE = "metadata.j2"


def draw_metadata(stage: MetadataStage) -> str:
    """Return the text of the Dockerfile; ``host.resolver.metadata.script`` makes its build context."""
    return draw(TEMPLATE, stage=stage)
