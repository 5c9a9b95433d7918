"""Rules about what a cluster leaves out of a spec."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.advice.lint.subject import Subject
from mlspec.errors import Problem


def sets_no_limits(subject: Subject) -> Iterator[Problem]:
    """Warn of limits of the kernel, which a pod cannot set: they are those of the node's container runtime."""
    if "kubernetes" in subject.image.targets and subject.settings.ulimits:
        names = ", ".join(subject.settings.ulimits)
        message = f"a cluster has limits of its own: {names} will be what the runtime of the node sets"
        hint = "set them on the nodes, and ignore this: # mlspec: ignore=MLS670 the nodes set them"
        yield subject.warn(message, hint, "ulimits")
