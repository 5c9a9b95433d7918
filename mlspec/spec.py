"""Plain data to a Spec: the pydantic mirror of the YAML; frozen, unknown keys refused."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from mlspec import syntax
from mlspec.document import Document
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
        return syntax.words(value)
    if isinstance(value, list) and not value:
        raise Refused("MLS110", "this command is empty", "remove the key, or name a program")
    return value


Line = Annotated[str, AfterValidator(syntax.one_line)]
Size = Annotated[str, AfterValidator(syntax.size)]
Duration = Annotated[str, AfterValidator(syntax.duration)]
Command = Annotated[tuple[Line, ...], BeforeValidator(_command)]
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
                raise Refused("MLS113", "memory has no source, and is written to", "name only the target")
            return self
        if not self.source:
            raise Refused("MLS113", f"a {self.type} mount needs a source", "add: source: ...")
        if "$" in self.source:
            raise Refused(
                "MLS113",
                f"{self.source} is not expanded: a spec means the same everywhere",
                "write a path relative to the spec, or ~/...",
            )
        if self.target == "/":
            raise Refused("MLS113", "a mount on / would hide the whole image", "mount below /app")
        if self.type == "volume" and syntax.is_host_path(self.source):
            raise Refused("MLS113", f'"{self.source}" is a path, not the name of a volume', "write: type: bind")
        if self.type == "bind" and not syntax.is_host_path(self.source):
            raise Refused("MLS113", f'"{self.source}" does not say whether it is a path', f"write ./{self.source}")
        if self.type == "bind" and self.source.startswith("~") and self.source[1:2] not in {"", "/"}:
            raise Refused("MLS113", f"the home of another user, {self.source}, is not expanded", "write ~/...")
        return self


class Port(_Keys):
    """A port of the container and where the host publishes it."""

    target: Annotated[str, AfterValidator(syntax.port_range)]
    published: Annotated[str, AfterValidator(syntax.port_range)] | None = None
    host_ip: Line = "127.0.0.1"
    protocol: Literal["tcp", "udp"] = "tcp"


class Healthcheck(_Keys):
    """How the engine finds out that a container works: a command, or a path that must answer over HTTP."""

    test: tuple[Line, ...] | Line | None = None
    path: Line | None = None
    interval: Duration | None = None
    timeout: Duration | None = None
    start_period: Duration | None = None
    start_interval: Duration | None = None
    retries: Annotated[int, Field(ge=1)] | None = None
    disable: bool = False

    @model_validator(mode="after")
    def _is_whole(self) -> Healthcheck:
        if sum([self.test is not None, self.path is not None, self.disable]) != 1:
            raise Refused("MLS114", "a health check is a test, a path, or disabled", "write: healthcheck: /healthz")
        if self.path is not None and not self.path.startswith("/"):
            raise Refused("MLS114", f'the path "{self.path}" does not begin with /', f"write /{self.path}")
        if isinstance(self.test, tuple) and (not self.test or self.test[0] not in {"NONE", "CMD", "CMD-SHELL"}):
            raise Refused(
                "MLS114", "a test's list begins with CMD, CMD-SHELL or NONE", "write: [CMD, python, check.py]"
            )
        return self


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
    file: Line | None = None

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

    path: Line
    required: bool = True


class Ulimit(_Keys):
    """A limit of the kernel: a soft and a hard value; -1 is none."""

    soft: int
    hard: int


class RunStep(_Keys):
    """A build step of the user's own, at a named place of the Dockerfile."""

    command: str
    at: Literal["before_install", "after_install", "after_code"] = "after_install"
    cache: Annotated[tuple[PlainPath, ...], BeforeValidator(_as_list)] = ()
    secrets: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> RunStep:
        if not self.command.strip():
            raise Refused("MLS119", "this step has no command", "remove it, or write what it runs")
        return self


class Index(_Keys):
    """A package index and the packages, by name or pattern, that come from it and from nowhere else."""

    url: Line
    packages: Annotated[tuple[Line, ...], BeforeValidator(_as_list), Field(min_length=1)]
    secret: str | None = None

    @model_validator(mode="after")
    def _is_safe(self) -> Index:
        scheme, separator, rest = self.url.partition("://")
        if not separator or scheme not in {"https", "http", "file"}:
            raise Refused("MLS121", f'"{self.url}" is not the address of an index', "write https://...", ("url",))
        if "@" in rest.partition("/")[0]:
            raise Refused(
                "MLS121",
                "a login in this address would be written into every file",
                "remove it, and name a secret: secret: my_index",
                ("url",),
            )
        return self


def _secrets(value: object) -> object:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {name: {"environment": name} for name in value}
    return value


