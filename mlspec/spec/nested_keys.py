"""The pydantic mirror of what stands below a key of an image: frozen, unknown keys refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mlspec.errors import KeyPath, quote_value
from mlspec.spec import schema_parts as shapes
from mlspec.spec import values as syntax
from mlspec.spec.fields import about, also_called
from mlspec.spec.schema_parts import AT_LEAST_ONE, ONE_OR_MORE, shape
from mlspec.spec.value_types import (
    ContainerPath,
    Duration,
    EnvironmentName,
    Filled,
    Flag,
    Line,
    PlainPath,
    PortRange,
    as_list,
)
from mlspec.spec.values import Refused


class Keys(BaseModel):
    """A mapping whose keys are known: any other is refused."""

    # pydantic builds a model when it is first validated: most keys are checked as a part of Settings only.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Mount(Keys):
    """A folder of the host, a named volume or memory, as the container sees it."""

    model_config = ConfigDict(json_schema_extra=shapes.HAS_A_SOURCE)

    type: Annotated[
        Literal["bind", "volume", "tmpfs"], about("bind for a path of the host, volume for a volume.", "bind")
    ]
    source: Annotated[
        Line, about("A path relative to the spec, or the name of a volume.", "./data"), also_called("src", "from")
    ] = ""
    target: Annotated[
        ContainerPath,
        about("Where the container sees it.", "/app/data"),
        also_called("dst", "destination", "to", "container"),
    ]
    read_only: Annotated[Flag, about("Whether the container may only read it."), also_called("ro")] = False

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
                f"{quote_value(self.source)} is not expanded: a spec means the same everywhere",
                "write a path relative to the spec, or ~/...",
            )
        if self.target == "/":
            raise Refused("MLS113", "a mount on / would hide the whole image", "mount below /app")
        if self.type == "volume" and syntax.is_host_path(self.source):
            raise Refused(
                "MLS113", f"{quote_value(self.source)} is a path, not the name of a volume", "write: type: bind"
            )
        if self.type == "volume" and not syntax.names_volume(self.source):
            hint = f"write ./{self.source} for a path" if "/" in self.source else "use letters, digits and - . _"
            raise Refused("MLS113", f"{quote_value(self.source)} cannot name a volume", hint)
        if self.type == "bind" and not syntax.is_host_path(self.source):
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
        PortRange | None, about("The port of the host; none is published without it.", 8000), also_called("host")
    ] = None
    host_ip: Annotated[
        str,
        AfterValidator(syntax.host_ip),
        shape(shapes.HOST_IP),
        about("The address of the host; 0.0.0.0 lets everyone in.", "0.0.0.0"),  # noqa: S104 - what it is about
        also_called("ip"),
    ] = "127.0.0.1"
    protocol: Annotated[Literal["tcp", "udp"], about("The protocol.")] = "tcp"


class Healthcheck(Keys):
    """How the engine finds out that a container works: a command, or a path that must answer over HTTP."""

    model_config = ConfigDict(json_schema_extra=shapes.HAS_A_CHECK)

    test: Annotated[
        tuple[Line, ...] | Line | None,
        shape(shapes.any_of(shapes.HEALTH_TEST, shapes.STARTS_WITH_A_KIND, {"type": "null"})),
        about("A command for a shell, or a list that begins with CMD or CMD-SHELL.", ["CMD", "python", "check.py"]),
    ] = None
    path: Annotated[
        Annotated[str, AfterValidator(syntax.health_path), shape(shapes.HEALTH_PATH)] | None,
        about("A path that must answer over HTTP, on the first of the ports.", "/healthz"),
    ] = None
    interval: Annotated[Duration | None, about("The time between two checks.", "30s")] = None
    timeout: Annotated[Duration | None, about("How long a check may take.", "5s")] = None
    start_period: Annotated[Duration | None, about("How long failures do not count after the start.", "2m")] = None
    start_interval: Annotated[Duration | None, about("The time between two checks until then.", "5s")] = None
    retries: Annotated[Annotated[int, Field(ge=1)] | None, about("How many failures in a row are one too many.", 3)] = (
        None
    )
    disable: Annotated[Flag, about("Whether to leave out the health check of the base image, too.")] = False

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
        raise Refused("MLS114", f"{quote_value(test)} is no command", f"write the path alone: healthcheck: {path}")


class Gpus(Keys):
    """The GPUs a container gets: all, a number of them, or those with these ids."""

    model_config = ConfigDict(json_schema_extra=shapes.HAS_ONE_CHOICE)

    count: Annotated[
        Literal["all"] | Annotated[int, Field(ge=1)] | None, about("All of them, or how many.", "all", 2)
    ] = None
    device_ids: Annotated[tuple[Line, ...] | None, about("Which of them.", ["0", "1"]), also_called("ids")] = None
    driver: Annotated[
        Literal["nvidia", "cdi"] | None,
        about("Whose they are; cdi takes devices by the names that the engine lists, such as nvidia.com/gpu=0."),
    ] = None
    capabilities: Annotated[tuple[Line, ...], about("What they are used for.")] = ("gpu",)

    @model_validator(mode="after")
    def _is_whole(self) -> Gpus:
        if self.count is not None and self.device_ids is not None:
            raise Refused("MLS122", "count and device_ids exclude each other", "keep one of them")
        if self.driver == "cdi" and not (self.device_ids and all("=" in name for name in self.device_ids)):
            hint = 'write: device_ids: ["nvidia.com/gpu=all"]; those that are there: docker info'
            raise Refused("MLS135", "cdi takes devices by their whole names, VENDOR/CLASS=NAME", hint)
        return self


class Secret(Keys):
    """Where a secret comes from, on the host, when an image is built or run."""

    model_config = ConfigDict(json_schema_extra=shapes.HAS_ONE_ORIGIN)

    environment: Annotated[
        EnvironmentName | None, about("The variable of the host that holds it.", "HF_TOKEN"), also_called("env")
    ] = None
    file: Annotated[Filled | None, about("The file of the host that holds it.", "./token.txt")] = None

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
    required: Annotated[Flag, about("Whether a run without the file is a mistake.")] = True


class Ulimit(Keys):
    """A limit of the kernel: a soft and a hard value; -1 is no limit."""

    soft: Annotated[int, about("The limit that a program may raise itself.", -1)]
    hard: Annotated[int, about("How far it may raise it.", -1)]


class RunStep(Keys):
    """A build step of the user's own, at a named place of the Dockerfile."""

    command: Annotated[
        str,
        AfterValidator(syntax.script),
        shape(shapes.SCRIPT),
        about("What a shell runs.", "python -m nltk.downloader punkt"),
        also_called("cmd", "script"),
    ]
    at: Annotated[
        Literal["before_install", "after_install", "after_code"],
        about("When: before the requirements are installed, after that, or when the code is there."),
        also_called("when"),
    ] = "after_install"
    cache: Annotated[
        tuple[PlainPath, ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("Folders that stay between builds, and out of the image.", ["/root/.cache/huggingface"]),
    ] = ()
    secrets: Annotated[
        tuple[str, ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("Secrets that it needs, by their names below secrets.", ["HF_TOKEN"]),
    ] = ()


class IndexEntry(Keys):
    """A package index and the packages, by name or pattern, that come from it and from nowhere else."""

    url: Annotated[
        str,
        AfterValidator(syntax.index_url),
        shape(shapes.INDEX_URL),
        about("Its address, without a login.", "https://packages.example/simple"),
    ]
    packages: Annotated[
        tuple[Filled, ...],
        BeforeValidator(as_list),
        Field(min_length=1),
        AT_LEAST_ONE,
        about("The packages it serves, by name or pattern.", ["ours", "ours-*"]),
    ]
    secret: Annotated[str | None, about("The secret with its login, in netrc form.", "OUR_INDEX")] = None


class PackageMetadata(Keys):
    """What a source package tells of itself once it is built, stated by hand: then nothing builds it to be locked."""

    name: Annotated[Filled, about("The package.", "gdal")]
    version: Annotated[Line, about("The release; without one, all of them.", "3.6.2")] = ""
    requires_dist: Annotated[
        tuple[Filled, ...], BeforeValidator(as_list), ONE_OR_MORE, about("What it requires.", ["numpy>=1.23"])
    ] = ()
    requires_python: Annotated[Line, about("The Pythons that it is for.", ">=3.8")] = ""


def _written_secret(name: str, path: KeyPath = ()) -> Refused:
    hint = f"write the name alone: secrets: [{name}]; its value is taken from the environment"
    return Refused("MLS117", "the value of a secret does not stand in a spec", hint, path, shows_secret=True)


def secret(value: object) -> object:
    """Return where a secret comes from, as it is; refused where its value stands there, or nothing."""
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
