"""The engine of a command: Docker or podman."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from mlspec.host.command_output import read_output

if TYPE_CHECKING:
    from mlspec.targets.run_caller import EngineName


def has_podman() -> bool:
    """Return whether this host has the ``podman`` command."""
    return shutil.which("podman") is not None


def configured_engine() -> EngineName | None:
    """Return the engine in the user's configuration; None if it names none. Raises SpecError, ToolError."""
    from mlspec.host.network.user_configuration import configuration

    return configuration().engine


def choose_engine(asked: EngineName | None, configured: EngineName | None) -> EngineName:
    """Return the engine that a command or the configuration asks for, or else Docker if it answers, or podman.

    Nobody is sent to a podman that is too old, such as that of Ubuntu 24.04, because Docker is stopped.
    """
    if wanted := asked or configured:
        return wanted
    return "podman" if has_podman() and not _docker_answers() and _is_recent() else "docker"


def _is_recent() -> bool:
    from mlspec.advice.doctor.podman_rules import is_too_old
    from mlspec.host.engine.podman import read_podman_version

    version = read_podman_version()
    return bool(version) and not is_too_old(version)


def _docker_answers() -> bool:
    """Return whether an engine of Docker's own answers: podman may be behind the command or the address of Docker."""
    answer = read_output("docker", "version", "--format", "{{json .Server}}") or ""
    return "Version" in answer and "podman" not in answer.lower()
