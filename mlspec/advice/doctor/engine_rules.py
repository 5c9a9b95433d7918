"""Rules about the docker command, the engine and the builder: presence, access, versions and abilities."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlspec.advice.doctor import podman_rules
from mlspec.advice.doctor.findings import Finding, as_finding, fine, problem
from mlspec.advice.doctor.observations import Builder, DockerCommand, Engine, Host, Observations
from mlspec.errors import Problem
from mlspec.facts.versions import parse_release

# The API of Docker 25, the first with a start interval for health checks; here-documents and COPY --link need 23.
_LEAST_API = (1, 44)
# The first buildx with --provenance, which the build command uses: github.com/docker/buildx/releases/tag/v0.10.0
_LEAST_BUILDX = (0, 10)


def findings(seen: Observations) -> Iterator[Finding]:
    """Check the docker command, the engine and the builder; or podman in their place."""
    if seen.podman:
        yield from podman_rules.findings(seen.podman, seen.needs)
        return
    if trouble := command_problem(seen.host, seen.command):
        yield as_finding("docker", trouble)
    else:
        yield fine(
            "docker", f"{_find_version_text(seen.command.docker)}, buildx {_find_version_text(seen.command.buildx)}"
        )
    if seen.command.docker and (trouble := engine_problem(seen.host, seen.engine)):
        yield as_finding("engine", trouble)
    elif seen.engine.version:
        yield fine("engine", _describe_engine(seen.engine))
    if seen.builder:
        yield _builder(seen.builder)
    if seen.host.refuses_buildkit:
        message = (
            "DOCKER_BUILDKIT=0 is set: docker build would use the legacy builder, which cannot read this Dockerfile"
        )
        yield as_finding("builder", problem("MLS541", message, "unset DOCKER_BUILDKIT", "warning"))


def command_problem(host: Host, command: DockerCommand) -> Problem | None:
    """Return a problem with the ``docker`` command of this host, or None if it can build."""
    if not command.docker and host.has_podman:
        return _podman("this host has podman, but no docker command")
    if not command.docker:
        return problem("MLS504", "this host has no docker command", _INSTALL[host.system])
    if "podman" in command.docker.lower():
        return _podman("the docker command on this host is podman's")
    if not command.buildx:
        return problem(
            "MLS504", "the docker command on this host has no buildx, which builds images", _buildx_hint(host)
        )
    if (version := _parse_minor(command.buildx)) and version < _LEAST_BUILDX:
        message = f"buildx {_find_version_text(command.buildx)} is too old: mlspec needs 0.10 or newer"
        return problem("MLS540", message, _buildx_hint(host))
    return None


def engine_problem(host: Host, engine: Engine) -> Problem | None:
    """Return a problem with the engine, or None if it can build and run."""
    where = f" at {engine.address}" if engine.address else ""
    if engine.silence == "denied":
        message = f"the engine{where} denies access to this user"
        return problem("MLS502", message, _entry_hint(host))
    if engine.silence:
        # The hint names DOCKER_HOST and the context only if one of them gave an address: the default is right.
        elsewhere = "; or correct DOCKER_HOST or the context: docker context ls" if engine.address else ""
        hint = f"start it: {_start(host, engine)}{elsewhere}\n{engine.words}"
        return problem("MLS501", f"no engine answers{where}", hint)
    if engine.is_podman:
        return _podman("podman answers at the engine's address")
    if engine.api < _LEAST_API:
        hint = "update it: the Dockerfile needs Docker 25 or newer"
        return problem("MLS505", f"the engine is Docker {engine.version or '?'}, which is too old", hint)
    if engine.platform.startswith("windows/"):
        hint = "in the menu of Docker Desktop: Switch to Linux containers; or: DockerCli.exe -SwitchLinuxEngine"
        return problem("MLS542", "the engine runs Windows containers, but these images are for Linux", hint)
    return None


def _podman(message: str) -> Problem:
    hint = "use podman by its own name: --engine podman, or for all commands: export MLSPEC_ENGINE=podman"
    return problem("MLS503", message, hint)


_DEBIAN = "sudo apt-get install docker.io docker-buildx"
_INSTALL = {
    "linux": "install Docker Desktop, or the packages docker-ce and docker-buildx-plugin of docker.com",
    "wsl": f"in the settings of Docker Desktop, turn on WSL integration for this distribution; or: {_DEBIAN}",
    "macos": "brew install --cask docker-desktop; then open it once",
    "windows": "winget install Docker.DockerDesktop; then start it once",
}


def _buildx_hint(host: Host) -> str:
    if host.system in {"macos", "windows"}:
        return "update Docker Desktop, which includes it: docker desktop update"
    return "install it: sudo apt-get install docker-buildx-plugin, or docker-buildx from Debian or Ubuntu"


def _entry_hint(host: Host) -> str:
    if host.system in {"macos", "windows"}:
        return "open Docker Desktop as this user: docker desktop start"
    if host.is_snap:
        return (
            'sudo addgroup --system docker; sudo adduser "$USER" docker; sudo snap disable docker; '
            "sudo snap enable docker; then log out and in again"
        )
    if host.has_joined:
        return "you joined the group docker after this session began: log out and in again, or here: newgrp docker"
    return 'join the group: sudo usermod -aG docker "$USER"; then log out and in again'


def _start(host: Host, engine: Engine) -> str:
    if engine.is_remote:
        return "on its own host"
    if host.system in {"macos", "windows"}:
        return "open Docker Desktop, or: docker desktop start"
    if host.is_snap:
        return "sudo snap start docker"
    if engine.address.startswith("unix:///run/user/"):
        return "systemctl --user start docker"
    if host.has_systemd:
        return "sudo systemctl start docker"
    desktop = ", or open Docker Desktop" if host.system == "wsl" else ""
    return f"sudo service docker start{desktop}"


def _describe_engine(engine: Engine) -> str:
    modes = "".join(f", {mode}" for mode in ("rootless", "userns") if engine.has(mode))
    where = f" at {engine.address}" if engine.address else ""
    return f"Docker {engine.version}{where}, {engine.platform}{modes}"


def _builder(builder: Builder) -> Finding:
    if builder.words:
        message = f"the builder {builder.name} does not answer".replace("  ", " ")
        hint = f"use the engine's own builder: docker buildx use default\n{builder.words}"
        return as_finding("builder", problem("MLS543", message, hint))
    platforms = ", ".join(builder.platforms) or "not started yet"
    return fine("builder", f"{builder.name} ({builder.driver}): {platforms}")


def _find_version_text(said: str) -> str:
    """Return the version in the output of a command, or the whole output if it has no version."""
    number = re.search(r"\d+\.\d+(?:\.\d+)?(?:[-+~][\w.]+)*", said)
    return number[0] if number else said.strip()


def _parse_minor(said: str) -> tuple[int, ...]:
    return parse_release(_find_version_text(said))[:2]
