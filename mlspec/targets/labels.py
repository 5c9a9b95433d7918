"""Where an image comes from, as labels: the names of OCI's annotations, and mlspec's own below ``mlspec.``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mlspec.facts import image_reference
from mlspec.plan.compiled_spec import CompiledSpec
from mlspec.plan.plan import Plan

Label = tuple[str, str]

_PREFIX = "mlspec"
SPEC_LABEL = f"{_PREFIX}.spec.digest"
"""The label with the digest of the spec: a run compares it with the spec that it finds."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """What version control says of a folder: the address of its repository, and the commit that it is, unchanged.

    Either is empty where there is none to tell: no git, no remote, no commit, or changes on top of it.
    """

    source: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """All that an image is made from: the texts of its spec and lock, the version of mlspec, and the checkout."""

    spec: str
    lock: str
    version: str
    checkout: Checkout


def labels_of(compiled: CompiledSpec, plan: Plan, checkout: Checkout) -> tuple[Label, ...]:
    """Return the labels of an image of a spec that lies in a checkout."""
    from importlib.metadata import version

    made_from = Provenance(
        spec=compiled.spec.document.text,
        lock=compiled.lock_text(plan),
        version=version("mlspec"),
        checkout=checkout,
    )
    return labels(plan, made_from)


def labels(plan: Plan, origin: Provenance) -> tuple[Label, ...]:
    """Return the labels that say where an image comes from; those that the spec sets itself are left to it.

    The same commit gives the same labels: no time, no host, and no name or tag of the image.
    The names are those of https://github.com/opencontainers/image-spec/blob/main/annotations.md.
    """
    own = {name for name, _ in plan.container.labels}
    return tuple((name, value) for name, value in _labels(plan, origin) if value and name not in own)


def _labels(plan: Plan, origin: Provenance) -> Iterator[Label]:
    yield "org.opencontainers.image.source", origin.checkout.source
    yield "org.opencontainers.image.revision", origin.checkout.revision
    base = image_reference.parse_reference(plan.base.reference)
    if base:
        yield "org.opencontainers.image.base.name", str(base).partition("@")[0]
        yield "org.opencontainers.image.base.digest", base.digest
    yield f"{_PREFIX}.version", origin.version
    yield SPEC_LABEL, text_digest(origin.spec)
    yield f"{_PREFIX}.lock.digest", text_digest(origin.lock) if origin.lock else ""


def text_digest(text: str) -> str:
    """Return the digest of a text, as the labels of a spec and a lock hold it."""
    # What `sha256sum mlspec.lock` prints, on a checkout with LF line ends.
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


_URL = re.compile(r"(https?|ssh)://(?:[^/\s]*@)?([^/@:\s]+)(:\d+)?/([^@?#\s]+)(?:[?#]\S*)?")
_SCP = re.compile(r"(?:[^/@:\s]+@)?(?=[^/@:\s]+\.[^/@:\s])([^/@:\s]+):/?([^@?#:\s]+)")


def source_of(remote: str) -> str:
    """Return the address of a repository as everybody may know it, from that of a git remote; empty where it has none.

    No login, query or fragment is in it; what is reached by ssh is named by https, as its pages are. A path of this
    host, and an address that cannot be read for certain, is none.
    """
    remote = remote.strip()
    if found := _URL.fullmatch(remote):
        scheme, host, port, path = found.groups()
        # A port of ssh says nothing of where its pages are.
        place = f"{host}{port or ''}" if scheme != "ssh" else host
        return f"{'https' if scheme == 'ssh' else scheme}://{place}/{_repository(path)}"
    if found := _SCP.fullmatch(remote):
        return f"https://{found[1]}/{_repository(found[2])}"
    return ""


def _repository(path: str) -> str:
    return path.strip("/").removesuffix(".git")
