"""The engine that builds images and runs containers: finding it and asking it."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from mlspec.advice.doctor import engine_rules as rules
from mlspec.advice.doctor.facts import Builder, DockerCommand, Engine
from mlspec.build.ownership import LocalImage
from mlspec.errors import Problem, ToolError
from mlspec.facts.versions import parse_release
from mlspec.host import machine as host

if TYPE_CHECKING:
    import docker

_TIMEOUT = 10
# What else is raised where something answers that is no engine: a proxy's page, say, or JSON of another shape.
_NO_ENGINE = (OSError, ValueError, TypeError, AttributeError, KeyError)


def connect() -> docker.DockerClient:
    """Return a client of the engine that the ``docker`` command talks to; raises ToolError with what stands in the way.

    Like that command, it goes by DOCKER_HOST, else by the current context.
    """
    client, found = reach()
    if problem := rules.engine_problem(host.here(), found):
        # Where there is no command either, that is what to begin with.
        require_command()
        stop_at(problem)
    assert client is not None  # noqa: S101 - else the engine is silent, which is a problem
    return client


def require() -> None:
    """Raise ToolError with what stands in the way of every build: of the command, or of the engine."""
    require_command()
    connect().close()


def own_platform() -> str:
    """Return the platform of the engine, such as linux/arm64; raises ToolError as :func:`connect` does."""
    with contextlib.closing(connect()) as client:
        return _engine_from_version("", client.version()).platform


def find_image(name: str) -> LocalImage | None:
    """Return the image that the engine has under a name; None if there is no such image."""
    import docker

    with contextlib.closing(connect()) as client:
        try:
            found = client.images.get(name).attrs
        except docker.errors.ImageNotFound:
            return None
    # Of an image for several platforms, a containerd store tells the one that fits the engine.
    is_index = str((found.get("Descriptor") or {}).get("mediaType", "")).endswith(("index.v1+json", "list.v2+json"))
    platform = "" if is_index else f"{found.get('Os', 'linux')}/{found.get('Architecture', '')}"
    config = found.get("Config") or {}
    name, user, labels = str(found.get("Id", "")), str(config.get("User") or ""), config.get("Labels") or {}
    return LocalImage(id=name, platform=platform, user=user, labels=labels)


def require_command() -> None:
    """Raise ToolError unless ``docker`` and its buildx are there, and are Docker's own."""
    stop_at(rules.command_problem(host.here(), command()))


def stop_at(problem: Problem | None) -> None:
    """Raise ToolError where a problem is in the way, with where to see whether there are more."""
    if problem and problem.severity == "error":
        raise ToolError(replace(problem, hint=f"{problem.hint}\nall that is in the way: mlspec doctor"))


# Its facts


def command() -> DockerCommand:
    """Return what the ``docker`` command of this host says of itself."""
    docker = host.read_output("docker", "--version") or ""
    # Podman's shim has no buildx of its own, and the answer is in the first already.
    buildx = host.read_output("docker", "buildx", "version") if docker and "podman" not in docker.lower() else ""
    return DockerCommand(docker=docker, buildx=buildx or "")


def reach() -> tuple[docker.DockerClient | None, Engine]:
    """Return a client of the engine and the version it gives; or no client, and why there is none."""
    import docker
    import requests

    address = os.environ.get("DOCKER_HOST", "")
    try:
        address, tls = _address()
        client = _client(address, tls)
        return client, _engine_from_version(address, client.version())
    except (docker.errors.DockerException, requests.RequestException, *_NO_ENGINE) as error:
        is_denied = _errno(error) in {errno.EACCES, errno.EPERM}
        words = innermost(error)
        return None, Engine(address=address, silence="denied" if is_denied else "unreached", words=words)


def examine_engine() -> Engine:
    """Return all that the engine says of itself; or why there is no answer."""
    import docker
    import requests

    client, found = reach()
    if client is None:
        return found
    with contextlib.closing(client):
        try:
            return add_info(found, client.info())
        except (docker.errors.DockerException, requests.RequestException, *_NO_ENGINE) as error:
            return replace(found, silence="unreached", words=innermost(error))


