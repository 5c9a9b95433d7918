"""The engine that builds images and runs containers: its address, its facts and its images."""

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

from mlspec.advice.doctor import engine_rules
from mlspec.advice.doctor.observations import Builder, DockerCommand, Engine
from mlspec.build.ownership import LocalImage
from mlspec.errors import Problem, ToolError
from mlspec.facts.versions import parse_release
from mlspec.host import machine
from mlspec.host.command_output import read_output
from mlspec.host.engine import docker_answers, podman

if TYPE_CHECKING:
    import docker

    from mlspec.targets.run_caller import EngineName

_TIMEOUT = 10
# Further exceptions if the answer is not from an engine, such as the page of a proxy, or JSON of another shape.
_NO_ENGINE = (OSError, ValueError, TypeError, AttributeError, KeyError)


def connect() -> docker.DockerClient:
    """Return a client of the engine that the ``docker`` command uses; raises ToolError with the cause of a failure.

    The address comes from DOCKER_HOST, else from the current context, as for the ``docker`` command.
    """
    client, found = reach()
    if problem := engine_rules.engine_problem(machine.here(), found):
        # If the command is missing too, report the command first.
        require_command()
        stop_at(problem)
    assert client is not None  # noqa: S101 - else the engine is silent, which is a problem
    return client


def require() -> None:
    """Raise ToolError with a problem of the command or the engine that stops every build."""
    require_command()
    connect().close()


def own_platform(engine: EngineName | None = None) -> str:
    """Return the platform of Docker or another ``engine``, such as linux/arm64; raises ToolError without an answer."""
    if engine == "podman":
        return podman.require_podman().platform
    with contextlib.closing(connect()) as client:
        return _engine_from_version("", client.version()).platform


def find_image(name: str, engine: EngineName | None = None) -> LocalImage | None:
    """Return the image that Docker or another ``engine`` has under a name; None if there is no such image."""
    if engine == "podman":
        return podman.find_podman_image(name)
    # The docker command has no answer, or the engine has a problem: the SDK reports the cause.
    found: Mapping[str, Any] | None = docker_answers.read_image(name)
    if found is None or engine_rules.engine_problem(machine.here(), examine_version()):
        found = _ask_for_image(name)
    return _local_image(found) if found else None


def _ask_for_image(name: str) -> Mapping[str, Any] | None:
    import docker

    with contextlib.closing(connect()) as client:
        try:
            found: Mapping[str, Any] = client.images.get(name).attrs
        except docker.errors.ImageNotFound:
            return None
    return found


def _local_image(found: Mapping[str, Any]) -> LocalImage:
    # For an image of several platforms, a containerd store answers with the one for the engine's platform.
    is_index = str((found.get("Descriptor") or {}).get("mediaType", "")).endswith(("index.v1+json", "list.v2+json"))
    platform = "" if is_index else f"{found.get('Os', 'linux')}/{found.get('Architecture', '')}"
    config = found.get("Config") or {}
    name, user, labels = str(found.get("Id", "")), str(config.get("User") or ""), config.get("Labels") or {}
    return LocalImage(id=name, platform=platform, user=user, labels=labels)


def require_command() -> None:
    """Raise ToolError unless ``docker`` and its buildx are installed and are Docker's own."""
    stop_at(engine_rules.command_problem(machine.here(), command()))


def stop_at(problem: Problem | None) -> None:
    """Raise ToolError if a problem is an error; the hint also names the command that lists all problems."""
    if problem and problem.severity == "error":
        raise ToolError(replace(problem, hint=f"{problem.hint}\nto see all problems: mlspec doctor"))


# Facts of the command, the engine and the builder


def command() -> DockerCommand:
    """Return the version texts of the ``docker`` command and its buildx; each is empty if the program is missing."""
    docker = read_output("docker", "--version") or ""
    # Podman's `docker` command has no buildx, and its version already identifies Podman.
    buildx = read_output("docker", "buildx", "version") if docker and "podman" not in docker.lower() else ""
    return DockerCommand(docker=docker, buildx=buildx or "")


def reach() -> tuple[docker.DockerClient | None, Engine]:
    """Return a client of the engine and the engine's version; or None and the reason for the missing answer."""
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


