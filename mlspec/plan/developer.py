"""The additions of a dev container to the image: packages and tools for people who work on the project."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.lock.image_facts import ImageFacts
from mlspec.plan.build_mounts import PIP_CACHE, BuildMount
from mlspec.spec.files import Files
from mlspec.spec.keys import Settings
from mlspec.spec.nested_keys import Secret

_TOOLS = ("ca-certificates", "curl", "git", "less", "openssh-client", "procps")
"""Debian packages that editors and their terminals use: git over HTTPS and SSH, ps to find processes, a pager."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeveloperPlan:
    """What a dev container has beside the image.

    ``image`` is the name under which the dev container's build finds the image. ``packages`` are the names of the
    Python packages, ``lock`` is the name of their lock beside the spec, and ``index_urls`` are their indexes beside the
    default one. ``secrets`` are the logins of these indexes.
    """

    image: str
    apt: tuple[str, ...]
    packages: tuple[str, ...]
    lock: str
    index_urls: tuple[str, ...]
    secrets: tuple[tuple[str, Secret], ...]

    @property
    def mounts(self) -> tuple[BuildMount, ...]:
        """The mounts of the step that installs the packages, without the lock."""
        logins = (
            (("type", "secret"), ("id", name), ("target", "/root/.netrc"), ("required", "true"))
            for name, _ in self.secrets
        )
        return (PIP_CACHE, *map(BuildMount, logins))


def plan_developer(name: str, files: Files, settings: Settings, facts: ImageFacts) -> DeveloperPlan:
    """Plan the additions of a dev container to the image ``name``."""
    logins = {index.secret for index in settings.indexes if index.secret and index.url in facts.dev_indexes}
    return DeveloperPlan(
        # No registry is called localhost, so no build ever takes an image of a stranger in place of this one.
        image=f"localhost/{name.replace(':', '-')}:devcontainer",
        apt=_TOOLS,
        packages=facts.dev,
        lock=files.dev_lock,
        index_urls=facts.dev_indexes,
        secrets=tuple((key, secret) for key, secret in settings.secrets.items() if key in logins),
    )