def _engine_from_version(address: str, version: Mapping[str, Any]) -> Engine:
    parts = tuple(str(part.get("Name", "")) for part in version.get("Components") or ())
    return Engine(
        address=address,
        version=str(version.get("Version", "")) or "?",
        api=parse_release(str(version.get("ApiVersion", "0"))),
        platform=f"{version.get('Os', '')}/{version.get('Arch', '')}",
        parts=parts,
    )


def add_info(engine: Engine, info: Mapping[str, Any]) -> Engine:
    """Return the engine with what its ``info`` adds to its version."""
    found = replace(
        engine,
        name=str(info.get("OperatingSystem", "")),
        runtimes=tuple(info.get("Runtimes") or ()),
        devices=tuple(str(device.get("ID", "")) for device in info.get("DiscoveredDevices") or ()),
        security=tuple(info.get("SecurityOptions") or ()),
        has_init=_has_init(engine, info),
        has_proxy=bool(info.get("HttpProxy") or info.get("HttpsProxy")),
        root=str(info.get("DockerRootDir", "")),
        skew=_skew(str(info.get("SystemTime", ""))),
    )
    # In a virtual machine, the engine's root is a folder of another disk.
    is_near = host.here().system == "linux" and not found.is_desktop and not found.is_remote
    return replace(
        found,
        space=host.space(found.root) if is_near and found.root else None,
        shares=host.shares() if found.is_desktop else (),
    )


def _has_init(engine: Engine, info: Mapping[str, Any]) -> bool:
    """Tell whether ``docker run --init`` works: an engine lists its docker-init where it can run it.

    An init of another name, which its administrator chose, may be listed or not.
    """
    is_default = info.get("InitBinary", "docker-init") == "docker-init"
    return not is_default or not engine.parts or any("init" in part or part == "tini" for part in engine.parts)


def _skew(time: str) -> float:
    """Return by how many seconds a clock that says ``time`` is ahead of this one."""
    # Engines write nanoseconds, which datetime does not read.
    seconds = re.sub(r"(\.\d{1,6})\d*", r"\1", time)
    try:
        return (datetime.fromisoformat(seconds) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return 0.0


def builder() -> Builder:
    """Return the builder that buildx would use, without starting it."""
    words = ("docker", "buildx", "inspect")
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Builder(words=str(error))
    fields = dict(_fields(done.stdout))
    if done.returncode or "error" in fields:
        return Builder(name=fields.get("name", ""), words=fields.get("error") or done.stderr.strip())
    platforms = [platform.strip("* ") for platform in fields.get("platforms", "").split(",") if platform.strip()]
    return Builder(
        name=fields.get("name", ""),
        driver=fields.get("driver", ""),
        buildkit=fields.get("buildkit version", ""),
        # Variants of one architecture are told apart by nobody who writes a spec.
        platforms=tuple(platform for platform in platforms if platform.count("/") == 1),
    )


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values of ``docker buildx inspect``; of two with one name the last, which is the node's."""
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and not line.startswith((" ", "\t")):
            yield name.strip().lower(), value.strip()


# Finding it


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


def _errno(error: BaseException) -> int | None:
    """Return the number of the system's error within others: the SDK and its libraries wrap it as an argument."""
    for inner in within(error):
        if isinstance(inner, OSError) and inner.errno:
            return inner.errno
    return None


def within(error: object) -> Iterator[BaseException]:
    """Yield an error and those that it wraps, as arguments or as its cause, outermost first."""
    if isinstance(error, BaseException):
        yield error
        # Where urllib3 keeps what it gave up for, there is no cause.
        for inner in (*error.args, getattr(error, "reason", None), error.__cause__):
            yield from within(inner)
    elif isinstance(error, tuple):
        for inner in error:
            yield from within(inner)


def innermost(error: Exception) -> str:
    """Return the last words of an error that others wrap; the system's own without their number."""
    last = [*within(error)][-1]
    words = last.strerror if isinstance(last, OSError) and isinstance(last.strerror, str) else str(last)
    return words or type(error).__name__


def fail(code: str, message: str, hint: str) -> NoReturn:
    """Raise ToolError with one problem."""
    raise ToolError(Problem(code=code, message=message, hint=hint)) from None
