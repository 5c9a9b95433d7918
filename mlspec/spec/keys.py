"""The keys of a spec, each with all its facts at its field, and nowhere else.

The schema, the reference, messages, ``--fix``, ``init`` and image inheritance read the facts through
:mod:`mlspec.spec.fields`. The order of the keys here is their order in specs and in the reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from mlspec.spec import schema_parts, values
from mlspec.spec.build_keys import BuildKeys
from mlspec.spec.fields import Hint, Joined, Starter, about, also_called
from mlspec.spec.nested_keys import (
    EnvFile,
    Gpus,
    Healthcheck,
    Keys,
    Mount,
    Port,
    Resources,
    Secret,
    Ulimit,
    secret,
    secret_names,
)
from mlspec.spec.schema_parts import ONE_OR_MORE, any_of, names_to, or_short, shape
from mlspec.spec.targets import OPTIONAL_TARGETS, TARGETS
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
    """The keys at the top of a spec only, once for all images."""

    name: Annotated[
        Annotated[str, AfterValidator(values.image_name), shape(schema_parts.NAME)] | None,
        about(
            "The name of the image, as an engine and a registry call it. Default: the name of the folder, followed by "
            "that of the spec unless that is mlspec.yaml.",
            "sentiment",
        ),
        Starter(),
    ] = None
    targets: Annotated[
        tuple[str, ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about(
            f"Further files to write: {', '.join(TARGETS[name].about for name in OPTIONAL_TARGETS)}. Default: none.",
            ["compose"],
            ["compose", "kubernetes"],
        ),
    ] = ()
    images: Annotated[
        Any,
        about(
            "Several images of one project, by their names. The keys at the top are their defaults, and each image "
            "overrides them: mappings merge, and in a list ... stands for the entries at the top. Default: one image.",
            {"train": {"entrypoint": "python train.py"}, "serve": {"entrypoint": "python serve.py"}},
        ),
        also_called(unsure=("variants", "services")),
    ] = None


class Settings(BuildKeys):
    """All keys of one image: those of the build, and here those of a run."""

    environment: Annotated[
        Mapping[EnvironmentName, Line | None],
        BeforeValidator(values.pairs),
        names_to(schema_parts.VARIABLE),
        or_short({"type": "array", "items": schema_parts.PAIR}),
        about(
            "Environment variables of the container, as a mapping or a list. A variable without a value gets the "
            "value of the caller, at each run. Default: none.",
            {"OMP_NUM_THREADS": 4},
        ),
        also_called("env", "envs"),
        Joined(values.pairs),
        Starter("Variables of the program."),
    ] = Field(default_factory=dict)
    env_file: Annotated[
        tuple[Annotated[EnvFile, each(lambda text: {"path": text}), or_short(schema_parts.FILLED)], ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about(
            "Files of environment variables, read when a container starts; they stay out of the image. Default: none.",
            "./settings.env",
        ),
        Starter("Variables of this machine, read when it runs; the file stays out of the image."),
    ] = ()
    working_dir: Annotated[
        str,
        AfterValidator(values.working_dir),
        shape(schema_parts.WORKING_DIR),
        about(
            "The folder of the code in the image. Default: /app; with context, a path that ends in the path from "
            "there to the spec.",
            "/app",
        ),
        also_called("workdir"),
        Starter("The folder of the code in the image."),
    ] = "/app"
    user: Annotated[
        str,
        AfterValidator(values.user),
        shape(schema_parts.USER),
        about(
            "The user that programs run as, by numbers: UID:GID, or UID for both. Default: 1000:1000; a run that "
            "writes to a mount has the numbers of the caller.",
            "1000:1000",
            "root",
        ),
    ] = "1000:1000"
    entrypoint: Annotated[
        Annotated[Words, BeforeValidator(split_entrypoint), or_short(schema_parts.PROGRAM)] | None,
        about(
            "The program that a container starts: a text, which is split into words without a shell, or a list. "
            "Default: that of the base.",
            "python train.py",
        ),
        Starter("The program that the image starts."),
    ] = None
    command: Annotated[
        Annotated[Words, BeforeValidator(split_command), or_short(schema_parts.COMMAND)] | None,
        about(
            "The arguments of the program, which a run may replace: a text or a list. Default: those of the base.",
            "--epochs 10",
        ),
        also_called("cmd"),
    ] = None
    ports: Annotated[
        tuple[Annotated[Port, each(values.port), or_short(schema_parts.PORT)], ...],
        about(
            "Ports of the container that the host publishes: HOST:CONTAINER, on 127.0.0.1 unless there is an address "
            "in front; or Compose's long form. Default: none.",
            ["8000:8000"],
        ),
        also_called(unsure=("expose",)),
        Starter("HOST:CONTAINER; only this machine can reach it."),
    ] = ()
    healthcheck: Annotated[
        Annotated[Healthcheck, each(name_check), or_short(schema_parts.HEALTHCHECK)] | None,
        about(
            "How the engine finds out that the program works: a path that must answer over HTTP, a command, or "
            "Compose's long form. Default: that of the base.",
            "/healthz",
        ),
        Starter("A path that answers while the program works."),
    ] = None
    gpus: Annotated[
        Annotated[
            Gpus,
            BeforeValidator(values.gpu_request),
            schema_parts.Form(
                lambda one: any_of(
                    schema_parts.GPUS, one, {"type": "array", "items": {**one}, "minItems": 1, "maxItems": 1}
                )
            ),
        ]
        | None,
        about(
            "The NVIDIA GPUs that a container gets: all, a number, or Compose's list. Default: all where the "
            "accelerator is CUDA.",
            "all",
            1,
        ),
        Hint("write all, or a number"),
        also_called("gpu"),
    ] = None
    gpu_models: Annotated[
        tuple[Annotated[str, AfterValidator(values.gpu_model), shape(schema_parts.GPU_MODEL)], ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about(
            "The NVIDIA GPUs that the image will run on, by name or as sm_NN: they are checked against its packages. "
            "Default: none.",
            ["h100", "rtx5090"],
        ),
        also_called("gpu_model", "gpu_type"),
    ] = ()
    shm_size: Annotated[
        Size | None,
        about(
            "The size of the shared memory, through which the workers of a data loader pass batches. Default: that of "
            "the engine.",
            "8gb",
        ),
        also_called("shm"),
        Starter("Memory that the processes of a data loader share."),
    ] = None
    resources: Annotated[
        Resources | None,
        about(
            "The processors and the memory that a container may use: an engine limits it to them, and a cluster "
            "reserves them. Default: no limit.",
            {"cpus": 4, "memory": "16gb"},
        ),
        also_called(unsure=("cpus", "mem_limit", "memory")),
    ] = None
    nodes: Annotated[
        Annotated[int, Field(ge=1, le=10_000)],
        about(
            "The machines of a cluster that run the program together, each with its gpus and resources: torchrun "
            "finds the others by variables that the cluster's files set. A run on one machine has one. Default: 1.",
            2,
        ),
        also_called("num_nodes", unsure=("replicas",)),
    ] = 1
    init: Annotated[Flag, about("Whether a small init forwards signals and reaps processes. Default: true.")] = True
    read_only: Annotated[Flag, about("Whether the program can only read the files of the image. Default: false.")] = (
        False
    )
    tmpfs: Annotated[
        tuple[Annotated[str, AfterValidator(values.memory_folder), shape(schema_parts.MEMORY)], ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("Folders of the container that are kept in memory, and gone with it. Default: none.", ["/scratch"]),
    ] = ()
    secrets: Annotated[
        Mapping[EnvironmentName, Annotated[Secret, BeforeValidator(secret)]],
        BeforeValidator(secret_names),
        names_to(schema_parts.VARIABLE),
        or_short({"type": "array", "items": schema_parts.VARIABLE}),
        about(
            "Secrets that a build or a run gets and no image keeps: a list of environment variables, or a mapping of "
            "names to environment: or file:. Default: none.",
            ["HF_TOKEN"],
        ),
        Joined(secret_names),
    ] = Field(default_factory=dict)
    stop_signal: Annotated[
        Annotated[
            str,
            AfterValidator(name_signal),
            shape(any_of({"type": "integer", "minimum": 1, "maximum": 64}, schema_parts.text(SIGNAL_FORM))),
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
            Annotated[Ulimit, BeforeValidator(values.ulimit), or_short(schema_parts.INTEGER)],
        ],
        names_to(schema_parts.LIMIT),
        about(
            "Limits of the kernel for the processes of the container; -1 is no limit. Default: those of the engine.",
            {"memlock": -1},
        ),
        Joined(),
    ] = Field(default_factory=dict)
    labels: Annotated[
        Mapping[LabelName, Line],
        BeforeValidator(values.label_pairs),
        names_to(schema_parts.LABEL),
        or_short({"type": "array", "items": schema_parts.LABEL_PAIR}),
        about("Labels of the image, as a mapping or a list. Default: none.", {"org.example.team": "vision"}),
        Joined(values.label_pairs),
    ] = Field(default_factory=dict)
    mounts: Annotated[
        tuple[Annotated[Mount, each(values.mount), or_short(schema_parts.MOUNT)], ...],
        about(
            "Folders and volumes of the host that the container sees: SOURCE:TARGET[:ro], the source relative to the "
            "spec, below ~/, or the name of a volume; or Compose's long form. Default: none.",
            ["./data:/app/data"],
        ),
        also_called("volumes"),
        Starter("Folders of this machine, HOST:CONTAINER. They stay out of the image; :ro makes one read-only."),
    ] = ()
