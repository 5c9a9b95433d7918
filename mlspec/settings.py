"""The pydantic mirror of the keys of one image: frozen, unknown keys refused, short forms made long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mlspec import syntax
from mlspec.document import quoted
from mlspec.errors import KeyPath
from mlspec.syntax import Refused


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _each(parse: Callable[[Any], Any]) -> BeforeValidator:
    """Return a validator that turns a short form, a text, into the mapping of the long form."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _command(value: object) -> object:
    if isinstance(value, str):
        return syntax.words(value, is_program=False)
    if isinstance(value, list) and not value:
        raise Refused("MLS110", "this command is empty", "remove the key, or name a program")
    return value


def _entrypoint(value: object) -> object:
    return syntax.program(syntax.words(value)) if isinstance(value, str) else _command(value)


Line = Annotated[str, AfterValidator(syntax.one_line)]
Filled = Annotated[Line, Field(min_length=1)]
Size = Annotated[str, AfterValidator(syntax.size)]
Duration = Annotated[str, AfterValidator(syntax.duration)]
Command = Annotated[tuple[Line, ...], BeforeValidator(_command)]
Entrypoint = Annotated[tuple[Line, ...], BeforeValidator(_entrypoint)]
ContainerPath = Annotated[str, AfterValidator(syntax.absolute)]
PlainPath = Annotated[str, AfterValidator(syntax.plain_absolute)]
EnvironmentName = Annotated[str, AfterValidator(syntax.environment_name)]


class Mount(_Keys):
    """A folder of the host, a named volume or memory, as the container sees it."""

    type: Literal["bind", "volume", "tmpfs"]
    source: Line = ""
    target: ContainerPath
    read_only: bool = False

    @model_validator(mode="after")
    def _is_whole(self) -> Mount:
        if self.type == "tmpfs":
            if self.source or self.read_only:
                raise Refused("MLS113", "memory has no source, and is written to", "leave out source and read_only")
            return self
        if not self.source:
            raise Refused("MLS113", f"a {self.type} mount needs a source", "add: source: ...")
        if "$" in self.source:
            raise Refused(
                "MLS113",
                f"{quoted(self.source)} is not expanded: a spec means the same everywhere",
                "write a path relative to the spec, or ~/...",
            )
        if self.target == "/":
            raise Refused("MLS113", "a mount on / would hide the whole image", "mount below /app")
        if self.type == "volume" and syntax.is_host_path(self.source):
            raise Refused("MLS113", f"{quoted(self.source)} is a path, not the name of a volume", "write: type: bind")
        if self.type == "volume" and not syntax.names_volume(self.source):
            hint = f"write ./{self.source} for a path" if "/" in self.source else "use letters, digits and - . _"
            raise Refused("MLS113", f"{quoted(self.source)} cannot name a volume", hint)
        if self.type == "bind" and not syntax.is_host_path(self.source):
            raise Refused(
                "MLS113", f"{quoted(self.source)} does not say whether it is a path", f"write ./{self.source}"
            )
        if self.type == "bind" and self.source.startswith("~") and self.source[1:2] not in {"", "/"}:
            raise Refused("MLS113", f"the home of another user, {quoted(self.source)}, is not expanded", "write ~/...")
        return self


class Port(_Keys):
    """A port of the container and where the host publishes it."""

    target: Annotated[str, AfterValidator(syntax.port_range)]
    published: Annotated[str, AfterValidator(syntax.port_range)] | None = None
    host_ip: Annotated[str, AfterValidator(syntax.host_ip)] = "127.0.0.1"
    protocol: Literal["tcp", "udp"] = "tcp"


class Healthcheck(_Keys):
    """How the engine finds out that a container works: a command, or a path that must answer over HTTP."""

    test: tuple[Line, ...] | Line | None = None
    path: Annotated[str, AfterValidator(syntax.health_path)] | None = None
    interval: Duration | None = None
    timeout: Duration | None = None
    start_period: Duration | None = None
    start_interval: Duration | None = None
    retries: Annotated[int, Field(ge=1)] | None = None
    disable: bool = False

    @model_validator(mode="after")
    def _is_whole(self) -> Healthcheck:
        if self.disable:
            return self
        if (self.test is None) == (self.path is None):
            hint = "write one of them: healthcheck: /healthz"
            raise Refused("MLS114", "a health check is a test, a path, or disabled", hint)
        if isinstance(self.test, str):
            _check_health_command(self.test)
        if isinstance(self.test, tuple) and (not self.test or self.test[0] not in {"NONE", "CMD", "CMD-SHELL"}):
            hint = "write: [CMD, python, check.py]"
            raise Refused("MLS114", "a test's list begins with CMD, CMD-SHELL or NONE", hint, ("test",))
        if isinstance(self.test, tuple) and self.test[0] != "NONE" and len(self.test) < 2:
            raise Refused("MLS114", "this test has no command", "write: [CMD, python, check.py]", ("test",))
        return self


def _check_health_command(test: str) -> None:
    if not test.strip():
        raise Refused("MLS114", "this health check is empty", "remove the key, or write: healthcheck: /healthz")
    if test.startswith(("http://", "https://")):
        path = "/" + test.partition("://")[2].partition("/")[2]
        raise Refused("MLS114", f"{quoted(test)} is no command", f"write the path alone: healthcheck: {path}")


def _healthcheck(text: str) -> dict[str, str]:
    return {"path": text} if text.startswith("/") else {"test": text}


