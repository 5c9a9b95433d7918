"""Plain data to a Spec: the pydantic mirror of the YAML; frozen, unknown keys refused."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from mlspec import syntax
from mlspec.document import Document, quoted
from mlspec.errors import KeyPath, Problem, SpecError
from mlspec.syntax import Refused

INHERITED = "..."
"""The entry of a list that stands for what the level above said."""


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


def _secrets(value: object) -> object:
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
        Mapping[EnvironmentName, Annotated[Secret, BeforeValidator(_secret)]], BeforeValidator(_secrets)
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


@dataclass(frozen=True)
class Image:
    """One image of a spec: its key in ``images`` (empty where the spec has none) and its settings."""

    key: str
    settings: Settings
    origins: Mapping[KeyPath, KeyPath] = field(default_factory=dict, repr=False)

    def origin(self, *path: str | int) -> KeyPath:
        """Return where in the document the value at ``path`` of this image was written."""
        return _origin(self.origins, path)


@dataclass(frozen=True)
class Spec:
    """A valid spec."""

    document: Document
    name: str | None
    images: tuple[Image, ...]

    def image(self, key: str) -> Image:
        """Return the image with this key; KeyError where there is none."""
        return next(image for image in self.images if image.key == key)


_SPEC_KEYS = ("name", "images")


def validate(document: Document) -> Spec:
    """Return the spec in ``document``; raises SpecError with every problem found, each at its place."""
    problems: list[Problem] = []
    name = _name(document.data, problems)
    images = [
        image
        for key, data, origins in _levels(document.data, problems)
        if (image := _image(key, data, origins, problems))
    ]
    problems += [problem for image in images for problem in _conflicts(image)]
    if problems:
        # Images that inherit one line each find what is wrong with it.
        raise SpecError(*{str(placed): placed for placed in map(document.placed, problems)}.values())
    return Spec(document, name, tuple(images))


def _name(data: Mapping[str, Any], problems: list[Problem]) -> str | None:
    name = data.get("name")
    if name is None:
        return None
    if not isinstance(name, str):
        message = f"text is expected here, not {_kind(name)}"
        problems.append(Problem(code="MLS103", message=message, hint="write: name: sentiment", path=("name",)))
        return None
    try:
        return syntax.image_name(name)
    except Refused as refused:
        problems.append(_problem(refused, ("name",)))
        return None


# Levels: the top of a spec holds the defaults of its images.

_Origins = dict[KeyPath, KeyPath]


def _levels(data: Mapping[str, Any], problems: list[Problem]) -> Iterator[tuple[str, dict[str, Any], _Origins]]:
    """Yield each image's key and its data, inherited keys included, with where each part was written."""
    above = {key: value for key, value in data.items() if key not in _SPEC_KEYS and not key.startswith("x-")}
    images = data.get("images")
    top, origins = _merged({}, above, (), problems)
    if images is None:
        yield "", top, origins
        return
    if not isinstance(images, dict) or not images:
        hint = "write: images: {train: {...}, serve: {...}}"
        problems.append(
            Problem(code="MLS120", message="images is a mapping of names to keys", hint=hint, path=("images",))
        )
        return
    for key, own in images.items():
        path = ("images", key)
        try:
            syntax.image_key(key)
        except Refused as refused:
            problems.append(_problem(refused, path, on_key=True))
            continue
        if not isinstance(own, dict | None):
            hint = f"write: {key}: {{entrypoint: python train.py}}"
            problems.append(Problem(code="MLS120", message="an image is a mapping of keys", hint=hint, path=path))
            continue
        yield key, *_merged(top, own or {}, path, problems)


