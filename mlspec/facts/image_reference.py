"""Image references, such as ``python:3.12-slim``, with Docker's grammar and defaults."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

DOCKER_HUB = "docker.io"
_HUB_NAMES = {"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}
HOST_PART = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{HOST_PART}(?:\.{HOST_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
PATH_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
# The grammar of github.com/distribution/reference; of digests only sha256, the kind that registries return.
_REFERENCE = re.compile(
    rf"(?P<host>{_HOST})/(?P<path>{PATH_PART}(?:/{PATH_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[a-f0-9]{64}))?"
)
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """The parts of a reference: ``docker.io``, ``library/python``, ``3.12-slim``, and the digest if it has one."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        """Return the reference in full, such as ``docker.io/library/python:3.12-slim``."""
        tag, digest = (f":{self.tag}" if self.tag else ""), (f"@{self.digest}" if self.digest else "")
        return f"{self.registry}/{self.repository}{tag}{digest}"

    @property
    def familiar(self) -> str:
        """The reference as people write it, such as ``python:3.12-slim``."""
        return str(self).removeprefix(f"{DOCKER_HUB}/").removeprefix("library/")


def parse_reference(text: str) -> ImageReference | None:
    """Return the image that ``text`` names, with Docker's defaults; None if it is not a reference."""
    found = _REFERENCE.fullmatch(_with_host(text))
    if not found or len(found["host"] + found["path"]) > _LONGEST_NAME:
        return None
    host, path = found["host"], found["path"]
    if host in _HUB_NAMES:
        host, path = DOCKER_HUB, path if "/" in path else f"library/{path}"
    tag = found["tag"] or ("" if found["digest"] else "latest")
    return ImageReference(registry=host, repository=path, tag=tag, digest=found["digest"] or "")


def names_registry(text: str) -> bool:
    """Return whether a reference names a registry other than Docker Hub."""
    found = parse_reference(text)
    return found is not None and found.registry != DOCKER_HUB


def _with_host(text: str) -> str:
    # Docker's rule: a first part is a host if it could not be a folder of Docker Hub.
    first, slash, _ = text.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost" or first.lower() != first)
    return text if is_host else f"{DOCKER_HUB}/{text}"


def names_by_digest(tags: Iterable[str], digest: str) -> tuple[str, ...]:
    """Return the names by digest, ``NAME@DIGEST``, of an image that was pushed under ``tags``, each name once."""
    # A colon before the last slash belongs to a port.
    names = (tag[: tag.index(":", tag.rfind("/") + 1)] if ":" in tag.rpartition("/")[2] else tag for tag in tags)
    return tuple(dict.fromkeys(f"{name}@{digest}" for name in names))
