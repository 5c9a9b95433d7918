"""The check whether this host can run an image, before the container starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.advice.doctor import hardware, podman_rules
from mlspec.advice.doctor.observations import DockerCommand, Need, Observations
from mlspec.errors import Problem
from mlspec.host import machine
from mlspec.host.engine import engine, podman

if TYPE_CHECKING:
    from mlspec.targets.run_caller import EngineName


def require(need: Need, platform: str, warn: Callable[[Problem], None], engine_name: EngineName | None = None) -> None:
    """Raise ToolError if the image certainly cannot run on this host; call ``warn`` for each uncertain problem.

    ``platform`` is the platform of the image; it is empty for an image with several platforms. The check leaves out
    hardware that the image does not need, so that an image for the CPU starts without delay.
    """
    engine.stop_at(hardware.image_problem(need, platform))
    if engine_name == "podman":
        # Podman itself stops at a device or a platform that it cannot provide.
        if need.gpus and (problem := podman_rules.gpu_warning(podman.examine_podman(), (need,))):
            warn(problem)
        return
    found = engine.examine_version()
    is_elsewhere = hardware.platform_on(need, found) != found.platform
    if need.gpus or need.devices:
        found = engine.examine_engine()
    elif not is_elsewhere:
        return
    builder = engine.builder() if is_elsewhere else None
    seen = Observations(
        host=machine.examine_host(Path()), command=DockerCommand(), engine=found, builder=builder, needs=(need,)
    )
    problems = tuple(hardware.run_problems(seen))
    engine.stop_at(next((problem for problem in problems if problem.severity == "error"), None))
    for problem in problems:
        warn(problem)