def examine_version() -> Engine:
    """Return the engine with the version it gives; or why there is no answer."""
    if answer := docker_answers.read_version():
        return _engine_from_version(os.environ.get("DOCKER_HOST", ""), answer)
    client, found = reach()
    if client:
        client.close()
    return found


def examine_engine() -> Engine:
    """Return all facts of the engine; or the reason for the missing answer."""
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
    """Return the engine with the facts of its ``info``, its free disk space and its shared folders."""
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
    # The root of an engine in a virtual machine is on another disk.
    is_near = machine.here().system == "linux" and not found.is_desktop and not found.is_remote
    return replace(
        found,
        space=machine.space(found.root) if is_near and found.root else None,
        shares=machine.shares() if found.is_desktop else (),
    )


def _has_init(engine: Engine, info: Mapping[str, Any]) -> bool:
    """Return whether ``docker run --init`` works: an engine lists its docker-init if the engine can run docker-init.

    An engine may leave an init out of the list if its administrator chose one with another name.
    """
    is_default = info.get("InitBinary", "docker-init") == "docker-init"
    return not is_default or not engine.parts or any("init" in part or part == "tini" for part in engine.parts)


def _skew(time: str) -> float:
    """Return how many seconds the clock time ``time`` is ahead of this host's clock; 0 if it cannot be parsed."""
    # Engines write nanoseconds; datetime reads at most microseconds.
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
        # Leave out variants such as linux/amd64/v2: nobody writes a variant in a spec.
        platforms=tuple(platform for platform in platforms if platform.count("/") == 1),
    )


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values of ``docker buildx inspect``; if a name occurs twice, the last value is the node's."""
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and not line.startswith((" ", "\t")):
            yield name.strip().lower(), value.strip()


# The address of the engine, and errors of its client


def _address() -> tuple[str, docker.tls.TLSConfig | bool]:
    """Return the address and the TLS settings of the ``docker`` command's engine; the SDK ignores docker contexts.

    The address is empty if the SDK's default address is right.
    """
    from docker.context import ContextAPI
    from docker.context.config import get_current_context_name

    name = os.environ.get("DOCKER_CONTEXT") or get_current_context_name()
    if os.environ.get("DOCKER_HOST") or name == "default" or not (context := ContextAPI.get_context(name)):
        return os.environ.get("DOCKER_HOST", ""), False
    return context.Host or "", context.TLSConfig or False


def _client(host: str, tls: docker.tls.TLSConfig | bool) -> docker.DockerClient:
    import docker

    # Use the ssh command for an engine behind ssh, with the user's ssh configuration and agent.
    is_ssh = host.startswith("ssh:")
    if host == os.environ.get("DOCKER_HOST", ""):
        return docker.from_env(timeout=_TIMEOUT, use_ssh_client=is_ssh)
    return docker.DockerClient(host, version="auto", timeout=_TIMEOUT, tls=tls, use_ssh_client=is_ssh)


def _errno(error: BaseException) -> int | None:
    """Return the errno of the system error inside other errors: the SDK and its libraries wrap it as an argument."""
    for inner in within(error):
        if isinstance(inner, OSError) and inner.errno:
            return inner.errno
    return None


def within(error: object) -> Iterator[BaseException]:
    """Yield an error and all errors that it wraps, as arguments or as its cause, outermost first."""
    if isinstance(error, BaseException):
        yield error
        # urllib3 keeps the original error of a failed retry in `reason`, and sets no cause.
        for inner in (*error.args, getattr(error, "reason", None), error.__cause__):
            yield from within(inner)
    elif isinstance(error, tuple):
        for inner in error:
            yield from within(inner)


def innermost(error: Exception) -> str:
    """Return the message of the innermost error; for a system error, without its number."""
    last = [*within(error)][-1]
    words = last.strerror if isinstance(last, OSError) and isinstance(last.strerror, str) else str(last)
    return words or type(error).__name__


def fail(code: str, message: str, hint: str) -> NoReturn:
    """Raise ToolError with one problem."""
    raise ToolError(Problem(code=code, message=message, hint=hint)) from None
