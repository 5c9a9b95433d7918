"""How a container of an image is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlspec.plan.folders import CACHE, HOME
from mlspec.spec import values as syntax
from mlspec.spec.files import Files
from mlspec.spec.keys import Settings
from mlspec.spec.nested_keys import EnvFile, Gpus, Mount, Port, Secret, Ulimit


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What a container gets when it starts, beyond what its image says.

    ``platform`` is none where the image has several: the engine takes its own.
    """

    image: str
    spec: str
    platform: str | None
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
    ulimits: tuple[tuple[str, Ulimit], ...]
    init: bool
    read_only: bool
    tmpfs: tuple[str, ...]
    stop_timeout: int | None

    @property
    def wants_nvidia(self) -> bool:
        """Tell whether NVIDIA's GPUs are asked for: those of AMD are devices of the kernel, and a run gets them all."""
        return self.gpus is not None and not self.devices

    @property
    def memory_folders(self) -> tuple[str, ...]:
        """The folders in memory, but for those that something is mounted on.

        Of a mount and a tmpfs in one place, the engine takes the tmpfs, and what is written there is lost without a
        word.
        """
        mounted = {mount.target for mount in self.mounts}
        return tuple(dict.fromkeys(path for path in self.tmpfs if path not in mounted))


def plan_run(name: str, files: Files, settings: Settings) -> RunPlan:
    """Return how containers of the image ``name`` are run."""
    secrets = _run_secrets(settings)
    is_rocm = settings.accelerator.is_rocm
    return RunPlan(
        image=name,
        spec=files.spec,
        platform=settings.platforms[0] if len(settings.platforms) == 1 else None,
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
        ulimits=tuple(settings.ulimits.items()),
        init=settings.init,
        read_only=settings.read_only,
        tmpfs=(*(("/tmp", HOME, CACHE) if settings.read_only else ()), *settings.tmpfs),  # noqa: S108 - in the container
        stop_timeout=syntax.seconds(settings.stop_grace_period) if settings.stop_grace_period else None,
    )


def _run_secrets(settings: Settings) -> Mapping[str, Secret]:
    """Return the secrets of the program; those that a build step or an index names are for the build alone."""
    building = {name for step in settings.run for name in step.secrets}
    building |= {index.secret for index in settings.indexes if index.secret}
    return {name: secret for name, secret in settings.secrets.items() if name not in building}


def _runs_as_caller(settings: Settings, secrets: Mapping[str, Secret]) -> bool:
    """Tell whether the program runs as the user who starts it.

    What the caller may read and write, the program must: their files can be private, and its files become theirs.
    """
    shares = any(mount.type == "bind" for mount in settings.mounts) or any(s.file for s in secrets.values())
    return shares and "user" not in settings.model_fields_set


def _passed_environment(settings: Settings, secrets: Mapping[str, Secret]) -> tuple[str, ...]:
    """Return the names whose values come from the caller's environment, and stand in no file or command line."""
    names = (name for name, value in settings.environment.items() if value is None)
    return (*names, *(name for name, secret in secrets.items() if secret.environment))
