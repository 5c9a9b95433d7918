"""Pydantic models of the mappings below keys of an image: frozen, and without unknown keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mlspec.errors import KeyPath, quote_value
from mlspec.spec import values
from mlspec.spec.fields import about, also_called
from mlspec.spec.schema_parts import (
    CPUS,
    HAS_A_CHECK,
    HAS_A_SOURCE,
    HAS_ONE_CHOICE,
    HAS_ONE_ORIGIN,
    HEALTH_PATH,
    HEALTH_TEST,
    HOST_IP,
    STARTS_WITH_A_KIND,
    any_of,
    shape,
)
from mlspec.spec.value_types import (
    ContainerPath,
    Duration,
    EnvironmentName,
    Filled,
    Flag,
    Line,
    PortRange,
    Size,
)
from mlspec.spec.values import Refused


class Keys(BaseModel):
    """A mapping with known keys; any other key is an error."""

    # Build each model at its first validation: most models are validated only as a part of Settings.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Mount(Keys):
    """A folder of the host, a named volume or memory, as the container sees it."""

    model_config = ConfigDict(json_schema_extra=HAS_A_SOURCE)

    type: Annotated[
        Literal["bind", "volume", "tmpfs"],
        about(
            "The kind of mount: bind for a path of the host, volume for a volume of the engine, tmpfs for memory.",
            "bind",
        ),
    ]
    source: Annotated[
        Line,
        about("The source: a path relative to the spec, or the name of a volume.", "./data"),
        also_called("src", "from"),
    ] = ""
    target: Annotated[
        ContainerPath,
        about("The path in the container.", "/app/data"),
        also_called("dst", "destination", "to", "container"),
    ]
    read_only: Annotated[Flag, about("Whether the mount is read-only."), also_called("ro")] = False

    @model_validator(mode="after")
    def _is_whole(self) -> Mount:
        if self.type == "tmpfs":
            if self.source or self.read_only:
                raise Refused(
                    "MLS113", "memory has no source, and is always writable", "leave out source and read_only"
                )
            return self
        if not self.source:
            raise Refused("MLS113", f"a {self.type} mount needs a source", "add: source: ...")
        if "$" in self.source:
            raise Refused(
                "MLS113",
                f"{quote_value(self.source)} is not expanded: a spec has no variables",
                "write a path relative to the spec, or ~/...",
            )
        if self.target == "/":
            raise Refused("MLS113", "a mount on / would hide the whole image", "mount below /app")
        if self.type == "volume" and values.is_host_path(self.source):
            raise Refused(
                "MLS113", f"{quote_value(self.source)} is a path, not the name of a volume", "write: type: bind"
            )
        if self.type == "volume" and not values.names_volume(self.source):
            hint = f"write ./{self.source} for a path" if "/" in self.source else "use letters, digits and - . _"
            raise Refused("MLS113", f"{quote_value(self.source)} cannot name a volume", hint)
        if self.type == "bind" and not values.is_host_path(self.source):
            raise Refused(
                "MLS113", f"{quote_value(self.source)} does not say whether it is a path", f"write ./{self.source}"
            )
        if self.type == "bind" and self.source.startswith("~") and self.source[1:2] not in {"", "/"}:
            raise Refused(
                "MLS113", f"the home of another user, {quote_value(self.source)}, is not expanded", "write ~/..."
            )
        return self


class Port(Keys):
    """A port of the container and where the host publishes it."""

    target: Annotated[
        PortRange, about("The port in the container.", 8000), also_called("dst", "destination", "to", "container")
    ]
    published: Annotated[
        PortRange | None, about("The port of the host. Default: none is published.", 8000), also_called("host")
    ] = None
    host_ip: Annotated[
        str,
        AfterValidator(values.host_ip),
        shape(HOST_IP),
        about("The address of the host that answers; 0.0.0.0 is open to everyone.", "0.0.0.0"),  # noqa: S104 - what it is about
        also_called("ip"),
    ] = "127.0.0.1"
    protocol: Annotated[Literal["tcp", "udp"], about("The protocol of the port.")] = "tcp"


class Healthcheck(Keys):
    """The check that a container works: a command, or a path that must answer over HTTP."""

    model_config = ConfigDict(json_schema_extra=HAS_A_CHECK)

    test: Annotated[
        tuple[Line, ...] | Line | None,
        shape(any_of(HEALTH_TEST, STARTS_WITH_A_KIND, {"type": "null"})),
        about(
            "The command that checks: a text for a shell, or a list that begins with CMD or CMD-SHELL.",
            ["CMD", "python", "check.py"],
        ),
    ] = None
    path: Annotated[
        Annotated[str, AfterValidator(values.health_path), shape(HEALTH_PATH)] | None,
        about("A path that must answer over HTTP, on the first of the ports.", "/healthz"),
    ] = None
    interval: Annotated[Duration | None, about("The time between two checks.", "30s")] = None
    timeout: Annotated[Duration | None, about("The time limit of a check.", "5s")] = None
    start_period: Annotated[
        Duration | None, about("The time after the start in which failures do not count.", "2m")
    ] = None
    start_interval: Annotated[Duration | None, about("The time between two checks during start_period.", "5s")] = None
    retries: Annotated[
        Annotated[int, Field(ge=1)] | None, about("The failures in a row that make a container unhealthy.", 3)
    ] = None
    disable: Annotated[Flag, about("Whether to remove the health check of the base image.")] = False

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
        raise Refused("MLS114", f"{quote_value(test)} is no command", f"write only the path: healthcheck: {path}")


class Gpus(Keys):
    """The GPUs a container gets: all, a number of them, or those with these ids."""

    model_config = ConfigDict(json_schema_extra=HAS_ONE_CHOICE)

    count: Annotated[
        Literal["all"] | Annotated[int, Field(ge=1)] | None, about("How many GPUs: all, or a number.", "all", 2)
    ] = None
    device_ids: Annotated[tuple[Line, ...] | None, about("The IDs of the GPUs.", ["0", "1"]), also_called("ids")] = None
    driver: Annotated[
        Literal["nvidia", "cdi"] | None,
        about("The driver of the GPUs; cdi takes device names of the engine, such as nvidia.com/gpu=0."),
    ] = None
    capabilities: Annotated[tuple[Line, ...], about("The capabilities that the program needs.")] = ("gpu",)

    @model_validator(mode="after")
    def _is_whole(self) -> Gpus:
        if self.count is not None and self.device_ids is not None:
            raise Refused("MLS122", "count and device_ids exclude each other", "keep one of them")
        if self.driver == "cdi" and not (self.device_ids and all("=" in name for name in self.device_ids)):
            hint = 'write: device_ids: ["nvidia.com/gpu=all"]; those that are there: docker info'
            raise Refused("MLS135", "cdi takes devices by their whole names, VENDOR/CLASS=NAME", hint)
        return self


class Resources(Keys):
    """The processors and the memory that a container may use."""

    cpus: Annotated[
        Annotated[str, AfterValidator(values.cpus), shape(CPUS)] | None,
        about("The number of processors.", 4, 0.5),
        also_called("cpu"),
    ] = None
    memory: Annotated[Size | None, about("The size of the memory.", "16gb"), also_called("mem", "mem_limit")] = None


class Secret(Keys):
    """The source of a secret on the host, when an image is built or run."""

    model_config = ConfigDict(json_schema_extra=HAS_ONE_ORIGIN)

    environment: Annotated[
        EnvironmentName | None, about("The variable of the host that has its value.", "HF_TOKEN"), also_called("env")
    ] = None
    file: Annotated[Filled | None, about("The file on the host that contains it.", "./token.txt")] = None

    @model_validator(mode="after")
    def _is_whole(self) -> Secret:
        if (self.environment is None) == (self.file is None):
            raise Refused(
                "MLS117",
                "a secret comes from an environment variable or from a file",
                "write: environment: NAME, or: file: ./path",
            )
        return self


class EnvFile(Keys):
    """A file of environment variables, read when a container starts."""

    path: Annotated[Filled, about("The file, relative to the spec.", "./settings.env")]
    required: Annotated[Flag, about("Whether a run without the file is an error.")] = True


class Ulimit(Keys):
    """A limit of the kernel: a soft and a hard value; -1 is no limit."""

    soft: Annotated[int, about("The soft limit, which the program can raise.", -1)]
    hard: Annotated[int, about("The hard limit: the program cannot raise the soft limit above it.", -1)]


def _written_secret(name: str, path: KeyPath = ()) -> Refused:
    hint = f"write only the name: secrets: [{name}]; mlspec takes its value from the environment"
    return Refused("MLS117", "a spec must not contain the value of a secret", hint, path, shows_secret=True)


def secret(value: object) -> object:
    """Return the origin of a secret unchanged; raise Refused if it is the value of the secret, or is empty."""
    if isinstance(value, str):
        raise _written_secret("NAME")
    if value is None:
        hint = "write: {environment: NAME}, or: {file: ./path}"
        raise Refused("MLS117", "a secret comes from an environment variable or from a file", hint)
    return value


def secret_names(value: object) -> object:
    """Return secrets as a mapping; the list form has the names of environment variables."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        for index, (name, equals, _) in enumerate(item.partition("=") for item in value):
            if equals:
                raise _written_secret(name, (index,))
        return {name: {"environment": name} for name in value}
    return value
