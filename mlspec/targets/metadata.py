"""The Dockerfile in which the metadata of a source is made; nobody keeps it."""

from __future__ import annotations

from mlspec.plan.source_builds import MetadataStage
from mlspec.targets.filters import draw

TEMPLATE = "metadata.j2"


def draw_metadata(stage: MetadataStage) -> str:
    """Return the text of the Dockerfile, whose context is that of ``host.resolver.metadata.script``."""
    return draw(TEMPLATE, stage=stage)