def _merged(
    above: Mapping[str, Any], own: Mapping[str, Any], path: KeyPath, problems: list[Problem]
) -> tuple[dict[str, Any], _Origins]:
    """Return the keys of ``own`` over those of ``above``: lists by their ``...``, mappings key by key."""
    merged: dict[str, Any] = {key: value for key, value in above.items() if value is not None}
    origins: _Origins = {(): path}
    origins |= {(key,): (key,) for key in merged}
    for key, value in own.items():
        if key.startswith("x-"):
            continue
        place = (*path, key)
        inherited = merged.pop(key, None)
        if value is None:
            continue
        origins[(key,)] = place
        if value == INHERITED:
            hint = f"write: {key}: [..., more]" if inherited is not None else "remove it"
            problems.append(Problem(code="MLS120", message="... stands in a list only", hint=hint, path=place))
            continue
        if key in _JOINED and (isinstance(value, dict) or (isinstance(inherited, dict) and INHERITED in value)):
            value = _joined(key, value, inherited, place, origins)
        elif isinstance(value, list):
            value = _spliced(key, value, inherited, place, origins, problems)
        merged[key] = value
    return merged, origins


# Mappings of the user's own names; of other mappings, such as a health check's, the parts belong together.
_JOINED = {"environment", "labels", "secrets", "ulimits"}


def _joined(
    key: str, own: dict[str, Any] | list[Any], inherited: object, place: KeyPath, origins: _Origins
) -> dict[str, Any]:
    """Return the names of ``own`` over those inherited, either of them as a mapping or in its list form."""
    whole: dict[str, Any] = {}
    for level, above in ((inherited, (key,)), (own, place)):
        items = [item for item in level if item != INHERITED] if isinstance(level, list) else level
        named = _NAMED[key](items) if key in _NAMED else items
        for name, value in named.items() if isinstance(named, dict) else ():
            whole[name] = value
            step = _step(level, name)
            origins[(key, name)] = above if step is None else (*above, step)
    return whole


def _step(level: object, name: str) -> str | int | None:
    """Return how a name is reached in a mapping, or in a list of ``NAME=VALUE``."""
    if isinstance(level, Mapping):
        return name if name in level else None
    items = level if isinstance(level, list) else []
    return next((i for i, item in enumerate(items) if isinstance(item, str) and item.partition("=")[0] == name), None)


def _spliced(
    key: str, own: list[Any], inherited: object, place: KeyPath, origins: _Origins, problems: list[Problem]
) -> list[Any]:
    whole: list[Any] = []
    for index, item in enumerate(own):
        if item != INHERITED:
            origins[(key, len(whole))] = (*place, index)
            whole.append(item)
        elif inherited is None:
            hint = "remove it" if place[0] == "images" else "it belongs in an image, below images:"
            message = f"there is no {key} above for ... to repeat"
            problems.append(Problem(code="MLS120", message=message, hint=hint, path=(*place, index)))
        else:
            items = inherited if isinstance(inherited, list) else [inherited]
            for source, value in enumerate(items):
                origins[(key, len(whole))] = (key, source) if isinstance(inherited, list) else (key,)
                whole.append(value)
    return whole


def _origin(origins: Mapping[KeyPath, KeyPath], path: KeyPath) -> KeyPath:
    for length in range(len(path), -1, -1):
        if (start := origins.get(path[:length])) is not None:
            return (*start, *path[length:])
    return path


# Keys that name values, and how their list forms become mappings.
_NAMED: Mapping[str, Callable[[object], object]] = {
    "environment": syntax.pairs,
    "labels": syntax.label_pairs,
    "secrets": _secrets,
}


# Validation: pydantic's errors to problems.


def _image(key: str, data: dict[str, Any], origins: _Origins, problems: list[Problem]) -> Image | None:
    problems += _secrets_in_clear(data, origins)
    try:
        return Image(key, Settings.model_validate(data), origins)
    except ValidationError as error:
        found = [_problem_of(details, data) for details in error.errors(include_url=False)]
    problems += [replace(problem, path=_origin(origins, problem.path)) for problem in _distinct(found)]
    return None


