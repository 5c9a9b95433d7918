"""Rules about settings of a spec that a cluster ignores."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.advice.lint.subject import Subject
from mlspec.errors import Problem


def sets_no_limits(subject: Subject) -> Iterator[Problem]:
    """Warn of ``ulimits`` in a spec for Kubernetes: a pod cannot set them, only the node's container runtime can."""
    if "kubernetes" in subject.image.targets and subject.settings.ulimits:
        names = ", ".join(subject.settings.ulimits)
        message = f"a cluster has its own limits: the runtime of the node will set {names}"
        hint = "set them on the nodes, and ignore this: # mlspec: ignore=MLS670 the nodes set them"
        yield subject.warn(message, hint, "ulimits")
