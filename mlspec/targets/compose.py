"""The Compose file of a spec: services, volumes and secrets from the plans of its images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlspec.plan.plan import Plan
from mlspec.plan.run import RunPlan
from mlspec.spec.nested_keys import Gpus, Mount, Port, Secret, Ulimit
from mlspec.spec.targets import TARGETS
from mlspec.spec.values import numbers
from mlspec.targets.bundle import Bundle
from mlspec.targets.comment_filters import comment
from mlspec.targets.compose_watch import watch_rules
from mlspec.targets.filters import HOME_MARK, shell, shell_words
from mlspec.targets.run_script import EPOCH, host_path
from mlspec.targets.sheet import Data, Sheet, present

CALLER = "CONTAINER_USER"
"""The variable with the user and the group of the programs: Compose cannot find out the calling user."""

CARDS = "RENDER_GROUP"
"""The variable with the number of the group that owns AMD's GPU devices on a host."""

VIDEO = "44"
"""The number of Debian's group `video`. The program is in that group already, so as a default it changes nothing."""

JOBS = "jobs"
"""The profile of the images whose programs end by themselves, in a spec that also has servers."""


class Interpolated(str):
    """Text in which Compose expands variables. In all other text, ``$`` is escaped as ``$$``."""

    __slots__ = ()


def part(plan: Plan, bundle: Bundle) -> Mapping[str, Data]:
    """Return the part of one image in the file of its spec."""
    volumes = {m.source: {"name": m.source} for m in plan.run.mounts if m.type == "volume"}
    files = {name: Secret(file=path) for name, path in plan.run.file_secrets}
    secrets = {**dict(plan.build_secrets), **files}
    found: dict[str, Data] = {
        "name": bundle.project,
        "services": {service_name(plan, bundle): _service(plan, bundle)},
        "volumes": volumes,
        "secrets": {bundle.secret(plan, name): _secret(secret) for name, secret in secrets.items()},
    }
    return _literal_each(present(found))


def sheets(bundle: Bundle) -> tuple[Sheet, ...]:
    """Return the only document of the file: the merged parts of all images."""
    whole: dict[str, Data] = {}
    for key in ("name", "services", "volumes", "secrets"):
        parts = [found[key] for plan in bundle.plans if key in (found := part(plan, bundle))]
        if key == "name":
            whole[key] = parts[0]
        elif parts:
            whole[key] = {name: value for one in parts if isinstance(one, Mapping) for name, value in one.items()}
    return (Sheet((), whole, apart="services"),)


def service_name(plan: Plan, bundle: Bundle) -> str:
    """Return the name of an image's service: the image's key, or the project's name if the spec has one image."""
    return plan.key or bundle.project


def _literal_each(data: Mapping[str, Data]) -> dict[str, Data]:
    return {key: _literal(value) for key, value in data.items()}


def _literal(value: Data) -> Data:
    if isinstance(value, Interpolated):
        return str(value)
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return _literal_each(value)
    return [_literal(item) for item in value] if isinstance(value, list | tuple) else value


def _path(path: str) -> str:
    """Return a path of the host: absolute, relative to the file, or below the home folder of the calling user."""
    # With an unset HOME, the path would begin at the root of the disk.
    return Interpolated(host_path(path).replace("$", "$$").replace(HOME_MARK, "${HOME:?is not set}"))


def _secret(secret: Secret) -> Data:
    return {"environment": secret.environment} if secret.environment else {"file": _path(secret.file or "")}


# Services


def _service(plan: Plan, bundle: Bundle) -> Data:
    run = plan.run
    are_both = bool(bundle.servers and bundle.jobs)
    return present(
        {
            "image": plan.image,
            "build": _build(plan, bundle),
            # A public registry may have somebody else's image of this name. Without a local image, Compose builds it.
            "pull_policy": "never",
            "platform": run.platform,
            "profiles": [JOBS] if are_both and not run.ports else None,
            "restart": "unless-stopped" if run.ports else "no",
            "init": run.init or None,
            "user": Interpolated(f"${{{CALLER}:-{plan.container.user}}}") if run.as_caller else None,
            **_hardware(run),
            "read_only": run.read_only or None,
            "tmpfs": [f"{path}:exec,mode=1777" for path in run.memory_folders],
            "volumes": [_volume(mount) for mount in run.mounts],
            "secrets": [_use(plan, bundle, name) for name, _ in run.file_secrets],
            "env_file": [_env_file(entry.path, is_required=entry.required) for entry in run.env_files],
            "environment": list(_environment(run)),
            "ports": [port for published in run.ports for port in _ports(published)],
            "develop": {"watch": watch_rules(plan)} if plan.code.beginnings else None,
            "stop_grace_period": None if run.stop_timeout is None else f"{run.stop_timeout}s",
        }
    )


def _build(plan: Plan, bundle: Bundle) -> Data:
    return present(
        {
            "context": plan.context.path,
            # Compose looks for the Dockerfile in the context, whereas docker build looks in the current folder.
            "dockerfile": plan.dockerfile,
            "args": {"SOURCE_DATE_EPOCH": EPOCH},
            "secrets": [_use(plan, bundle, name) for name, _ in plan.build_secrets],
            "ssh": ["default"] if plan.packages.uses_ssh else None,
            # No `provenance: false`: Compose 2.40 accepts the key and attests nevertheless; older versions refuse it.
        }
    )


def _use(plan: Plan, bundle: Bundle, name: str) -> Data:
    """Return a reference to a secret, which the image finds under the image's own name for it."""
    source = bundle.secret(plan, name)
    return name if source == name else {"source": source, "target": name}