def _distinct(found: list[Problem]) -> list[Problem]:
    """Return the problems without those that only follow from another."""
    # A union reports one error for each of its members; the first that knows more than the type says enough.
    first: dict[tuple[KeyPath, bool, str], Problem] = {}
    for problem in found:
        key = (problem.path, problem.on_key, problem.message if problem.code == "MLS102" else "")
        if key not in first or problem.code == "MLS115":
            first[key] = problem
    # Where a key was misspelt, it is not missing as well; and a list with a wrong entry is a list.
    meant = {(problem.path[:-1], problem.hint) for problem in found if problem.code == "MLS101"}
    inner = {problem.path[:-1] for problem in found if problem.path and isinstance(problem.path[-1], int)}
    return [
        problem
        for problem in first.values()
        if not (problem.code == "MLS102" and (problem.path, f"did you mean {_missing_name(problem)}?") in meant)
        and not (problem.message.endswith("not a list") and problem.path in inner)
    ]


def _missing_name(problem: Problem) -> str:
    return problem.message.split('"')[1]


def _problem(refused: Refused, path: KeyPath, *, on_key: bool = False) -> Problem:
    return Problem(
        code=refused.code,
        message=refused.message,
        hint=refused.hint,
        path=(*path, *refused.path),
        on_key=on_key,
        excerpt=_NO_EXCERPT if refused.shows_secret else "",
    )


# In place of a line that shows a secret: what is wrong is printed in the logs of others' machines.
_NO_EXCERPT = " "

# What pydantic calls the kinds of error, and what it expected.
_TYPES = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "tuple_type": "a list",
    "dict_type": "a mapping of names to values",
    "mapping_type": "a mapping of names to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}
_EXAMPLES = {
    "python": "write: python: 3.12",
    "base": "write a codename, such as slim-bookworm, or an image, such as debian:12-slim",
    "accelerator": "write cpu, cuda, cuda12.8 or rocm6.3",
    "indexes": "write a list, such as: [{url: https://HOST/simple, packages: [ours]}]",
    "include": "write a list of paths, such as: [src, train.py]",
    "entrypoint": "write: entrypoint: python train.py",
    "command": "write: command: --epochs 10",
    "shm_size": "write: shm_size: 8gb",
    "ulimits": "write: ulimits: {memlock: -1}",
    "labels": "write: labels: {name: value}",
    "env_file": "write: env_file: ./settings.env",
    "platforms": "write linux/amd64 or linux/arm64",
    "requirements": "write a file, or a list such as: [torch, numpy>=2]",
    "environment": "write: environment: {NAME: value}",
    "ports": 'write a list, such as: ["8000:8000"]',
    "mounts": "write a list, such as: [./data:/app/data]",
    "apt": "write a list, such as: [ffmpeg, libgl1]",
    "healthcheck": "write: healthcheck: /healthz",
    "run": 'write a list of steps, such as: ["python -m nltk.downloader punkt"]',
    "secrets": "write a list of environment variables, such as: [HF_TOKEN]",
    "gpus": "write all, or a number",
}
_MODELS: Mapping[str, type[BaseModel]] = {
    "mounts": Mount,
    "ports": Port,
    "healthcheck": Healthcheck,
    "gpus": Gpus,
    "secrets": Secret,
    "env_file": EnvFile,
    "ulimits": Ulimit,
    "run": RunStep,
    "indexes": Index,
}
# What people write who come from Compose, Dockerfiles or other tools of this field, and our name for it.
_ALIASES = {
    "volumes": "mounts",
    "env": "environment",
    "envs": "environment",
    "cmd": "command",
    "workdir": "working_dir",
    "packages": "requirements",
    "pip": "requirements",
    "dependencies": "requirements",
    "python_packages": "requirements",
    "python_requirements": "requirements",
    "system_packages": "apt",
    "apt_packages": "apt",
    "python_version": "python",
    "gpu": "gpus",
    "cuda": "accelerator",
    "image": "base",
    "base_image": "base",
    "from": "base",
    "platform": "platforms",
    "expose": "ports",
    "targets": "images",
    "variants": "images",
    "services": "images",
    "shm": "shm_size",
    "copy": "include",
    "files": "include",
}
# The same, for the keys of what is below the keys of a spec.
_PART_ALIASES = {
    "src": "source",
    "from": "source",
    "dst": "target",
    "destination": "target",
    "to": "target",
    "container": "target",
    "host": "published",
    "ip": "host_ip",
    "ro": "read_only",
    "env": "environment",
    "cmd": "command",
    "script": "command",
    "when": "at",
    "ids": "device_ids",
}
# What Compose knows and the description of an image has no use for.
_ONLY_COMPOSE = frozenset(
    {"build", "cap_add", "container_name", "depends_on", "deploy", "extra_hosts", "logging", "network_mode"}
    | {"networks", "privileged", "profiles", "pull_policy", "restart", "scale", "security_opt", "version"}
)


