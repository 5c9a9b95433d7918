"""The names of Kubernetes objects: DNS labels, which allow fewer characters than names of images and paths."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from mlspec.plan.plan import Plan
from mlspec.spec.nested_keys import Mount
from mlspec.spec.values import slug
from mlspec.targets.bundle import Bundle
from mlspec.targets.filters import HOME_MARK
from mlspec.targets.run_script import host_path

# RFC 1123; the name of a Service begins with a letter, RFC 1035.
_LONGEST = 63
_DIGITS = 8


def label(text: str) -> str:
    """Return a DNS label for any text. The label begins with a letter; a long label ends in a digest of ``text``."""
    found = slug(text)
    if not found[0].isalpha():
        found = f"x-{found}"
    return found if len(found) <= _LONGEST else _with_digest(found, text)


def _with_digest(found: str, text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
    return f"{found[: _LONGEST - _DIGITS - 1].rstrip('-')}-{digest}"


def labels(texts: Mapping[str, str]) -> dict[str, str]:
    """Return a unique label for each text, under the key of the text."""
    found = {key: label(text) for key, text in texts.items()}
    taken = list(found.values())
    return {key: name if taken.count(name) == 1 else _with_digest(name, key) for key, name in found.items()}


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the objects that a cluster must already have for the images of one spec.

    ``claims`` maps the source of a mount to a storage claim, and ``variables`` an environment file to a secret.
    ``secrets`` and ``environment`` are the secret and the config map of the spec.
    """

    claims: Mapping[str, str]
    variables: Mapping[str, str]
    secrets: str
    environment: str

    def claim(self, mount: Mount) -> str:
        """Return the storage claim that replaces the folder or the volume of a mount."""
        return self.claims[_source(mount)]

    def file(self, path: str) -> str:
        """Return the secret that replaces an environment file."""
        return self.variables[host_path(path)]


def names_of(bundle: Bundle) -> Names:
    """Name the objects for the images of a spec."""
    stored = [mount for plan in bundle.plans for mount in plan.run.mounts if mount.type != "tmpfs"]
    files = [entry.path for plan in bundle.plans for entry in plan.run.env_files]
    return Names(
        claims=labels({_source(mount): _storage(mount, bundle.project) for mount in stored}),
        variables=labels({host_path(path): f"{bundle.project}-{path}" for path in files}),
        secrets=label(f"{bundle.project}-secrets"),
        environment=label(f"{bundle.project}-environment"),
    )


def object_name(plan: Plan) -> str:
    """Return the name of an image's objects: the name of the image, without its registry."""
    return label(plan.image.rpartition("/")[2])


def _source(mount: Mount) -> str:
    return host_path(mount.source) if mount.type == "bind" else mount.source


def _storage(mount: Mount, project: str) -> str:
    """Return a text that identifies a folder or a volume. The text of a relative path includes the project's name."""
    source = _source(mount)
    if mount.type == "volume":
        return source
    if source.startswith(HOME_MARK):
        return f"home-{source.removeprefix(HOME_MARK)}"
    return f"{project}-{source}" if source.startswith(".") else source
