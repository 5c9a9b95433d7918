"""The command lines that build and run an image, as words; nothing is run here."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from mlspec.plan.plan import Plan
from mlspec.plan.run import RunPlan
from mlspec.spec import values as syntax
from mlspec.spec.nested_keys import Gpus, Mount, Secret
from mlspec.targets.filters import HOME_MARK
from mlspec.targets.labels import SPEC_LABEL

Option = tuple[str, ...]
"""A flag of a command and its value, where it has one; ``HOME_MARK`` stands for the caller's home folder."""

EPOCH = "315619200"
"""2 January 1980, UTC, in seconds: the earliest day that zip files can hold in every time zone."""


@dataclass(frozen=True, slots=True)
class Export:
    """A secret that the program gets as ``name``, and the caller's environment holds as ``variable``."""

    name: str
    variable: str


@dataclass(frozen=True, slots=True)
class EnvFileChoice:
    """A file of environment variables, and whether it is passed over where it does not exist."""

    path: str
    is_optional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScript:
    """What comes before and into ``docker run``; ``env_files`` are those from the first optional one on."""

    folders: tuple[str, ...]
    inputs: tuple[str, ...]
    exports: tuple[Export, ...]
    options: tuple[Option, ...]
    env_files: tuple[EnvFileChoice, ...]

    @property
    def spec_label(self) -> str:
        """The Go template that prints the label with the digest of the image's spec."""
        return f'{{{{index .Config.Labels "{SPEC_LABEL}"}}}}'

    @property
    def prepended_env_files(self) -> tuple[EnvFileChoice, ...]:
        """The environment files, last first: each is put in front of the next, and of two the later one wins."""
        return self.env_files[::-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What a run depends on beside its plan: the facts of whoever runs it.

    ``user`` is ``UID:GID``, or none on a system without such ids; ``existing`` are the paths, as the spec writes them,
    of the optional environment files that exist.
    """

    home: str
    user: str | None = None
    reads_terminal: bool = False
    writes_terminal: bool = False
    groups: tuple[str, ...] = ()
    existing: frozenset[str] = frozenset()


def run_script(plan: RunPlan) -> RunScript:
    """Return what the run script of an image does, in the order it is done."""
    binds = [mount for mount in plan.mounts if mount.type == "bind"]
    return RunScript(
        folders=tuple(dict.fromkeys(host_path(mount.source) for mount in binds if not mount.read_only)),
        inputs=tuple(
            dict.fromkeys(
                [
                    *(host_path(mount.source) for mount in binds if mount.read_only),
                    *(host_path(path) for _, path in plan.file_secrets),
                    *(host_path(entry.path) for entry in plan.env_files if entry.required),
                ]
            )
        ),
        exports=tuple(Export(name, variable) for name, variable in plan.environment_secrets),
        options=tuple(_options(plan)),
        env_files=tuple(
            EnvFileChoice(host_path(entry.path), not entry.required)
            for entry in plan.env_files[len(_leading_env_files(plan)) :]
        ),
    )


def _leading_env_files(plan: RunPlan) -> tuple[str, ...]:
    """Return the required environment files before the first optional one: no condition stands among them."""
    return tuple(entry.path for entry in takewhile(lambda entry: entry.required, plan.env_files))


def run_words(
    plan: RunPlan, arguments: Sequence[str], caller: Caller, *, entrypoint: str | None = None
) -> tuple[str, ...]:
    """Return the words of the command that the run script ends in, for this caller, to be run in the spec's folder."""
    script = run_script(plan)
    optional = {host_path(path) for path in caller.existing}
    words = [word for option in script.options for word in option]
    if plan.as_caller and caller.user:
        words += ["--user", caller.user]
    words += _terminal(caller)
    words += [word for group in caller.groups for word in ("--group-add", group)]
    for file in script.env_files:
        if not file.is_optional or file.path in optional:
            words += ["--env-file", file.path]
    if entrypoint:
        words += ["--entrypoint", entrypoint]
    return ("docker", "run", *(word.replace(HOME_MARK, caller.home) for word in words), plan.image, *arguments)


def _terminal(caller: Caller) -> tuple[str, ...]:
    if caller.reads_terminal:
        # A program in the background that reads from the terminal would be stopped.
        return ("--interactive", "--tty") if caller.writes_terminal else ()
    return ("--interactive",)


def _options(plan: RunPlan) -> Iterator[Option]:
    yield ("--rm",)
    # Never pulled: an image of this name on a public registry is somebody else's.
    yield ("--pull", "never")
    if plan.platform:
        yield ("--platform", plan.platform)
    if plan.init:
        yield ("--init",)
    yield from _hardware(plan)
    if plan.read_only:
        yield ("--read-only",)
    yield from (("--tmpfs", f"{path}:exec,mode=1777") for path in plan.memory_folders)
    yield from (("--mount", _mount(mount)) for mount in plan.mounts)
    for name, path in plan.file_secrets:
        # Not validated: unlike a mount, it may be named without ./ in front, and hold a $.
        secret = Mount.model_construct(type="bind", source=path, target=f"/run/secrets/{name}", read_only=True)
        yield ("--mount", _mount(secret))
    yield from (("--env-file", host_path(path)) for path in _leading_env_files(plan))
    yield from (("--env", name) for name in plan.passed_environment)
    for port in plan.ports:
        protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
        yield ("--publish", f"{port.host_ip}:{port.published or ''}:{port.target}{protocol}")
    if plan.stop_timeout is not None:
        yield ("--stop-timeout", str(plan.stop_timeout))


def _hardware(plan: RunPlan) -> Iterator[Option]:
    if plan.gpus and plan.gpus.driver == "cdi":
        # --gpus asks a driver for them; by their names they are devices like others.
        yield from (("--device", name) for name in plan.gpus.device_ids or ())
    elif plan.gpus and plan.wants_nvidia:
        yield ("--gpus", _gpus(plan.gpus))
    yield from (("--device", device) for device in plan.devices)
    yield from (("--group-add", group) for group in plan.groups)
    if plan.shm_size:
        yield ("--shm-size", plan.shm_size)
    yield from (("--ulimit", f"{name}={limit.soft}:{limit.hard}") for name, limit in plan.ulimits)


def _gpus(gpus: Gpus) -> str:
    """Return Docker's value for ``--gpus``: comma-separated, with quotes of its own around a value with commas."""
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
    return _fields(fields) if fields else str(gpus.count or "all")


def _mount(mount: Mount) -> str:
    fields = [f"type={mount.type}"]
    if mount.source:
        fields.append(f"source={host_path(mount.source) if mount.type == 'bind' else mount.source}")
    fields.append(f"target={mount.target}")
    if mount.read_only:
        fields.append("readonly")
    return _fields(fields)


def _fields(fields: Iterable[str]) -> str:
    """Return a line of comma-separated values, as Docker reads ``--mount`` and ``--gpus``."""
    quoted = (f'"{field.replace(chr(34), chr(34) * 2)}"' if set(field) & {",", '"'} else field for field in fields)
    return ",".join(quoted)


def host_path(path: str) -> str:
    """Return a path of the host as Docker takes it: absolute, from home, or beginning with a dot."""
    path = path.replace("\\", "/")
    if path == "~" or path.startswith("~/"):
        return HOME_MARK + path[1:]
    if path.startswith("/") or syntax.has_drive(path):
        return path
    normal = posixpath.normpath(path)
    return normal if normal.startswith(("./", "../")) or normal in {".", ".."} else f"./{normal}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What the caller of a build may choose; without ``platforms``, the plan's own is built.

    ``dockerfile`` is the path of a variant of the image's own, ``secrets`` are the ids and the sources of what it
    needs, and ``without_secrets`` the names of those of the spec that it does not.
    """

    tags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    push: bool = False
    builder: str | None = None
    no_cache: bool = False
    progress: str = "auto"
    index_url: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    metadata_file: str | None = None
    archive: str | None = None
    dockerfile: str | None = None
    secrets: tuple[tuple[str, str], ...] = ()
    without_secrets: frozenset[str] = frozenset()


def platforms_to_build(plan: Plan, wanted: Sequence[str], own: str, *, push: bool = False) -> tuple[str, ...]:
    """Return the platforms to build an image for: those that are wanted; else all that go to a registry, or the
    engine's own to be run there, where the image has it.
    """
    if wanted:
        return tuple(platform for platform in plan.platforms if platform in wanted)
    if push:
        return plan.platforms
    return (own if own in plan.platforms else plan.platform,)


def build_command(plan: Plan, options: BuildOptions) -> tuple[str, ...]:
    """Return the words of the command that builds an image, to be run in the folder of its spec."""
    words = ["docker", "buildx", "build"]
    if options.builder:
        words += ["--builder", options.builder]
    words += ["--progress", options.progress, "--file", options.dockerfile or plan.files.dockerfile]
    words += ["--platform", ",".join(options.platforms or (plan.platform,))]
    for tag in options.tags or (plan.image,):
        words += ["--tag", tag]
    # Attestations carry the time of the build, and make an index of what was one image.
    words += ["--provenance=false", "--build-arg", f"SOURCE_DATE_EPOCH={EPOCH}"]
    if options.index_url:
        words += ["--build-arg", f"PIP_INDEX_URL={options.index_url}"]
    words += [word for secret in _secrets(plan, options) for word in ("--secret", secret)]
    if plan.packages.uses_ssh:
        words += ["--ssh", "default"]
    for name, value in options.labels:
        words += ["--label", f"{name}={value}"]
    if options.no_cache:
        words.append("--no-cache")
    if options.metadata_file:
        words += ["--metadata-file", options.metadata_file]
    if options.archive:
        # Files that a step writes have the time of the build, unless it is rewritten on export.
        words += ["--output", _fields(["type=oci", f"dest={options.archive}", "rewrite-timestamp=true"])]
    elif options.push:
        # Stated, because their defaults differ between builders, and a digest is over the names of media types too.
        words += ["--output", _fields(["type=image", "push=true", "oci-mediatypes=true", "compression=gzip"])]
    else:
        words.append("--load")
    return (*words, ".")


def _secrets(plan: Plan, options: BuildOptions) -> Iterator[str]:
    yield from secret_values(pair for pair in plan.build_secrets if pair[0] not in options.without_secrets)
    yield from (_fields([f"id={name}", source]) for name, source in options.secrets)


def secret_values(secrets: Iterable[tuple[str, Secret]]) -> Iterator[str]:
    """Yield the values of docker's ``--secret`` for secrets of a spec, to be given in the folder of the spec."""
    for name, secret in secrets:
        source = f"env={secret.environment}" if secret.environment else f"src={host_path(secret.file or '')}"
        yield _fields([f"id={name}", source])


def names_by_digest(tags: Iterable[str], digest: str) -> tuple[str, ...]:
    """Return what an image that was pushed under ``tags`` is called by its digest, each name once: ``NAME@DIGEST``."""
    # A colon in front of the last slash is that of a port.
    names = (tag[: tag.index(":", tag.rfind("/") + 1)] if ":" in tag.rpartition("/")[2] else tag for tag in tags)
    return tuple(dict.fromkeys(f"{name}@{digest}" for name in names))
