"""The configuration of an image's containers: the instructions from ENV to CMD."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.plan.environment import Variables, plan_default_variables
from mlspec.plan.healthcheck import HealthcheckPlan, plan_healthcheck
from mlspec.plan.packages import PackagesPlan
from mlspec.spec.keys import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPlan:
    """The configuration of an image that each of its containers starts with.

    ``user`` is ``uid:gid``. ``defaults`` are the environment variables that a container needs and the spec does not
    set. ``variables`` are the environment variables of the spec. ``expose`` are ports, such as ``8000/tcp``.
    """

    working_dir: str
    user: str
    defaults: Variables
    variables: Variables
    labels: tuple[tuple[str, str], ...]
    expose: tuple[str, ...]
    healthcheck: HealthcheckPlan | None
    stop_signal: str | None
    entrypoint: tuple[str, ...] | None
    command: tuple[str, ...] | None

    @property
    def uid(self) -> str:
        """The number of the user, as text."""
        return self.user.partition(":")[0]

    @property
    def gid(self) -> str:
        """The number of the user's group, as text."""
        return self.user.partition(":")[2]

    @property
    def is_root(self) -> bool:
        """Tell whether the program runs as root."""
        return self.uid == "0"


def plan_container(settings: Settings, packages: PackagesPlan) -> ContainerPlan:
    """Return the configuration of an image's containers."""
    return ContainerPlan(
        working_dir=settings.working_dir,
        user=settings.user,
        defaults=plan_default_variables(settings, packages),
        variables=tuple((name, value) for name, value in settings.environment.items() if value is not None),
        labels=tuple(settings.labels.items()),
        expose=tuple(f"{port.target}/{port.protocol}" for port in settings.ports),
        healthcheck=plan_healthcheck(settings),
        stop_signal=settings.stop_signal,
        entrypoint=settings.entrypoint,
        command=settings.command,
    )