class Settings(_Keys):
    """Every key of one image, as written or as inherited."""

    python: Annotated[str, AfterValidator(syntax.python_version)]
    base: Line | None = None
    platforms: Annotated[
        tuple[Literal["linux/amd64", "linux/arm64"], ...], BeforeValidator(_as_list), Field(min_length=1)
    ] = ("linux/amd64",)
    accelerator: Annotated[str, Field(pattern=r"^(cpu|cuda(\d+\.\d+)?|rocm\d+\.\d+)$")] = "cpu"
    requirements: Annotated[tuple[Line, ...], BeforeValidator(_as_list)] = ()
    indexes: tuple[Index, ...] = ()
    apt: Annotated[tuple[Annotated[str, AfterValidator(syntax.debian_package)], ...], BeforeValidator(_as_list)] = ()
    include: Annotated[tuple[Line, ...], BeforeValidator(_as_list)] | None = None
    run: tuple[Annotated[RunStep, _each(lambda text: {"command": text})], ...] = ()
    environment: Annotated[Mapping[EnvironmentName, Line | None], BeforeValidator(syntax.pairs)] = Field(
        default_factory=dict
    )
    working_dir: PlainPath = "/app"
    user: Annotated[str, AfterValidator(syntax.user)] = "1000:1000"
    entrypoint: Command | None = None
    command: Command | None = None
    ports: tuple[Annotated[Port, _each(syntax.port)], ...] = ()
    healthcheck: Annotated[Healthcheck, _each(_healthcheck)] | None = None
    gpus: Annotated[Gpus, BeforeValidator(syntax.gpu_request)] | None = None
    shm_size: Size | None = None
    init: bool = True
    read_only: bool = False
    tmpfs: Annotated[tuple[ContainerPath, ...], BeforeValidator(_as_list)] = ()
    secrets: Annotated[Mapping[EnvironmentName, Secret], BeforeValidator(_secrets)] = Field(default_factory=dict)
    env_file: Annotated[
        tuple[Annotated[EnvFile, _each(lambda text: {"path": text})], ...], BeforeValidator(_as_list)
    ] = ()
    stop_grace_period: Duration | None = None
    ulimits: Mapping[str, Annotated[Ulimit, BeforeValidator(syntax.ulimit)]] = Field(default_factory=dict)
    labels: Annotated[Mapping[Line, Line], BeforeValidator(syntax.pairs)] = Field(default_factory=dict)
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
        raise SpecError(*dict.fromkeys(map(document.placed, problems)))
    return Spec(document, name, tuple(images))


def _name(data: Mapping[str, Any], problems: list[Problem]) -> str | None:
    name = data.get("name")
    if name is None:
        return None
    if not isinstance(name, str):
        problems.append(Problem(code="MLS103", message="a name is text", path=("name",)))
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
    if images is None:
        yield "", *_merged({}, above, (), problems)
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
            problems.append(Problem(code="MLS120", message="an image is a mapping of keys", path=path))
            continue
        yield key, *_merged(above, own or {}, path, problems)


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
        if isinstance(value, list):
            value = _spliced(key, value, inherited, place, origins, problems)
        elif isinstance(value, dict) and isinstance(inherited, dict):
            origins |= {(key, name): (key, name) for name in inherited} | {
                (key, name): (*place, name) for name in value
            }
            value = {**inherited, **value}
        merged[key] = value
    return merged, origins


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


# Validation: pydantic's errors to problems.


def _image(key: str, data: dict[str, Any], origins: _Origins, problems: list[Problem]) -> Image | None:
    problems += _secrets_in_clear(data, origins)
    try:
        return Image(key, Settings.model_validate(data), origins)
    except ValidationError as error:
        found = [_problem_of(details, data) for details in error.errors(include_url=False)]
    # A union reports one error for each of its members; the first says enough.
    first = {(problem.path, problem.on_key): problem for problem in reversed(found)}
    problems += [replace(problem, path=_origin(origins, problem.path)) for problem in reversed(first.values())]
    return None


def _problem(refused: Refused, path: KeyPath, *, on_key: bool = False) -> Problem:
    return Problem(
        code=refused.code, message=refused.message, hint=refused.hint, path=(*path, *refused.path), on_key=on_key
    )


