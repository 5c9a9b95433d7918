"""Labels with the origin of an image: the annotations of OCI, and mlspec's own labels below ``mlspec.``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlspec.plan.compiled_spec import CompiledSpec
    from mlspec.plan.plan import Plan

Label = tuple[str, str]

_PREFIX = "mlspec"
SPEC_LABEL = f"{_PREFIX}.spec.digest"
"""The label with the digest of the spec: a run compares the digest with the current spec."""
LOCK_LABEL = f"{_PREFIX}.lock.digest"
"""The label with the digest of the lock."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """The git checkout of a folder: the address of its repository, and its commit.

    ``source`` is empty without git or a remote. ``revision`` is empty without git or a commit, or if the folder has
    uncommitted changes.
    """

    source: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """The inputs of an image: the texts of its spec and its lock, the version of mlspec, and the checkout."""

    spec: str
    lock: str
    version: str
    checkout: Checkout


def labels_of(compiled: CompiledSpec, plan: Plan, checkout: Checkout) -> tuple[Label, ...]:
    """Return the labels of one image of a spec in a checkout."""
    from importlib.metadata import version

    made_from = Provenance(
        spec=compiled.spec.document.text,
        lock=compiled.lock_text(plan),
        version=version("mlspec"),
        checkout=checkout,
    )
    return labels(plan, made_from)


def labels(plan: Plan, origin: Provenance) -> tuple[Label, ...]:
    """Return the labels with the origin of an image, without labels that the spec sets itself.

    The same commit gives the same labels: they hold no time, no host, and no name or tag of the image.
    The names are those of https://github.com/opencontainers/image-spec/blob/main/annotations.md.
    """
    own = {name for name, _ in plan.container.labels}
    return tuple((name, value) for name, value in _labels(plan, origin) if value and name not in own)


def _labels(plan: Plan, origin: Provenance) -> Iterator[Label]:
    from mlspec.facts import image_reference

    yield from list_checkout_labels(origin.checkout)
    base = image_reference.parse_reference(plan.base.reference)
    if base:
        yield "org.opencontainers.image.base.name", str(base).partition("@")[0]
        yield "org.opencontainers.image.base.digest", base.digest
    yield f"{_PREFIX}.version", origin.version
    yield SPEC_LABEL, text_digest(origin.spec)
    yield LOCK_LABEL, text_digest(origin.lock) if origin.lock else ""


def list_checkout_labels(checkout: Checkout) -> tuple[Label, ...]:
    """Return the labels with the checkout that an image was built from; their values may be empty."""
    return (
        ("org.opencontainers.image.source", checkout.source),
        ("org.opencontainers.image.revision", checkout.revision),
    )


def text_digest(text: str) -> str:
    """Return the digest of a text as it stands in the labels of a spec and a lock."""
    # The same digest as `sha256sum mlspec.lock` prints on a checkout with LF line endings.
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


_URL = re.compile(r"(https?|ssh)://(?:[^/\s]*@)?([^/@:\s]+)(:\d+)?/([^@?#\s]+)(?:[?#]\S*)?")
_SCP = re.compile(r"(?:[^/@:\s]+@)?(?=[^/@:\s]+\.[^/@:\s])([^/@:\s]+):/?([^@?#:\s]+)")


def source_of(remote: str) -> str:
    """Return the public address of a repository from the address of a git remote, or "".

    The result has no login, query or fragment. An ssh address becomes an https address, which is that of the
    repository's pages. A path of this host, or an ambiguous address, gives "".
    """
    remote = remote.strip()
    if found := _URL.fullmatch(remote):
        scheme, host, port, path = found.groups()
        # A port for ssh is not the port of the repository's pages.
        place = f"{host}{port or ''}" if scheme != "ssh" else host
        return f"{'https' if scheme == 'ssh' else scheme}://{place}/{_repository(path)}"
    if found := _SCP.fullmatch(remote):
        return f"https://{found[1]}/{_repository(found[2])}"
    return ""


def _repository(path: str) -> str:
    return path.strip("/").removesuffix(".git")
