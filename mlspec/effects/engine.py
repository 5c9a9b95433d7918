"""The engine that builds images and runs containers: finding it and asking it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NoReturn

from mlspec.errors import Problem, ToolError

if TYPE_CHECKING:
    import docker

# Docker 25's: the first that knows a health check's start interval; here-documents and COPY --link came with 23.
_LEAST_API = (1, 44)
_TIMEOUT = 10


def connect() -> docker.DockerClient:
    """Return a client of the engine that the ``docker`` command talks to; raises ToolError with what stands in the way.

    Like that command, it goes by DOCKER_HOST, else by the current context.
    """
    require_command()
    import docker
    import requests

    host, tls = _address()
    try:
        client = _client(host, tls)
        version = client.version()
    except (docker.errors.DockerException, requests.RequestException, OSError, ValueError) as error:
        _unreached(host, error)
    names = {str(part.get("Name", "")) for part in version.get("Components") or ()}
    if any("podman" in name.lower() for name in names):
        _is_podman("podman answers at the engine's address")
    if _api(version) < _LEAST_API:
        hint = "update it: Docker 25 or newer has what the Dockerfile uses"
        fail("MLS505", f"the engine is Docker {version.get('Version', '?')}, which is too old", hint)
    return client


def image_exists(name: str) -> bool:
    """Tell whether the engine has an image of this name."""
    import docker

    with contextlib.closing(connect()) as client:
        try:
            client.images.get(name)
        except docker.errors.ImageNotFound:
            return False
    return True


def require_command() -> None:
    """Raise ToolError unless ``docker`` and its buildx are there, and are Docker's own."""
    said = _said("docker", "--version")
    if said is None and shutil.which("podman"):
        _is_podman("there is podman here, and no docker command")
    if said is None:
        hint = "install Docker Desktop, or the packages docker-ce and docker-buildx-plugin of docker.com"
        fail("MLS504", "there is no docker command here", hint)
    if "podman" in said.lower():
        _is_podman("the docker command here is podman's")
    if _said("docker", "buildx", "version") is None:
        hint = "install it: sudo apt-get install docker-buildx-plugin, or docker-buildx in Debian's and Ubuntu's own"
        fail("MLS504", "the docker command here has no buildx, which builds images", hint)


def _said(*words: str) -> str | None:
    """Return what a command says; none where it is not there or fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout + done.stderr if done.returncode == 0 else None


def _address() -> tuple[str, docker.tls.TLSConfig | bool]:
    """Return where the ``docker`` command finds its engine, which the SDK does not by itself: it knows no contexts.

    Nothing where it is to be found by the environment and the defaults.
    """
    from docker.context import ContextAPI
    from docker.context.config import get_current_context_name

    name = os.environ.get("DOCKER_CONTEXT") or get_current_context_name()
    if os.environ.get("DOCKER_HOST") or name == "default" or not (context := ContextAPI.get_context(name)):
        return os.environ.get("DOCKER_HOST", ""), False
    return context.Host or "", context.TLSConfig or False


def _client(host: str, tls: docker.tls.TLSConfig | bool) -> docker.DockerClient:
    import docker

    # An engine behind ssh is reached by the ssh command, with its configuration and agent.
    is_ssh = host.startswith("ssh:")
    if host == os.environ.get("DOCKER_HOST", ""):
        return docker.from_env(timeout=_TIMEOUT, use_ssh_client=is_ssh)
    return docker.DockerClient(host, version="auto", timeout=_TIMEOUT, tls=tls, use_ssh_client=is_ssh)


def _unreached(host: str, error: Exception) -> NoReturn:
    where = f" at {host}" if host else ""
    if _errno(error) in {errno.EACCES, errno.EPERM}:
        hint = 'join the group: sudo usermod -aG docker "$USER"; then log out and in again'
        fail("MLS502", f"the engine{where or ' is there, and'} does not let this user in", hint)
    starts = "sudo systemctl start docker" if sys.platform == "linux" else "open Docker Desktop"
    hint = (
        f"start it: {starts}; or correct DOCKER_HOST or the context: docker context ls"
        if host
        else f"start it: {starts}"
    )
    fail("MLS501", f"no engine answers{where}", f"{hint}\n{_innermost(error)}")


def _errno(error: BaseException) -> int | None:
    """Return the number of the system's error within others: the SDK and its libraries wrap it as an argument."""
    for inner in _within(error):
        if isinstance(inner, OSError) and inner.errno:
            return inner.errno
    return None


def _within(error: object) -> Iterator[BaseException]:
    if isinstance(error, BaseException):
        yield error
        for inner in (*error.args, error.__cause__):
            yield from _within(inner)
    elif isinstance(error, tuple):
        for inner in error:
            yield from _within(inner)


def _innermost(error: Exception) -> str:
    """Return the last words of an error that others wrap."""
    return str([*_within(error)][-1]) or type(error).__name__


def _api(version: Mapping[str, object]) -> tuple[int, ...]:
    return tuple(int(part) for part in str(version.get("ApiVersion", "0")).split(".") if part.isdigit())


def _is_podman(message: str) -> NoReturn:
    hint = "the files work with it: podman build --file Dockerfile . ; mlspec build and mlspec run need Docker"
    fail("MLS503", message, hint)


def fail(code: str, message: str, hint: str) -> NoReturn:
    """Raise ToolError with one problem."""
    raise ToolError(Problem(code=code, message=message, hint=hint)) from None
