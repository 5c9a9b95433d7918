"""Check whether this host can run an image, before its container starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlspec.advice.doctor import hardware
from mlspec.advice.doctor.facts import DockerCommand, Facts, Need
from mlspec.errors import Problem
from mlspec.host import machine as host
from mlspec.host.engine import engine


def require(need: Need, platform: str, warn: Callable[[Problem], None]) -> None:
    """Raise ToolError where it is certain that the image of this platform cannot run here; ``warn`` of what may be.

    An empty ``platform`` is that of an image for several. What an image does not ask for is not looked at, so that one
    for the CPU starts as fast as the engine does.
    """
    engine.stop_at(hardware.image_problem(need, platform))
    client, found = engine.reach()
    if client:
        client.close()
    is_elsewhere = hardware.platform_on(need, found) != found.platform
    if need.gpus or need.devices:
        found = engine.examine_engine()
    elif not is_elsewhere:
        return
    builder = engine.builder() if is_elsewhere else None
    facts = Facts(host=host.examine_host(Path()), command=DockerCommand(), engine=found, builder=builder, needs=(need,))
    problems = tuple(hardware.run_problems(facts))
    engine.stop_at(next((problem for problem in problems if problem.severity == "error"), None))
    for problem in problems:
        warn(problem)
