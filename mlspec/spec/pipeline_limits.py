"""The values of a spec that a pipeline of GitHub or GitLab cannot have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlspec.errors import Problem

if TYPE_CHECKING:
    from mlspec.spec.spec import Image


def list_workflow_problems(image: Image) -> Iterator[Problem]:
    """Yield the problems of an image for a workflow of GitHub."""
    yield from _list_push_problems(image, "github", "ghcr.io/OWNER")
    if image.place:
        message = "GitHub reads workflows only at the root of a repository, and this spec is in a folder below"
        hint = f"leave github out of targets, and build in a workflow of your own: mlspec build -f {image.place}"
        yield image.problem("MLS148", message, hint, "context")


def list_pipeline_problems(image: Image) -> Iterator[Problem]:
    """Yield the problems of an image for a pipeline of GitLab."""
    yield from _list_push_problems(image, "gitlab", "registry.gitlab.com/GROUP")


def _list_push_problems(image: Image, target: str, example: str) -> Iterator[Problem]:
    if image.settings.registry is None:
        message = "a pipeline pushes the image, and the spec does not say where"
        hint = f"add: registry: {example}; or leave {target} out of targets"
        yield image.problem("MLS147", message, hint, "targets")