def _problem_of(error: ErrorDetails, data: Mapping[str, Any]) -> Problem:
    path, on_key = _path_of(error, data)
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "missing":
        return _missing_key(path)
    if kind == "value_error" and isinstance(refused := error.get("ctx", {}).get("error"), Refused):
        return _problem(refused, path, on_key=on_key)
    if kind == "literal_error":
        return _unknown_value(path, error["input"], _choices(error))
    if kind == "greater_than_equal":
        message = f"{quoted(str(error['input']))} is too small: at least {error.get('ctx', {}).get('ge')} is expected"
        return Problem(code="MLS115", message=message, hint="write more, or remove the key", path=path)
    if kind in {"too_short", "string_too_short"}:
        hint = _example(path) or "remove it, or write what is meant"
        return Problem(code="MLS103", message="this is empty", hint=hint, path=path, on_key=on_key)
    return _wrong_type(path, error, on_key=on_key)


def _wrong_type(path: KeyPath, error: ErrorDetails, *, on_key: bool) -> Problem:
    value, expected = error["input"], _TYPES.get(error["type"])
    message = f"{expected} is expected here, not {_kind(value)}" if expected else error["msg"].lower()
    hint = _example(path)
    if expected == "text" and isinstance(value, bool) and not hint:
        hint = f'write it in quotes: "{str(value).lower()}"'
    elif expected == "text" and value is None:
        hint = "remove it, or write what is meant"
    hint = hint or (f"write {expected}" if expected != "text" else "write one text, in quotes where it is not plain")
    return Problem(code="MLS103", message=message, hint=hint, path=path, on_key=on_key)


