"""The command lines to build and run an image, as words. No function here runs a command."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from mlspec.targets.build_options import BuildOptions, cache_fields, image_fields
from mlspec.targets.filters import HOME_MARK
from mlspec.targets.labels import SPEC_LABEL
from mlspec.targets.podman_options import list_podman_options, list_rootless_options

if TYPE_CHECKING:
    from mlspec.plan.plan import Plan
    from mlspec.plan.run import RunPlan
    from mlspec.spec.nested_keys import Gpus, Mount, Secret

Option = tuple[str, ...]
"""An option of a command and its value, if it has one; ``HOME_MARK`` stands for the caller's home folder."""

Locate = Callable[[str], str]
"""A function that returns the form of a host's path that a command takes."""

EPOCH = "315619200"
"""2 January 1980, UTC, in seconds: the earliest day that zip files can hold in every time zone."""


@dataclass(frozen=True, slots=True)
class Export:
    """A secret: ``name`` is its variable in the program's environment, ``variable`` that in the caller's."""

    name: str
    variable: str


@dataclass(frozen=True, slots=True)
class EnvFileChoice:
    """An environment file; a run skips an optional file that does not exist."""

    path: str
    is_optional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScript:
    """The preparations for the run command and its options; ``env_files`` are those from the first optional one on.

    ``docker_options`` and ``podman_options`` are only for that engine, ``rootless_options`` for podman without root.
    """

    image: str
    as_caller: bool
    folders: tuple[str, ...]
    inputs: tuple[str, ...]
    exports: tuple[Export, ...]
    options: tuple[Option, ...]
    docker_options: tuple[Option, ...]
    podman_options: tuple[Option, ...]
    rootless_options: tuple[Option, ...]
    env_files: tuple[EnvFileChoice, ...]

    @property
    def spec_label(self) -> str:
        """The Go template that prints the label with the digest of the image's spec."""
        return f'{{{{index .Config.Labels "{SPEC_LABEL}"}}}}'

    @property
    def prepended_env_files(self) -> tuple[EnvFileChoice, ...]:
        """The environment files, last first: the script prepends each option, and docker lets the last file win."""
        return self.env_files[::-1]


def run_script(plan: RunPlan, locate: Locate | None = None) -> RunScript:
    """Return the contents of an image's run script, in the order of their execution.

    ``locate`` returns the form of a host's path for whoever runs the commands; default: :func:`host_path`.
    """
    locate = locate or host_path
    binds = [mount for mount in plan.mounts if mount.type == "bind"]
    return RunScript(
        image=plan.image,
        as_caller=plan.as_caller,
        folders=tuple(dict.fromkeys(locate(mount.source) for mount in binds if not mount.read_only)),
        inputs=tuple(
            dict.fromkeys(
                [
                    *(locate(mount.source) for mount in binds if mount.read_only),
                    *(locate(path) for _, path in plan.file_secrets),
                    *(locate(entry.path) for entry in plan.env_files if entry.required),
                ]
            )
        ),
        exports=tuple(Export(name, variable) for name, variable in plan.environment_secrets),
        options=tuple(_options(plan, locate)),
        docker_options=tuple(_docker_options(plan)),
        podman_options=tuple(list_podman_options(plan)),
        rootless_options=tuple(list_rootless_options(plan)),
        env_files=tuple(
            EnvFileChoice(locate(entry.path), not entry.required)
            for entry in plan.env_files[len(_leading_env_files(plan)) :]
        ),
    )


def _leading_env_files(plan: RunPlan) -> tuple[str, ...]:
    """Return the required environment files before the first optional one: they need no condition in the script."""
    return tuple(entry.path for entry in takewhile(lambda entry: entry.required, plan.env_files))


def _options(plan: RunPlan, locate: Locate) -> Iterator[Option]:
    yield ("--rm",)
    # Never pull: a public registry may have an image of this name from somebody else.
    yield ("--pull", "never")
    if plan.platform:
        yield ("--platform", plan.platform)
    if plan.init:
        yield ("--init",)
    yield from _hardware(plan)
    if plan.read_only:
        yield ("--read-only",)
    yield from (("--tmpfs", f"{path}:exec,mode=1777") for path in plan.memory_folders)
    yield from (("--mount", _mount(mount, locate)) for mount in plan.mounts)
    for name, path in plan.file_secrets:
        from mlspec.spec.nested_keys import Mount

        # Not validated: unlike the source of a mount, this path may lack ./ in front, and may hold a $.
        secret = Mount.model_construct(type="bind", source=path, target=f"/run/secrets/{name}", read_only=True)
        yield ("--mount", _mount(secret, locate))
    yield from (("--env-file", locate(path)) for path in _leading_env_files(plan))
    yield from (("--env", name) for name in plan.passed_environment)
    for port in plan.ports:
        protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
        yield ("--publish", f"{port.host_ip}:{port.published or ''}:{port.target}{protocol}")
    if plan.stop_timeout is not None:
        yield ("--stop-timeout", str(plan.stop_timeout))


def _hardware(plan: RunPlan) -> Iterator[Option]:
    if plan.gpus and plan.gpus.driver == "cdi":
        # --gpus asks a driver for GPUs. CDI names are values of --device.
        yield from (("--device", name) for name in plan.gpus.device_ids or ())
    yield from (("--device", device) for device in plan.devices)
    if plan.resources.cpus:
        yield ("--cpus", plan.resources.cpus)
    if plan.resources.memory:
        yield ("--memory", plan.resources.memory)
    if plan.shm_size:
        yield ("--shm-size", plan.shm_size)
    yield from (("--ulimit", f"{name}={limit.soft}:{limit.hard}") for name, limit in plan.ulimits)


