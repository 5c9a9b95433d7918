"""Plans to a Compose file: what a container gets when it starts, in the words of the Compose specification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlspec.plan.plan import Plan
from mlspec.plan.run import RunPlan
from mlspec.spec import values as syntax
from mlspec.spec.nested_keys import Gpus, Mount, Port, Secret, Ulimit
from mlspec.spec.targets import TARGETS
from mlspec.targets.bundle import Bundle
from mlspec.targets.filters import HOME_MARK, comment, shell, shell_words
from mlspec.targets.run_script import EPOCH, host_path
from mlspec.targets.yaml_writer import Data, Sheet, present

CALLER = "CONTAINER_USER"
"""The variable with the user and the group that programs run as: Compose does not know who calls it."""

CARDS = "RENDER_GROUP"
"""The variable with the number of the group that AMD's cards belong to on a host."""

# The group `video` by its number in Debian, and so a group that the program is in already.
_VIDEO = "44"

JOBS = "jobs"
"""The profile of the images whose program ends, in a spec that also has servers."""


class Interpolated(str):
    """Text that Compose puts the values of variables into; of any other, each ``$`` is doubled to mean itself."""

    __slots__ = ()


def part(plan: Plan, bundle: Bundle) -> Mapping[str, Data]:
    """Return what one image brings to the file of its spec."""
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
    """Return the one document of the file: the parts of all images, one in the other."""
    whole: dict[str, Data] = {}
    for key in ("name", "services", "volumes", "secrets"):
        parts = [found[key] for plan in bundle.plans if key in (found := part(plan, bundle))]
        if key == "name":
            whole[key] = parts[0]
        elif parts:
            whole[key] = {name: value for one in parts if isinstance(one, Mapping) for name, value in one.items()}
    return (Sheet((), whole, apart="services"),)


def service_name(plan: Plan, bundle: Bundle) -> str:
    """Return what the service of an image is called: as the image among several, else as the project."""
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
    """Return a path of the host, relative to the file, or below the home of whoever calls Compose."""
    # A home that is not set would leave a path from the root of the disk.
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
            # An image of this name in a public registry is somebody else's; where there is none here, it is built.
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
            "stop_grace_period": None if run.stop_timeout is None else f"{run.stop_timeout}s",
        }
    )


def _build(plan: Plan, bundle: Bundle) -> Data:
    return present(
        {
            "context": ".",
            "dockerfile": plan.files.dockerfile,
            "args": {"SOURCE_DATE_EPOCH": EPOCH},
            "secrets": [_use(plan, bundle, name) for name, _ in plan.build_secrets],
            "ssh": ["default"] if plan.packages.uses_ssh else None,
            # No `provenance: false`: Compose 2.40 reads it and attests all the same, and older ones refuse the key.
        }
    )


def _use(plan: Plan, bundle: Bundle, name: str) -> Data:
    """Return the use of a secret by an image, which finds it under its own name."""
    source = bundle.secret(plan, name)
    return name if source == name else {"source": source, "target": name}


def _hardware(run: RunPlan) -> dict[str, Data]:
    named = run.gpus.device_ids or () if run.gpus and run.gpus.driver == "cdi" else ()
    # The group of AMD's cards has another number on each host.
    groups = [*run.groups, *([Interpolated(f"${{{CARDS}:-{_VIDEO}}}")] if run.devices else [])]
    return {
        "gpus": _gpus(run.gpus) if run.gpus and run.wants_nvidia and not named else None,
        "devices": [*named, *run.devices],
        "group_add": groups,
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
        # A folder that is missing would be made as root's.
        found["bind"] = {"create_host_path": False}
    return found


def _env_file(path: str, *, is_required: bool) -> Data:
    # Raw, as `docker run --env-file` reads it: quotes and `$` mean themselves.
    return {"path": _path(path), "required": is_required, "format": "raw"}


def _environment(run: RunPlan) -> Iterator[str]:
    """Yield the variables that are taken from the caller's environment, under the name that the program knows."""
    variables = dict(run.environment_secrets)
    for name in run.passed_environment:
        variable = variables.get(name, name)
        yield name if variable == name else Interpolated(f"{name}=${{{variable}}}")


def _ports(port: Port) -> Iterator[Data]:
    """Yield a port, or each of a range of them: those of the container are single numbers in Compose."""
    targets = syntax.numbers(port.target)
    published = syntax.numbers(port.published) if port.published else ()
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
    """Return the comment that the file begins with: how to use it, and what has to be there."""
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
    # Compose reads .env beside the file, in whichever shell it is called.
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
        yield f"Once, as folders that are missing are not made: mkdir -p {shell_words(folders)}"
    read = [mount.source for mount in binds if mount.read_only]
    read += [path for run in runs for _, path in run.file_secrets]
    read += [entry.path for run in runs for entry in run.env_files if entry.required]
    if paths := [path for path in dict.fromkeys(map(host_path, read)) if path not in folders]:
        yield f"Has to be there: {', '.join(map(shell, paths))}"
    if names := dict.fromkeys(name for run in runs for name in _variables(run)):
        yield f"Taken from the environment of whoever calls: {', '.join(names)}"


def _variables(run: RunPlan) -> Iterator[str]:
    variables = dict(run.environment_secrets)
    yield from (variables.get(name, name) for name in run.passed_environment)