def _kind(value: object) -> str:
    """Return what a value is, as a message says it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quoted(value)
    return "nothing" if value is None else "a list" if isinstance(value, list | tuple) else "a mapping"


def _example(path: KeyPath) -> str:
    """Return what can be typed for a key of the spec, or for an entry of its list."""
    is_near = len(path) == 1 or (
        len(path) == 2 and isinstance(path[1], int) and path[0] not in {"entrypoint", "command"}
    )
    return _EXAMPLES.get(str(path[0]), "") if is_near else ""


def _path_of(error: ErrorDetails, data: object) -> tuple[KeyPath, bool]:
    """Return pydantic's location as a path in the data, and whether it means a key.

    Its location also names the member of a union and the parts of a short form, which nobody wrote.
    """
    path: list[str | int] = []
    for step in error["loc"]:
        if isinstance(data, list) and isinstance(step, str):
            # The list form of a mapping, or the one request of ``gpus``.
            index = _step(data, step)
            if index is None and len(data) == 1 and isinstance(data[0], dict) and step in data[0]:
                path += [0, step]
                data = data[0][step]
            elif isinstance(index, int):
                path.append(index)
                data = data[index]  # the text NAME=VALUE, which holds nothing further
            continue
        if (isinstance(data, list) and isinstance(step, int)) or (isinstance(data, Mapping) and step in data):
            data = data[step]  # type: ignore[index] # each step fits what was just asked of data
        elif not (isinstance(data, Mapping) and error["type"] == "missing"):
            continue
        path.append(step)
    return tuple(path), "[key]" in error["loc"]


def _unknown_key(path: KeyPath) -> Problem:
    *above, last = path
    name = str(last)
    model = _MODELS.get(str(above[0]), Settings) if above else Settings
    known = tuple(model.model_fields) if above else (*_SPEC_KEYS, *model.model_fields)
    near = (_PART_ALIASES if above else _ALIASES).get(name.lower())
    if name in _SPEC_KEYS:
        hint = "it belongs at the top of the spec, once for all images"
    elif near in known:
        hint = f"did you mean {near}?"
    elif not above and name in _ONLY_COMPOSE:
        hint = f"it describes services, not an image: remove it, or keep it for yourself as x-{name}"
    else:
        hint = _did_you_mean(name, known) or f"known keys: {', '.join(known)}"
    return Problem(code="MLS101", message=f"unknown key {quoted(name)}", hint=hint, path=path, on_key=True)


def _missing_key(path: KeyPath) -> Problem:
    *above, name = path
    hint = "add it, such as: python: 3.12" if name == "python" else f"add: {name}: ..."
    return Problem(code="MLS102", message=f'the key "{name}" is missing', hint=hint, path=tuple(above))


def _unknown_value(path: KeyPath, value: object, known: list[str]) -> Problem:
    code = "MLS106" if path[0] == "platforms" else "MLS103"
    if not isinstance(value, str):
        message = f"text is expected here, not {_kind(value)}"
    else:
        message = f"{quoted(value)} is not known here"
    hint = (_did_you_mean(value, known) if isinstance(value, str) else "") or _example(path)
    return Problem(code=code, message=message, hint=hint or f"write {' or '.join(known)}", path=path)


def _choices(error: ErrorDetails) -> list[str]:
    expected = str(error.get("ctx", {}).get("expected", ""))
    return [word.strip().strip("'") for word in expected.replace(" or ", ",").split(",") if word.strip()]


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f"did you mean {names[near[0]]}?" if near else ""


# What single keys cannot know: contradictions between them.


def _conflicts(image: Image) -> Iterator[Problem]:
    yield from _mount_conflicts(image)
    yield from _path_variable(image)
    yield from _unknown_secrets(image)
    settings = image.settings
    if (
        settings.healthcheck
        and settings.healthcheck.path
        and not any(port.protocol == "tcp" for port in settings.ports)
    ):
        yield Problem(
            code="MLS123",
            message="the health check asks over HTTP, and no port is named",
            hint='add the port that answers: ports: ["8000:8000"]',
            path=image.origin("healthcheck"),
        )


def _secrets_in_clear(data: Mapping[str, Any], origins: _Origins) -> Iterator[Problem]:
    written = data.get("environment")
    named = syntax.pairs(written)
    for name, value in named.items() if isinstance(named, dict) else ():
        step = _step(written, name)
        if step is not None and syntax.looks_secret(name, value):
            yield Problem(
                code="MLS117",
                message=f"{name} would be readable in every layer and listing of the image",
                hint=f"remove it here and write: secrets: [{name}]",
                path=_origin(origins, ("environment", step)),
                excerpt=_NO_EXCERPT,
            )


def _path_variable(image: Image) -> Iterator[Problem]:
    if "$" in (image.settings.environment.get("PATH") or ""):
        yield Problem(
            code="MLS111",
            message="values are taken as they are written, so $PATH would be no part of this PATH",
            hint="name whole paths: PATH: /app/bin:/opt/venv/bin:/usr/local/bin:/usr/bin:/bin",
            path=image.origin("environment", "PATH"),
        )


def _mount_conflicts(image: Image) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, mount in enumerate(image.settings.mounts):
        if mount.target in seen:
            message = f"{mount.target} is mounted twice"
            yield Problem(code="MLS113", message=message, hint="keep one", path=image.origin("mounts", index))
        seen.add(mount.target)


def _unknown_secrets(image: Image) -> Iterator[Problem]:
    known = image.settings.secrets
    named = [
        (("run", index, "secrets", number), name)
        for index, step in enumerate(image.settings.run)
        for number, name in enumerate(step.secrets)
    ] + [
        (("indexes", index, "secret"), entry.secret)
        for index, entry in enumerate(image.settings.indexes)
        if entry.secret
    ]
    for path, name in named:
        if name not in known:
            hint = _did_you_mean(name, known) or f"add: secrets: [{name}]"
            message = f"there is no secret {quoted(name)}"
            yield Problem(code="MLS117", message=message, hint=hint, path=image.origin(*path))