# What pydantic calls the kinds of error, and how to say them: (code, words). {} is the value as written.
_TYPES = {
    "string_type": ("MLS103", "this is text"),
    "bool_type": ("MLS103", "this is true or false"),
    "bool_parsing": ("MLS103", "this is true or false"),
    "int_type": ("MLS103", "this is a whole number"),
    "int_parsing": ("MLS103", "this is a whole number"),
    "int_from_float": ("MLS103", "this is a whole number"),
    "tuple_type": ("MLS103", "this is a list"),
    "dict_type": ("MLS103", "this is a mapping of names to values"),
    "mapping_type": ("MLS103", "this is a mapping of names to values"),
    "model_type": ("MLS103", "this is a mapping of keys to values"),
    "model_attributes_type": ("MLS103", "this is a mapping of keys to values"),
    "too_short": ("MLS103", "this is empty"),
    "greater_than_equal": ("MLS115", "this number is too small"),
}
_EXAMPLES = {
    "accelerator": "write cpu, cuda, cuda12.8 or rocm6.3",
    "platforms": "write linux/amd64 or linux/arm64",
    "requirements": "write a file, or a list such as: [torch, numpy>=2]",
    "environment": "write: environment: {NAME: value}",
    "ports": 'write a list, such as: ["8000:8000"]',
    "mounts": "write a list, such as: [./data:/app/data]",
    "apt": "write a list, such as: [ffmpeg, libgl1]",
    "healthcheck": "write: healthcheck: /healthz",
    "run": "write a list of steps, such as: [python -m nltk.downloader punkt]",
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


def _problem_of(error: ErrorDetails, data: Mapping[str, Any]) -> Problem:
    path, on_key = _path_of(error, data)
    kind = error["type"]
    top = str(path[0]) if path else ""
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "missing":
        return _missing_key(path)
    if kind == "value_error" and isinstance(refused := error.get("ctx", {}).get("error"), Refused):
        return _problem(refused, path, on_key=on_key)
    if kind in {"literal_error", "string_pattern_mismatch"}:
        return _unknown_value(path, str(error["input"]), _choices(error))
    code, message = _TYPES.get(kind, ("MLS103", error["msg"].lower()))
    return Problem(code=code, message=message, hint=_EXAMPLES.get(top, ""), path=path, on_key=on_key)


def _path_of(error: ErrorDetails, data: object) -> tuple[KeyPath, bool]:
    """Return pydantic's location as a path in the data, and whether it means a key.

    Its location also names the member of a union and the parts of a short form, which nobody wrote.
    """
    path: list[str | int] = []
    for step in error["loc"]:
        if (isinstance(data, Mapping) and step in data) or (isinstance(data, list) and isinstance(step, int)):
            data = data[step]
        elif not (isinstance(data, Mapping) and error["type"] == "missing"):
            continue
        path.append(step)
    return tuple(path), "[key]" in error["loc"]


def _unknown_key(path: KeyPath) -> Problem:
    *above, name = path
    model = _MODELS.get(str(above[0]), Settings) if above else Settings
    known = [*model.model_fields, *(_SPEC_KEYS if model is Settings else ())]
    near = _ALIASES.get(str(name)) if model is Settings else None
    hint = f"did you mean {near}?" if near else _did_you_mean(str(name), known)
    hint = hint or f"known keys: {', '.join(known)}"
    return Problem(code="MLS101", message=f'unknown key "{name}"', hint=hint, path=path, on_key=True)


def _missing_key(path: KeyPath) -> Problem:
    *above, name = path
    example = "such as: python: 3.12" if name == "python" else f"add: {name}: ..."
    return Problem(code="MLS102", message=f'the key "{name}" is missing', hint=f"add it, {example}", path=tuple(above))


def _unknown_value(path: KeyPath, value: str, known: list[str]) -> Problem:
    code = {"accelerator": "MLS107", "platforms": "MLS106"}.get(str(path[0]), "MLS103")
    hint = _did_you_mean(value, known) or _EXAMPLES.get(str(path[-1]), "") or _EXAMPLES.get(str(path[0]), "")
    if known and not hint:
        hint = f"write {' or '.join(known)}"
    return Problem(code=code, message=f'"{value}" is not known here', hint=hint, path=path)


def _choices(error: ErrorDetails) -> list[str]:
    expected = str(error.get("ctx", {}).get("expected", ""))
    return [word.strip().strip("'") for word in expected.replace(" or ", ",").split(",") if word.strip()]


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else ""


# What single keys cannot know: contradictions between them.


def _conflicts(image: Image) -> Iterator[Problem]:
    yield from _mount_conflicts(image)
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
    written = syntax.pairs(data.get("environment"))
    for index, (name, value) in enumerate(written.items() if isinstance(written, dict) else ()):
        if syntax.looks_secret(name, value):
            step = name if written is data["environment"] else index
            yield Problem(
                code="MLS117",
                message=f"{name} would be readable in every layer and listing of the image",
                hint=f"remove it here and write: secrets: [{name}]",
                path=_origin(origins, ("environment", step)),
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
        (("run", index, "secrets"), name) for index, step in enumerate(image.settings.run) for name in step.secrets
    ] + [
        (("indexes", index, "secret"), entry.secret)
        for index, entry in enumerate(image.settings.indexes)
        if entry.secret
    ]
    for path, name in named:
        if name not in known:
            hint = _did_you_mean(name, known) or f"add: secrets: [{name}]"
            message = f'there is no secret "{name}"'
            yield Problem(code="MLS117", message=message, hint=hint, path=image.origin(*path))