class Gpus(_Keys):
    """The GPUs a container gets: all, a number of them, or those with these ids."""

    count: Literal["all"] | Annotated[int, Field(ge=1)] | None = None
    device_ids: tuple[Line, ...] | None = None
    driver: Literal["nvidia"] | None = None
    capabilities: tuple[Line, ...] = ("gpu",)

    @model_validator(mode="after")
    def _is_whole(self) -> Gpus:
        if self.count is not None and self.device_ids is not None:
            raise Refused("MLS122", "count and device_ids exclude each other", "keep one of them")
        return self


class Secret(_Keys):
    """Where a secret comes from, on the host, when an image is built or run."""

    environment: EnvironmentName | None = None
    file: Filled | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Secret:
        if (self.environment is None) == (self.file is None):
            raise Refused(
                "MLS117",
                "a secret comes from an environment variable or from a file",
                "write: environment: NAME, or: file: ./path",
            )
        return self


class EnvFile(_Keys):
    """A file of environment variables, read when a container starts."""

    path: Filled
    required: bool = True


class Ulimit(_Keys):
    """A limit of the kernel: a soft and a hard value; -1 is no limit."""

    soft: int
    hard: int


class RunStep(_Keys):
    """A build step of the user's own, at a named place of the Dockerfile."""

    command: Annotated[str, AfterValidator(syntax.script)]
    at: Literal["before_install", "after_install", "after_code"] = "after_install"
    cache: Annotated[tuple[PlainPath, ...], BeforeValidator(_as_list)] = ()
    secrets: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()


class Index(_Keys):
    """A package index and the packages, by name or pattern, that come from it and from nowhere else."""

    url: Annotated[str, AfterValidator(syntax.index_url)]
    packages: Annotated[tuple[Filled, ...], BeforeValidator(_as_list), Field(min_length=1)]
    secret: str | None = None


def _written_secret(name: str, path: KeyPath = ()) -> Refused:
    hint = f"write the name alone: secrets: [{name}]; its value is taken from the environment"
    return Refused("MLS117", "the value of a secret does not stand in a spec", hint, path, shows_secret=True)


def _secret(value: object) -> object:
    if isinstance(value, str):
        raise _written_secret("NAME")
    if value is None:
        hint = "write: {environment: NAME}, or: {file: ./path}"
        raise Refused("MLS117", "a secret comes from an environment variable or from a file", hint)
    return value


def secret_names(value: object) -> object:
    """Return secrets in the form of a mapping; a list names environment variables."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        for index, (name, equals, _) in enumerate(item.partition("=") for item in value):
            if equals:
                raise _written_secret(name, (index,))
        return {name: {"environment": name} for name in value}
    return value


class Settings(_Keys):
    """Every key of one image, as written or as inherited."""

    python: Annotated[str, AfterValidator(syntax.python_version)]
    base: Filled | None = None
    platforms: Annotated[
        tuple[Literal["linux/amd64", "linux/arm64"], ...], BeforeValidator(_as_list), Field(min_length=1)
    ] = ("linux/amd64",)
    accelerator: Annotated[str, AfterValidator(syntax.accelerator)] = "cpu"
    requirements: Annotated[tuple[Filled, ...], BeforeValidator(_as_list)] = ()
    indexes: tuple[Index, ...] = ()
    apt: Annotated[tuple[Annotated[str, AfterValidator(syntax.debian_package)], ...], BeforeValidator(_as_list)] = ()
    include: (
        Annotated[tuple[Annotated[str, AfterValidator(syntax.included)], ...], BeforeValidator(_as_list)] | None
    ) = None
    run: tuple[Annotated[RunStep, _each(lambda text: {"command": text})], ...] = ()
    environment: Annotated[Mapping[EnvironmentName, Line | None], BeforeValidator(syntax.pairs)] = Field(
        default_factory=dict
    )
    working_dir: Annotated[str, AfterValidator(syntax.working_dir)] = "/app"
    user: Annotated[str, AfterValidator(syntax.user)] = "1000:1000"
    entrypoint: Entrypoint | None = None
    command: Command | None = None
    ports: tuple[Annotated[Port, _each(syntax.port)], ...] = ()
    healthcheck: Annotated[Healthcheck, _each(_healthcheck)] | None = None
    gpus: Annotated[Gpus, BeforeValidator(syntax.gpu_request)] | None = None
    shm_size: Size | None = None
    init: bool = True
    read_only: bool = False
    tmpfs: Annotated[tuple[Annotated[str, AfterValidator(syntax.memory_folder)], ...], BeforeValidator(_as_list)] = ()
    secrets: Annotated[
        Mapping[EnvironmentName, Annotated[Secret, BeforeValidator(_secret)]], BeforeValidator(secret_names)
    ] = Field(default_factory=dict)
    env_file: Annotated[
        tuple[Annotated[EnvFile, _each(lambda text: {"path": text})], ...], BeforeValidator(_as_list)
    ] = ()
    stop_grace_period: Duration | None = None
    ulimits: Mapping[
        Annotated[str, AfterValidator(syntax.limit_name)], Annotated[Ulimit, BeforeValidator(syntax.ulimit)]
    ] = Field(default_factory=dict)
    labels: Annotated[
        Mapping[Annotated[str, AfterValidator(syntax.label_name)], Line], BeforeValidator(syntax.label_pairs)
    ] = Field(default_factory=dict)
    mounts: tuple[Annotated[Mount, _each(syntax.mount)], ...] = ()
