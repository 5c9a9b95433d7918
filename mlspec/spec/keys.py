"""The pydantic mirror of the keys of one image, with what each means; short forms are made long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from mlspec.spec import schema_parts as shapes
from mlspec.spec import values as syntax
from mlspec.spec.nested_keys import (
    Duration,
    EnvFile,
    EnvironmentName,
    Filled,
    Flag,
    Gpus,
    Healthcheck,
    Index,
    Keys,
    Line,
    Mount,
    PackageMetadata,
    Port,
    RunStep,
    Secret,
    Size,
    Ulimit,
    about,
    as_list,
    secret,
    secret_names,
)
from mlspec.spec.schema_parts import AT_LEAST_ONE, ONE_OR_MORE, any_of, names_to, or_short, shape
from mlspec.spec.values import Refused


def _each(parse: Callable[[Any], Any]) -> BeforeValidator:
    """Return a validator that turns a short form, a text, into the mapping of the long form."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def _command(value: object) -> object:
    if isinstance(value, str):
        return syntax.words(value, is_program=False)
    if isinstance(value, list) and not value:
        raise Refused("MLS110", "this command is empty", "remove the key, or name a program")
    return value


def _entrypoint(value: object) -> object:
    return syntax.program(syntax.words(value)) if isinstance(value, str) else _command(value)


def _healthcheck(text: str) -> dict[str, str]:
    return {"path": text} if text.startswith("/") else {"test": text}


_Words = Annotated[tuple[Line, ...], shape({"type": "array", "items": shapes.LINE, "minItems": 1})]
_LabelName = Annotated[str, AfterValidator(syntax.label_name)]
_LimitName = Annotated[str, AfterValidator(syntax.limit_name)]


