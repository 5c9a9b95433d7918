"""The endpoints of an image: its own registry, and the mirrors in front of the registry."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from mlspec.facts import image_reference
from mlspec.facts.image_reference import DOCKER_HUB, ImageReference
from mlspec.host.machine import is_loopback
from mlspec.host.network.user_configuration import configuration

MIRROR_VARIABLE = "MLSPEC_REGISTRY_MIRROR"
HUB_URL = "https://registry-1.docker.io"
HUB_LOGIN = "https://index.docker.io/v1/"
"""The name of Docker Hub in Docker's store of logins."""
_ENGINE_TIMEOUT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A registry that may serve an image; ``path`` is a prefix of the repository, for mirrors in a larger registry."""

    url: str
    login: str
    path: str = ""

    @property
    def host(self) -> str:
        """Host and port of the endpoint."""
        return urlsplit(self.url).netloc

    @property
    def place(self) -> str:
        """Name of the endpoint for messages."""
        return "Docker Hub" if self.login == HUB_LOGIN else self.host

    @property
    def login_command(self) -> str:
        """Command that logs in to the endpoint."""
        return "docker login" if self.login == HUB_LOGIN else f"docker login {self.login}"


def addresses(reference: str) -> tuple[str, ...]:
    """Return the addresses of the endpoints of an image, mirrors first; empty if ``reference`` is not a reference."""
    image = image_reference.parse_reference(reference)
    return tuple(f"{endpoint.url}/v2/" for endpoint in endpoints(image)) if image else ()


def endpoints(image: ImageReference) -> Iterator[Endpoint]:
    """Yield the endpoints of an image, mirrors first."""
    if image.registry != DOCKER_HUB:
        yield own(image)
        return
    asked = set()
    for mirror in _mirrors():
        endpoint = _endpoint(mirror)
        if endpoint not in asked:
            yield endpoint
        asked.add(endpoint)
    yield own(image)


def own(image: ImageReference) -> Endpoint:
    """Return the endpoint of the image's own registry, without mirrors."""
    if image.registry != DOCKER_HUB:
        return _endpoint(image.registry)
    return Endpoint(url=HUB_URL, login=HUB_LOGIN)


def _mirrors() -> Iterator[str]:
    yield from configuration().registry_mirror
    yield from engine_mirrors()


def _endpoint(address: str) -> Endpoint:
    scheme, has_scheme, rest = address.partition("://")
    if not has_scheme:
        scheme, rest = ("http" if is_loopback(address) else "https"), address
    host, _, path = rest.strip("/").partition("/")
    # Drop a login in the address: messages print the address. Docker's store keeps the logins.
    host = host.rpartition("@")[2]
    return Endpoint(url=f"{scheme}://{host}", login=host, path=f"{path}/" if path else "")


def engine_mirrors() -> tuple[str, ...]:
    """Return the mirrors in the engine's configuration; empty without an engine, or if the engine is behind ssh.

    An ssh tunnel would be too slow.
    """
    if os.environ.get("DOCKER_HOST", "").startswith("ssh:"):
        return ()
    import docker
    import requests

    try:
        with contextlib.closing(docker.from_env(timeout=_ENGINE_TIMEOUT)) as client:
            config = client.info().get("RegistryConfig") or {}
    except (docker.errors.DockerException, requests.RequestException, OSError, ValueError):
        return ()
    return tuple(config.get("Mirrors") or ())
