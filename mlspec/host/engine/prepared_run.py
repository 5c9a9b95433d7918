"""All that it takes to run one image, without its spec: plain values, which a cache can keep."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.advice.doctor.container_start import HostPort
from mlspec.advice.doctor.observations import Need
from mlspec.host.cache.witness import digest_of
from mlspec.targets.run_script import EnvFileChoice, Export, RunScript, host_path, run_script

if TYPE_CHECKING:
    from mlspec.plan.plan import Plan
    from mlspec.targets.run_caller import EngineName


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRun:
    """One image, ready to be run.

    ``env_files`` are paths of environment files, as the spec writes them and as the run script has them. ``need`` is
    what the image needs of this host, and ``plan_digest`` stands for all of its plan. ``engine`` is the one to run it,
    as far as it is chosen.
    """

    spec: str
    script: RunScript
    env_files: tuple[tuple[str, str], ...]
    ports: tuple[HostPort, ...]
    need: Need
    plan_digest: str
    engine: EngineName | None = None


def prepare_run(plan: Plan, folder: Path) -> PreparedRun:
    """Return the data that running an image needs; its spec is in ``folder``."""
    from mlspec.host.demand import need_at

    return PreparedRun(
        spec=plan.run.spec,
        script=run_script(plan.run),
        env_files=tuple((entry.path, host_path(entry.path)) for entry in plan.run.env_files),
        ports=tuple(
            HostPort(published=port.published, host_ip=port.host_ip, protocol=port.protocol) for port in plan.run.ports
        ),
        need=need_at(plan, folder),
        plan_digest=digest_of(str(plan).encode(errors="surrogateescape")),
    )


_OPTIONS = ("options", "docker_options", "podman_options", "rootless_options")


def dump_run(run: PreparedRun) -> str:
    """Return a text that :func:`parse_run` reads."""
    return json.dumps(asdict(run))


def parse_run(text: str) -> PreparedRun:
    """Return the prepared run in a text that :func:`dump_run` wrote."""
    data = json.loads(text)
    return PreparedRun(
        spec=data["spec"],
        script=_script(data["script"]),
        env_files=tuple((written, there) for written, there in data["env_files"]),
        ports=tuple(HostPort(**port) for port in data["ports"]),
        need=_need(data["need"]),
        plan_digest=data["plan_digest"],
        engine=data["engine"],
    )


def _need(data: dict[str, Any]) -> Need:
    read: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    return Need(**read)


def _script(data: dict[str, Any]) -> RunScript:
    read = {
        "folders": tuple(data["folders"]),
        "inputs": tuple(data["inputs"]),
        "exports": tuple(Export(**export) for export in data["exports"]),
        **{name: tuple(map(tuple, data[name])) for name in _OPTIONS},
        "env_files": tuple(EnvFileChoice(**choice) for choice in data["env_files"]),
    }
    return RunScript(**{**data, **read})