class Settings(Keys):
    """Every key of one image, as written or as inherited."""

    python: Annotated[
        str,
        AfterValidator(syntax.python_version),
        shape(shapes.PYTHON),
        about("The Python of the image, read as text: 3.10 is 3.10. Required.", 3.12, "3.12.4"),
    ]
    base: Annotated[
        Filled | None,
        about(
            "What to build on: a Debian release, or a whole image reference. Default: the newest slim release known.",
            "slim-bookworm",
            "debian:12-slim",
        ),
    ] = None
    platforms: Annotated[
        tuple[Literal["linux/amd64", "linux/arm64"], ...],
        BeforeValidator(as_list),
        Field(min_length=1),
        AT_LEAST_ONE,
        about("What the image is built for, each locked apart. Default: linux/amd64.", "linux/arm64"),
    ] = ("linux/amd64",)
    accelerator: Annotated[
        str,
        AfterValidator(syntax.accelerator),
        shape(shapes.ACCELERATOR),
        about(
            "Where torch and its family come from, and the devices at run time. Default: cpu.",
            "cpu",
            "cuda",
            "cuda12.8",
            "rocm6.3",
        ),
    ] = "cpu"
    requirements: Annotated[
        tuple[Filled, ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about(
            "Packages: a file (.in, .txt, pyproject.toml), or a list in pip's syntax; both mix. Default: none.",
            "requirements.in",
            ["torch", "numpy>=2"],
        ),
    ] = ()
    indexes: Annotated[
        tuple[Index, ...],
        about(
            "Further package indexes, each with the packages that come from it alone. Default: none.",
            [{"url": "https://packages.example/simple", "packages": ["ours"]}],
        ),
    ] = ()
    layers: Annotated[
        Mapping[
            Annotated[str, AfterValidator(syntax.layer_name)],
            Annotated[tuple[Filled, ...], BeforeValidator(as_list), Field(min_length=1), AT_LEAST_ONE],
        ],
        Field(max_length=16),
        names_to(shapes.LAYER),
        about(
            "Packages, by name or pattern, that share a layer of the image. "
            "Default: a layer for each heavy wheel, and bands of size for the others.",
            {"ours": ["our-lib", "our-plugin-*"]},
        ),
    ] = Field(default_factory=dict)
    apt: Annotated[
        tuple[Annotated[str, AfterValidator(syntax.debian_package), shape(shapes.DEBIAN_PACKAGE)], ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("Debian packages, perhaps with =VERSION. Default: none.", ["ffmpeg", "libgl1"]),
    ] = ()
    build_apt: Annotated[
        Annotated[
            tuple[Annotated[str, AfterValidator(syntax.debian_package), shape(shapes.DEBIAN_PACKAGE)], ...],
            BeforeValidator(as_list),
            ONE_OR_MORE,
        ]
        | None,
        about(
            "Further Debian packages to compile with, which do not reach the image; an empty list wants none at all. "
            "Default: compilers, and what the sources are known to take.",
            ["libsnappy-dev"],
        ),
    ] = None
    build_constraints: Annotated[
        tuple[Filled, ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("Bounds on what builds take, as pip's --build-constraint. Default: none.", ["setuptools<81"]),
    ] = ()
    dependency_metadata: Annotated[
        tuple[PackageMetadata, ...],
        about(
            "What source packages require, where only a build would tell and that is not to run. Default: none.",
            [{"name": "gdal", "version": "3.6.2", "requires_dist": ["numpy"]}],
        ),
    ] = ()
    apt_snapshot: Annotated[
        Annotated[str, AfterValidator(syntax.day), shape(shapes.DAY)] | None,
        about("The day whose Debian the packages come from. Default: the newest at each build.", "2026-11-01"),
    ] = None
    include: Annotated[
        Annotated[
            tuple[Annotated[str, AfterValidator(syntax.included), shape(shapes.INCLUDED)], ...],
            BeforeValidator(as_list),
            ONE_OR_MORE,
        ]
        | None,
        about(
            "What of the project is copied into the image; ! leaves out. Default: what is not ignored.",
            ["src", "train.py", "!src/notes"],
        ),
    ] = None
    run: Annotated[
        tuple[Annotated[RunStep, _each(lambda text: {"command": text}), or_short(shapes.SCRIPT)], ...],
        about("Build steps of your own: commands for a shell. Default: none.", ["python -m nltk.downloader punkt"]),
    ] = ()
    environment: Annotated[
        Mapping[EnvironmentName, Line | None],
        BeforeValidator(syntax.pairs),
        names_to(shapes.VARIABLE),
        or_short({"type": "array", "items": shapes.PAIR}),
        about(
            "Variables, as a mapping or a list; one without a value is the caller's when it runs. Default: none.",
            {"OMP_NUM_THREADS": 4},
        ),
    ] = Field(default_factory=dict)
    working_dir: Annotated[
        str,
        AfterValidator(syntax.working_dir),
        shape(shapes.WORKING_DIR),
        about("The folder of the code in the image. Default: /app.", "/app"),
    ] = "/app"
    user: Annotated[
        str,
        AfterValidator(syntax.user),
        shape(shapes.USER),
        about(
            "Numbers, UID:GID. Default: 1000:1000; a run that writes to a mount has the caller's.", "1000:1000", "root"
        ),
    ] = "1000:1000"
    entrypoint: Annotated[
        Annotated[_Words, BeforeValidator(_entrypoint), or_short(shapes.PROGRAM)] | None,
        about(
            "What the image starts: a text, split into words without a shell, or a list. Default: the base's.",
            "python train.py",
        ),
    ] = None
    command: Annotated[
        Annotated[_Words, BeforeValidator(_command), or_short(shapes.COMMAND)] | None,
        about("Arguments that a run may replace: a text or a list. Default: the base's.", "--epochs 10"),
    ] = None
    ports: Annotated[
        tuple[Annotated[Port, _each(syntax.port), or_short(shapes.PORT)], ...],
        about(
            "HOST:CONTAINER, on 127.0.0.1 unless an address stands in front; or Compose's long form. Default: none.",
            ["8000:8000"],
        ),
    ] = ()
    healthcheck: Annotated[
        Annotated[Healthcheck, _each(_healthcheck), or_short(shapes.HEALTHCHECK)] | None,
        about("A path that must answer over HTTP, a command, or Compose's long form. Default: none.", "/healthz"),
    ] = None
    gpus: Annotated[
        Annotated[
            Gpus,
            BeforeValidator(syntax.gpu_request),
            shapes.Form(
                lambda one: any_of(shapes.GPUS, one, {"type": "array", "items": {**one}, "minItems": 1, "maxItems": 1})
            ),
        ]
        | None,
        about("all, a number, or Compose's list. Default: all where the accelerator is CUDA.", "all", 1),
    ] = None
    gpu_models: Annotated[
        tuple[Annotated[str, AfterValidator(syntax.gpu_model), shape(shapes.GPU_MODEL)], ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("What NVIDIA GPUs it will run on, by name or sm_NN, to be checked. Default: none.", ["h100", "rtx5090"]),
    ] = ()
    shm_size: Annotated[
        Size | None, about("Shared memory, which loader workers pass batches through. Default: the engine's.", "8gb")
    ] = None
    init: Annotated[Flag, about("Whether a small init forwards signals and reaps processes. Default: true.")] = True
    read_only: Annotated[Flag, about("Whether the container's own files may only be read. Default: false.")] = False
    tmpfs: Annotated[
        tuple[Annotated[str, AfterValidator(syntax.memory_folder), shape(shapes.MEMORY)], ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("Folders in memory. Default: none.", ["/scratch"]),
    ] = ()
    secrets: Annotated[
        Mapping[EnvironmentName, Annotated[Secret, BeforeValidator(secret)]],
        BeforeValidator(secret_names),
        names_to(shapes.VARIABLE),
        or_short({"type": "array", "items": shapes.VARIABLE}),
        about(
            "Names of environment variables, or a mapping of names to environment: or file:. Default: none.",
            ["HF_TOKEN"],
        ),
    ] = Field(default_factory=dict)
    env_file: Annotated[
        tuple[Annotated[EnvFile, _each(lambda text: {"path": text}), or_short(shapes.FILLED)], ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("Files of variables, read when it runs. Default: none.", "./settings.env"),
    ] = ()
    stop_grace_period: Annotated[
        Duration | None, about("How long a program may take to end before it is killed. Default: 10s.", "1m30s")
    ] = None
    ulimits: Annotated[
        Mapping[
            _LimitName,
            Annotated[Ulimit, BeforeValidator(syntax.ulimit), or_short(shapes.INTEGER)],
        ],
        names_to(shapes.LIMIT),
        about("Limits of the kernel; -1 is none. Default: the engine's.", {"memlock": -1}),
    ] = Field(default_factory=dict)
    labels: Annotated[
        Mapping[_LabelName, Line],
        BeforeValidator(syntax.label_pairs),
        names_to(shapes.LABEL),
        or_short({"type": "array", "items": shapes.LABEL_PAIR}),
        about("Labels of the image, as a mapping or a list. Default: none.", {"org.example.team": "vision"}),
    ] = Field(default_factory=dict)
    mounts: Annotated[
        tuple[Annotated[Mount, _each(syntax.mount), or_short(shapes.MOUNT)], ...],
        about(
            "SOURCE:TARGET[:ro], source relative to the spec, or ~/…, or a volume; or Compose's long form. "
            "Default: none.",
            ["./data:/app/data"],
        ),
    ] = ()
