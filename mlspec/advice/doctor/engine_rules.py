"""The command, the engine and the builder: whether they are there, let this user in, and can do what is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlspec.advice.doctor.facts import Builder, DockerCommand, Engine, Facts, Host
from mlspec.advice.doctor.findings import Finding, as_finding, fine, problem
from mlspec.errors import Problem
from mlspec.facts.versions import parse_release

# Docker 25's: the first that knows a health check's start interval; here-documents and COPY --link came with 23.
_LEAST_API = (1, 44)
# The first with --provenance, which the build command uses; github.com/docker/buildx/releases/tag/v0.10.0
_LEAST_BUILDX = (0, 10)


def findings(facts: Facts) -> Iterator[Finding]:
    """Check the docker command, the engine and the builder."""
    if trouble := command_problem(facts.host, facts.command):
        yield as_finding("docker", trouble)
    else:
        yield fine(
            "docker", f"{_find_version_text(facts.command.docker)}, buildx {_find_version_text(facts.command.buildx)}"
        )
    if facts.command.docker and (trouble := engine_problem(facts.host, facts.engine)):
        yield as_finding("engine", trouble)
    elif facts.engine.version:
        yield fine("engine", _describe_engine(facts.engine))
    if facts.builder:
        yield _builder(facts.builder)
    if facts.host.refuses_buildkit:
        message = "DOCKER_BUILDKIT=0 is set: docker build would take the old builder, which cannot read the Dockerfile"
        yield as_finding("builder", problem("MLS541", message, "unset DOCKER_BUILDKIT", "warning"))


def command_problem(host: Host, command: DockerCommand) -> Problem | None:
    """Return what is wrong with the ``docker`` command of this host; none where it can build."""
    if not command.docker and host.has_podman:
        return _podman("there is podman here, and no docker command")
    if not command.docker:
        return problem("MLS504", "there is no docker command here", _INSTALL[host.system])
    if "podman" in command.docker.lower():
        return _podman("the docker command here is podman's")
    if not command.buildx:
        return problem("MLS504", "the docker command here has no buildx, which builds images", _buildx_hint(host))
    if (version := _parse_minor(command.buildx)) and version < _LEAST_BUILDX:
        message = f"buildx {_find_version_text(command.buildx)} is too old to build with; 0.10 or newer can"
        return problem("MLS540", message, _buildx_hint(host))
    return None


def engine_problem(host: Host, engine: Engine) -> Problem | None:
    """Return what is wrong with the engine; none where it can build and run."""
    where = f" at {engine.address}" if engine.address else ""
    if engine.silence == "denied":
        message = f"the engine{where} denies access to this user"
        return problem("MLS502", message, _entry_hint(host))
    if engine.silence:
        # Without the address: it was not chosen, and is right unless it was.
        elsewhere = "; or correct DOCKER_HOST or the context: docker context ls" if engine.address else ""
        hint = f"start it: {_start(host, engine)}{elsewhere}\n{engine.words}"
        return problem("MLS501", f"no engine answers{where}", hint)
    if engine.is_podman:
        return _podman("podman answers at the engine's address")
    if engine.api < _LEAST_API:
        hint = "update it: Docker 25 or newer has what the Dockerfile uses"
        return problem("MLS505", f"the engine is Docker {engine.version or '?'}, which is too old", hint)
    if engine.platform.startswith("windows/"):
        hint = "in the menu of Docker Desktop: Switch to Linux containers; or: DockerCli.exe -SwitchLinuxEngine"
        return problem("MLS542", "the engine runs Windows containers, and these images are Linux's", hint)
    return None


def _podman(message: str) -> Problem:
    # COPY --link came with buildah 1.41, which is in podman 5.6; and the OCI format, podman's own, has no HEALTHCHECK.
    hint = (
        "podman 5.6 or newer can build the files: podman build --format docker --tag NAME --file Dockerfile . ; "
        "mlspec build and mlspec run need Docker"
    )
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
        return "update Docker Desktop, which brings it: docker desktop update"
    return "install it: sudo apt-get install docker-buildx-plugin, or docker-buildx in Debian's and Ubuntu's own"


def _entry_hint(host: Host) -> str:
    if host.system in {"macos", "windows"}:
        return "open Docker Desktop as this user: docker desktop start"
    if host.is_snap:
        return (
            'sudo addgroup --system docker; sudo adduser "$USER" docker; sudo snap disable docker; '
            "sudo snap enable docker; then log out and in again"
        )
    if host.has_joined:
        return "this session is older than your place in the group docker: log out and in again, or here: newgrp docker"
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
        message = f"the builder {builder.name} cannot be asked".replace("  ", " ")
        hint = f"take the engine's own: docker buildx use default\n{builder.words}"
        return as_finding("builder", problem("MLS543", message, hint))
    platforms = ", ".join(builder.platforms) or "not started yet"
    return fine("builder", f"{builder.name} ({builder.driver}): {platforms}")


def _find_version_text(said: str) -> str:
    """Return the version in the output of a command, or all of the output."""
    number = re.search(r"\d+\.\d+(?:\.\d+)?(?:[-+~][\w.]+)*", said)
    return number[0] if number else said.strip()


def _parse_minor(said: str) -> tuple[int, ...]:
    return parse_release(_find_version_text(said))[:2]