def _docker_options(plan: RunPlan) -> Iterator[Option]:
    if plan.gpus and plan.wants_nvidia and plan.gpus.driver != "cdi":
        yield ("--gpus", _gpus(plan.gpus))
    yield from (("--group-add", group) for group in plan.groups)


def _gpus(gpus: Gpus) -> str:
    """Return Docker's value for ``--gpus``: comma-separated fields, with double quotes around a field with commas."""
    capabilities = tuple(name for name in gpus.capabilities if name != "gpu")
    fields = []
    if gpus.device_ids:
        fields.append(f"device={','.join(gpus.device_ids)}")
    elif capabilities or gpus.driver:
        fields.append(f"count={gpus.count or 'all'}")
    if gpus.driver:
        fields.append(f"driver={gpus.driver}")
    if capabilities:
        fields.append(f"capabilities={','.join(capabilities)}")
    return join_fields(fields) if fields else str(gpus.count or "all")


def _mount(mount: Mount, locate: Locate) -> str:
    fields = [f"type={mount.type}"]
    if mount.source:
        fields.append(f"source={locate(mount.source) if mount.type == 'bind' else mount.source}")
    fields.append(f"target={mount.target}")
    if mount.read_only:
        fields.append("readonly")
    return join_fields(fields)


def join_fields(fields: Iterable[str]) -> str:
    """Return a line of CSV, which is how Docker reads ``--mount`` and ``--gpus``."""
    quoted = (f'"{field.replace(chr(34), chr(34) * 2)}"' if set(field) & {",", '"'} else field for field in fields)
    return ",".join(quoted)


def host_path(path: str) -> str:
    """Return a path of the host in a form that Docker accepts: absolute, below home, or with a dot in front."""
    from mlspec.spec.values import has_drive

    path = path.replace("\\", "/")
    if path == "~" or path.startswith("~/"):
        return HOME_MARK + path[1:]
    if path.startswith("/") or has_drive(path):
        return path
    normal = posixpath.normpath(path)
    return normal if normal.startswith(("./", "../")) or normal in {".", ".."} else f"./{normal}"


def platforms_to_build(plan: Plan, wanted: Sequence[str], own: str, *, push: bool = False) -> tuple[str, ...]:
    """Return the platforms to build for: the wanted ones, or all to push, or the engine's ``own``, or the plan's."""
    if wanted:
        return tuple(platform for platform in plan.platforms if platform in wanted)
    if push:
        return plan.platforms
    return (own if own in plan.platforms else plan.platform,)


def build_command(plan: Plan, options: BuildOptions) -> tuple[str, ...]:
    """Return the words of the command that builds an image. The command runs in the folder of the spec."""
    words = ["docker", "buildx", "build"]
    if options.builder:
        words += ["--builder", options.builder]
    words += ["--progress", options.progress, "--file", options.dockerfile or plan.files.dockerfile]
    words += ["--platform", ",".join(options.platforms or (plan.platform,))]
    for tag in () if options.keeps_nothing else options.tags or (plan.image,):
        words += ["--tag", tag]
    # Attestations hold the time of the build, and turn a single image into an index.
    words += ["--provenance=false", "--build-arg", f"SOURCE_DATE_EPOCH={EPOCH}"]
    words += _cache(options)
    if options.index_url:
        words += ["--build-arg", f"PIP_INDEX_URL={options.index_url}"]
    words += [word for secret in build_secrets(plan, options) for word in ("--secret", secret)]
    if plan.packages.uses_ssh:
        words += ["--ssh", "default"]
    for name, value in options.labels:
        words += ["--label", f"{name}={value}"]
    if options.no_cache:
        words.append("--no-cache")
    if options.metadata_file:
        words += ["--metadata-file", options.metadata_file]
    return (*words, *_output(options, plan), plan.context.path)


def _cache(options: BuildOptions) -> Iterator[str]:
    for reference in options.cache_from:
        yield from ("--cache-from", join_fields(["type=registry", f"ref={reference}"]))
    if options.cache_to:
        yield from ("--cache-to", join_fields(cache_fields(options.cache_to)))


def _output(options: BuildOptions, plan: Plan) -> tuple[str, ...]:
    if options.keeps_nothing:
        return ("--output", join_fields(["type=image", "store=false"]))
    if options.archive:
        # Files that a step writes have the time of the build, unless the export rewrites it.
        return ("--output", join_fields(["type=oci", f"dest={options.archive}", "rewrite-timestamp=true"]))
    if options.push:
        return ("--output", join_fields([*image_fields(options.compression or plan.push.compression), "push=true"]))
    return ("--load",)


def build_secrets(plan: Plan, options: BuildOptions) -> Iterator[str]:
    """Yield the values of ``--secret`` for all secrets of a build."""
    yield from secret_values(pair for pair in plan.build_secrets if pair[0] not in options.without_secrets)
    yield from (join_fields([f"id={name}", source]) for name, source in options.secrets)


def secret_values(secrets: Iterable[tuple[str, Secret]], locate: Locate | None = None) -> Iterator[str]:
    """Yield the values of docker's ``--secret`` for secrets of a spec; paths are relative to the spec's folder.

    ``locate`` is as for :func:`run_script`.
    """
    locate = locate or host_path
    for name, secret in secrets:
        source = f"env={secret.environment}" if secret.environment else f"src={locate(secret.file or '')}"
        yield join_fields([f"id={name}", source])