def _hardware(run: RunPlan) -> dict[str, Data]:
    named = run.gpus.device_ids or () if run.gpus and run.gpus.driver == "cdi" else ()
    # The number of the group that owns AMD's GPU devices differs between hosts.
    groups = [*run.groups, *([Interpolated(f"${{{CARDS}:-{VIDEO}}}")] if run.devices else [])]
    return {
        "gpus": _gpus(run.gpus) if run.gpus and run.wants_nvidia and not named else None,
        "devices": [*named, *run.devices],
        "group_add": groups,
        "cpus": run.resources.cpus,
        "mem_limit": run.resources.memory,
        "shm_size": run.shm_size,
        "ulimits": {name: _limit(limit) for name, limit in run.ulimits},
    }


def _gpus(gpus: Gpus) -> Data:
    """Return the request for GPUs, as Compose 2.30 and later read it."""
    further = [name for name in gpus.capabilities if name != "gpu"]
    if not gpus.device_ids and not gpus.driver and not further and gpus.count in {None, "all"}:
        return "all"
    request = {
        "driver": gpus.driver,
        "device_ids": list(gpus.device_ids or ()),
        "count": None if gpus.device_ids else gpus.count or "all",
        "capabilities": further,
    }
    return [present(request)]


def _limit(limit: Ulimit) -> Data:
    return limit.soft if limit.soft == limit.hard else {"soft": limit.soft, "hard": limit.hard}


def _volume(mount: Mount) -> Data:
    found: dict[str, Data] = {"type": mount.type}
    if mount.source:
        found["source"] = _path(mount.source) if mount.type == "bind" else mount.source
    found["target"] = mount.target
    if mount.read_only:
        found["read_only"] = True
    if mount.type == "bind":
        # The engine would create a missing folder that belongs to root.
        found["bind"] = {"create_host_path": False}
    return found


def _env_file(path: str, *, is_required: bool) -> Data:
    # Raw, as `docker run --env-file` reads it: quotes and `$` are literal.
    return {"path": _path(path), "required": is_required, "format": "raw"}


def _environment(run: RunPlan) -> Iterator[str]:
    """Yield the variables that come from the caller's environment, under the names that the program reads."""
    variables = dict(run.environment_secrets)
    for name in run.passed_environment:
        variable = variables.get(name, name)
        yield name if variable == name else Interpolated(f"{name}=${{{variable}}}")


def _ports(port: Port) -> Iterator[Data]:
    """Yield one entry for each port of a port or a range: the container's port is a single number in Compose."""
    targets = numbers(port.target)
    published = numbers(port.published) if port.published else ()
    are_pairs = len(published) == len(targets)
    for index, target in enumerate(targets):
        found = {
            "target": target,
            "published": str(published[index]) if are_pairs else port.published,
            "host_ip": port.host_ip.strip("[]"),
            "protocol": port.protocol,
        }
        yield present(found)


# The comment


def heading(bundle: Bundle) -> tuple[str, ...]:
    """Return the comment at the start of the file: how to use the file, and the paths and variables that it needs."""
    return tuple(comment(line) if line.strip() else "" for line in _heading(bundle))


def _heading(bundle: Bundle) -> Iterator[str]:
    files = bundle.plans[0].files
    file = TARGETS["compose"].path(files)
    command = "docker compose" if file == "compose.yaml" else f"docker compose --file {file}"
    are_both = bool(bundle.servers and bundle.jobs)
    yield files.banner
    yield ""
    yield f"To build: {command}{f' --profile {JOBS}' if are_both else ''} build"
    if servers := [service_name(plan, bundle) for plan in bundle.servers]:
        yield f"To serve, until it is stopped: {command} up {servers[0] if len(servers) == 1 else ''}"
    if jobs := [service_name(plan, bundle) for plan in bundle.jobs]:
        names = "" if len(jobs) == 1 else f", with one of {', '.join(jobs)} as NAME"
        yield f"To run{names}: {command} run --rm {'NAME' if names else jobs[0]} ARGUMENTS"
    if notes := [*_caller(bundle), *_list_needs(bundle)]:
        yield ""
        yield from notes


def _caller(bundle: Bundle) -> Iterator[str]:
    # Compose reads .env beside the file in every shell.
    if any(plan.run.as_caller for plan in bundle.plans):
        yield f'Once, to read and write files of this host as yourself: echo "{CALLER}=$(id -u):$(id -g)" >> .env'
    if any(plan.run.devices for plan in bundle.plans):
        number = "$(stat -c %g /dev/dri/renderD128)"
        yield f'Once, for the group that AMD\'s cards belong to on this host: echo "{CARDS}={number}" >> .env'


def _list_needs(bundle: Bundle) -> Iterator[str]:
    runs = [plan.run for plan in bundle.plans]
    binds = [mount for run in runs for mount in run.mounts if mount.type == "bind"]
    folders = dict.fromkeys(host_path(mount.source) for mount in binds if not mount.read_only)
    if folders:
        yield f"Once, because Compose does not create missing folders: mkdir -p {shell_words(folders)}"
    read = [mount.source for mount in binds if mount.read_only]
    read += [path for run in runs for _, path in run.file_secrets]
    read += [entry.path for run in runs for entry in run.env_files if entry.required]
    if paths := [path for path in dict.fromkeys(map(host_path, read)) if path not in folders]:
        yield f"Must exist: {', '.join(map(shell, paths))}"
    if names := dict.fromkeys(name for run in runs for name in _variables(run)):
        yield f"Taken from the environment of the caller: {', '.join(names)}"


def _variables(run: RunPlan) -> Iterator[str]:
    variables = dict(run.environment_secrets)
    yield from (variables.get(name, name) for name in run.passed_environment)
