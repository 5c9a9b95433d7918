"""The run of a container: mounts, ports, devices and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlspec.plan.folders import CACHE, HOME
from mlspec.spec.files import Files
from mlspec.spec.keys import Settings
from mlspec.spec.nested_keys import EnvFile, Gpus, Mount, Port, Resources, Secret, Ulimit
from mlspec.spec.values import seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """The settings of a container's start that are not in its image.

    ``platform`` is None if the image has several platforms: the engine takes its own. ``user`` is that of the image,
    ``uid:gid``.
    """

    image: str
    spec: str
    platform: str | None
    user: str
    as_caller: bool
    mounts: tuple[Mount, ...]
    ports: tuple[Port, ...]
    passed_environment: tuple[str, ...]
    environment_secrets: tuple[tuple[str, str], ...]
    file_secrets: tuple[tuple[str, str], ...]
    env_files: tuple[EnvFile, ...]
    gpus: Gpus | None
    devices: tuple[str, ...]
    groups: tuple[str, ...]
    shm_size: str | None
    resources: Resources
    nodes: int
    ulimits: tuple[tuple[str, Ulimit], ...]
    init: bool
    read_only: bool
    tmpfs: tuple[str, ...]
    stop_timeout: int | None

    @property
    def wants_nvidia(self) -> bool:
        """Tell whether the run asks for NVIDIA's GPUs.

        AMD's GPUs are devices of the kernel, and a run gets all of them.
        """
        return self.gpus is not None and not self.devices

    @property
    def gpus_of_a_node(self) -> int | None:
        """The number of GPUs that the program gets on each machine, or None without a number."""
        return self.gpus.count if self.gpus and isinstance(self.gpus.count, int) else None

    @property
    def memory_folders(self) -> tuple[str, ...]:
        """The folders in memory, without those that are also the target of a mount.

        A program that cannot write to the files of the image gets folders for its temporary files. If a mount and a
        tmpfs have the same target, the engine uses the tmpfs, and the files written there are lost without a message.
        """
        mounted = {mount.target for mount in self.mounts}
        needed = ("/tmp", HOME, CACHE) if self.read_only else ()  # noqa: S108 - in the container
        return tuple(dict.fromkeys(path for path in (*needed, *self.tmpfs) if path not in mounted))


def plan_run(name: str, files: Files, settings: Settings) -> RunPlan:
    """Plan the run of containers of the image ``name``."""
    secrets = _run_secrets(settings)
    is_rocm = settings.accelerator.is_rocm
    return RunPlan(
        image=name,
        spec=files.spec,
        platform=settings.platforms[0] if len(settings.platforms) == 1 else None,
        user=settings.user,
        as_caller=_runs_as_caller(settings, secrets),
        mounts=settings.mounts,
        ports=settings.ports,
        passed_environment=_passed_environment(settings, secrets),
        environment_secrets=tuple((key, secret.environment) for key, secret in secrets.items() if secret.environment),
        file_secrets=tuple((key, secret.file) for key, secret in secrets.items() if secret.file),
        env_files=settings.env_file,
        gpus=settings.gpus or (Gpus(count="all") if settings.accelerator.is_cuda else None),
        devices=("/dev/kfd", "/dev/dri") if is_rocm else (),
        groups=("video",) if is_rocm else (),
        shm_size=settings.shm_size,
        resources=settings.resources or Resources(),
        nodes=settings.nodes,
        ulimits=tuple(settings.ulimits.items()),
        init=settings.init,
        read_only=settings.read_only,
        tmpfs=settings.tmpfs,
        stop_timeout=seconds(settings.stop_grace_period) if settings.stop_grace_period else None,
    )


def _run_secrets(settings: Settings) -> Mapping[str, Secret]:
    """Return the secrets of the program. Secrets that a build step or an index names are for the build alone."""
    building = {name for step in settings.run for name in step.secrets}
    building |= {index.secret for index in settings.indexes if index.secret}
    return {name: secret for name, secret in settings.secrets.items() if name not in building}


def _runs_as_caller(settings: Settings, secrets: Mapping[str, Secret]) -> bool:
    """Tell whether the program runs as the user who starts it.

    The program reads mounted files of the caller, which can be private, and the files that it writes there must belong
    to the caller.
    """
    shares = any(mount.type == "bind" for mount in settings.mounts) or any(s.file for s in secrets.values())
    return shares and "user" not in settings.model_fields_set


def _passed_environment(settings: Settings, secrets: Mapping[str, Secret]) -> tuple[str, ...]:
    """Return the variables that a run takes from the caller's environment.

    No file and no command line holds their values.
    """
    names = (name for name, value in settings.environment.items() if value is None)
    return (*names, *(name for name, secret in secrets.items() if secret.environment))
