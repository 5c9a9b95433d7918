"""The keys of a spec: all that is known of each stands at its field, and nowhere else.

The schema, the reference, messages, ``--fix``, ``init`` and the images that inherit read it there, by way of
:mod:`mlspec.spec.fields`. The keys stand in the order in which they are written into specs and into the reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from mlspec.spec import schema_parts as shapes
from mlspec.spec import values as syntax
from mlspec.spec.build_keys import BuildKeys
from mlspec.spec.fields import Hint, Joined, Starter, about, also_called
from mlspec.spec.nested_keys import (
    EnvFile,
    Gpus,
    Healthcheck,
    Keys,
    Mount,
    Port,
    Secret,
    Ulimit,
    secret,
    secret_names,
)
from mlspec.spec.schema_parts import ONE_OR_MORE, any_of, names_to, or_short, shape
from mlspec.spec.targets import SHARED_TARGETS, TARGETS
from mlspec.spec.value_types import (
    Duration,
    EnvironmentName,
    Flag,
    LabelName,
    LimitName,
    Line,
    Size,
    Words,
    as_list,
    each,
    name_check,
    split_command,
    split_entrypoint,
)
from mlspec.spec.values.kinds import SIGNAL_FORM, name_signal


class TopKeys(Keys):
    """The keys that stand at the top of a spec only, once for all images."""

    name: Annotated[
        Annotated[str, AfterValidator(syntax.image_name), shape(shapes.NAME)] | None,
        about(
            "The name of the image. Default: the folder's, and behind it the spec's unless that is mlspec.yaml.",
            "sentiment",
        ),
        Starter(),
    ] = None
    targets: Annotated[
        tuple[str, ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about(
            "What is written beside the Dockerfiles, their ignore files and the run scripts, once for all images: "
            f"{', '.join(TARGETS[name].about for name in SHARED_TARGETS)}. Default: none.",
            ["compose"],
            ["compose", "kubernetes"],
        ),
    ] = ()
    images: Annotated[
        Any,
        about(
            "Several images: the keys of the top are their defaults, each overrides; in a list ... stands for what the "
            "level above said, mappings merge. Default: one image.",
            {"train": {"entrypoint": "python train.py"}, "serve": {"entrypoint": "python serve.py"}},
        ),
        also_called(unsure=("variants", "services")),
    ] = None


class Settings(BuildKeys):
    """Every key of one image: what is built, and here what runs."""

    environment: Annotated[
        Mapping[EnvironmentName, Line | None],
        BeforeValidator(syntax.pairs),
        names_to(shapes.VARIABLE),
        or_short({"type": "array", "items": shapes.PAIR}),
        about(
            "Variables, as a mapping or a list; one without a value is the caller's when it runs. Default: none.",
            {"OMP_NUM_THREADS": 4},
        ),
        also_called("env", "envs"),
        Joined(syntax.pairs),
        Starter("Variables of the program."),
    ] = Field(default_factory=dict)
    env_file: Annotated[
        tuple[Annotated[EnvFile, each(lambda text: {"path": text}), or_short(shapes.FILLED)], ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("Files of variables, read when it runs. Default: none.", "./settings.env"),
        Starter("Variables of this machine, read when it runs; the file stays out of the image."),
    ] = ()
    working_dir: Annotated[
        str,
        AfterValidator(syntax.working_dir),
        shape(shapes.WORKING_DIR),
        about("The folder of the code in the image. Default: /app.", "/app"),
        also_called("workdir"),
        Starter("The folder of the code in the image."),
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
        Annotated[Words, BeforeValidator(split_entrypoint), or_short(shapes.PROGRAM)] | None,
        about(
            "What the image starts: a text, split into words without a shell, or a list. Default: the base's.",
            "python train.py",
        ),
        Starter("What the image starts."),
    ] = None
    command: Annotated[
        Annotated[Words, BeforeValidator(split_command), or_short(shapes.COMMAND)] | None,
        about("Arguments that a run may replace: a text or a list. Default: the base's.", "--epochs 10"),
        also_called("cmd"),
    ] = None
    ports: Annotated[
        tuple[Annotated[Port, each(syntax.port), or_short(shapes.PORT)], ...],
        about(
            "HOST:CONTAINER, on 127.0.0.1 unless an address stands in front; or Compose's long form. Default: none.",
            ["8000:8000"],
        ),
        also_called(unsure=("expose",)),
        Starter("HOST:CONTAINER; only this machine can reach it."),
    ] = ()
    healthcheck: Annotated[
        Annotated[Healthcheck, each(name_check), or_short(shapes.HEALTHCHECK)] | None,
        about("A path that must answer over HTTP, a command, or Compose's long form. Default: none.", "/healthz"),
        Starter("A path that answers while the program works."),
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
        Hint("write all, or a number"),
        also_called("gpu"),
    ] = None
    gpu_models: Annotated[
        tuple[Annotated[str, AfterValidator(syntax.gpu_model), shape(shapes.GPU_MODEL)], ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("What NVIDIA GPUs it will run on, by name or sm_NN, to be checked. Default: none.", ["h100", "rtx5090"]),
        also_called("gpu_model", "gpu_type"),
    ] = ()
    shm_size: Annotated[
        Size | None,
        about("Shared memory, which loader workers pass batches through. Default: the engine's.", "8gb"),
        also_called("shm"),
        Starter("Memory that the processes of a data loader share."),
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
        Joined(secret_names),
    ] = Field(default_factory=dict)
    stop_signal: Annotated[
        Annotated[
            str,
            AfterValidator(name_signal),
            shape(any_of({"type": "integer", "minimum": 1, "maximum": 64}, shapes.text(SIGNAL_FORM))),
        ]
        | None,
        about(
            "The signal that asks the program to end, a name or a number, as STOPSIGNAL of the image: Docker, Compose "
            "and the runtimes of a cluster send it. Default: the base's, or else SIGTERM.",
            "SIGINT",
            "SIGRTMIN+3",
        ),
    ] = None
    stop_grace_period: Annotated[
        Duration | None, about("How long a program may take to end before it is killed. Default: 10s.", "1m30s")
    ] = None
    ulimits: Annotated[
        Mapping[
            LimitName,
            Annotated[Ulimit, BeforeValidator(syntax.ulimit), or_short(shapes.INTEGER)],
        ],
        names_to(shapes.LIMIT),
        about("Limits of the kernel; -1 is none. Default: the engine's.", {"memlock": -1}),
        Joined(),
    ] = Field(default_factory=dict)
    labels: Annotated[
        Mapping[LabelName, Line],
        BeforeValidator(syntax.label_pairs),
        names_to(shapes.LABEL),
        or_short({"type": "array", "items": shapes.LABEL_PAIR}),
        about("Labels of the image, as a mapping or a list. Default: none.", {"org.example.team": "vision"}),
        Joined(syntax.label_pairs),
    ] = Field(default_factory=dict)
    mounts: Annotated[
        tuple[Annotated[Mount, each(syntax.mount), or_short(shapes.MOUNT)], ...],
        about(
            "SOURCE:TARGET[:ro], source relative to the spec, or ~/…, or a volume; or Compose's long form. "
            "Default: none.",
            ["./data:/app/data"],
        ),
        also_called("volumes"),
        Starter("Folders of this machine, HOST:CONTAINER. They stay out of the image; :ro makes one read-only."),
    ] = ()
