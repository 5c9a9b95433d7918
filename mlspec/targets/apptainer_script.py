"""The contents of the script that runs an image with Apptainer, and starts it on several machines by Slurm.

Tried with Apptainer 1.4. A container of Apptainer has the files of the image, read-only unless there is an overlay, and
nothing else of its configuration but the variables and the program: the working folder, the home and the mounts are
options. The user is always the one who calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlspec.plan.folders import HOME
from mlspec.plan.plan import Plan
from mlspec.spec.values import quantity
from mlspec.targets.run_script import EnvFileChoice, Option, host_path, join_fields

# The script in the image that starts its program with the arguments, as docker run does.
_RUNSCRIPT = "/.singularity.d/runscript"


@dataclass(frozen=True, slots=True)
class VolumeMount:
    """A volume of an engine, which is a folder here; ``target`` has the fields of the option behind its source."""

    name: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApptainerScript:
    """The preparations for Apptainer's command and its options, without those that the run script has too.

    ``gpus`` has the number of GPUs of a node, if there is one. ``start`` are the words behind the image.
    """

    name: str
    image_file: str
    notes: tuple[str, ...]
    slurm_options: tuple[str, ...]
    gpus: tuple[str, ...]
    variables: tuple[str, ...]
    env_files: tuple[EnvFileChoice, ...]
    options: tuple[Option, ...]
    volume_mounts: tuple[VolumeMount, ...]
    start: tuple[str, ...]


def apptainer_script(plan: Plan) -> ApptainerScript:
    """Return the contents of the script of one image."""
    run = plan.run
    secrets = {name for name, _ in run.environment_secrets}
    gpus = run.gpus_of_a_node
    return ApptainerScript(
        name=f"{plan.files.prefix}apptainer.sh",
        image_file=f"{plan.image.rpartition('/')[2]}.sif",
        notes=tuple(_list_notes(plan)),
        slurm_options=tuple(_slurm_options(plan)) if run.nodes > 1 else (),
        gpus=(str(gpus),) if gpus else (),
        variables=tuple(name for name in run.passed_environment if name not in secrets),
        env_files=tuple(EnvFileChoice(host_path(entry.path), not entry.required) for entry in run.env_files),
        options=tuple(_options(plan)),
        volume_mounts=tuple(
            VolumeMount(mount.source, join_fields(_fields(mount.target, is_read_only=mount.read_only)))
            for mount in run.mounts
            if mount.type == "volume"
        ),
        # Apptainer sets HOME to the caller's, and allows no option to change that.
        start=("env", f"HOME={HOME}", _RUNSCRIPT) if "HOME" in dict(plan.container.defaults) else (_RUNSCRIPT,),
    )


def _options(plan: Plan) -> Iterator[Option]:
    run = plan.run
    yield ("--containall",)
    yield ("--no-home",)
    yield ("--pwd", plan.container.working_dir)
    if run.devices:
        yield ("--rocm",)
    elif run.gpus:
        yield ("--nv",)
    for path in dict.fromkeys((*(mount.target for mount in run.mounts if mount.type == "tmpfs"), *run.memory_folders)):
        # /tmp is in memory already.
        if path != "/tmp":  # noqa: S108 - in the container
            yield ("--scratch", path)
    for mount in run.mounts:
        if mount.type == "bind":
            yield ("--mount", _mount(host_path(mount.source), mount.target, is_read_only=mount.read_only))
    for name, path in run.file_secrets:
        yield ("--mount", _mount(host_path(path), f"/run/secrets/{name}", is_read_only=True))


def _mount(source: str, target: str, *, is_read_only: bool) -> str:
    return join_fields(["type=bind", f"source={source}", *_fields(target, is_read_only=is_read_only)])


def _fields(target: str, *, is_read_only: bool) -> list[str]:
    return [f"destination={target}", *(["ro"] if is_read_only else [])]


def _slurm_options(plan: Plan) -> Iterator[str]:
    run = plan.run
    yield f"--nodes={run.nodes}"
    yield "--ntasks-per-node=1"
    if run.gpus_of_a_node:
        yield f"--gpus-per-node={run.gpus_of_a_node}"
    if run.resources.cpus:
        yield f"--cpus-per-task={max(1, round(float(run.resources.cpus)))}"
    if run.resources.memory:
        yield f"--mem={quantity(run.resources.memory).removesuffix('i')}"


def _list_notes(plan: Plan) -> Iterator[str]:
    run = plan.run
    if run.nodes > 1:
        command = f"sbatch {plan.files.prefix}apptainer.sh"
        yield f"To run on {run.nodes} machines by Slurm, in the folder of this script: {command}"
    if run.ports:
        targets = ", ".join(dict.fromkeys(port.target for port in run.ports))
        yield f"The program listens on ports of this machine itself: {targets}"
    if plan.container.is_root:
        yield "The image wants root, and the program runs as the caller."
    if run.gpus and not run.devices:
        yield "It gets all GPUs of this machine, or those of its Slurm job."
    unknown = {
        "healthcheck": plan.container.healthcheck,
        "resources": run.nodes == 1 and (run.resources.cpus or run.resources.memory),
        "shm_size": run.shm_size,
        "stop_grace_period": run.stop_timeout,
        "stop_signal": plan.container.stop_signal,
        "ulimits": run.ulimits,
    }
    if names := [name for name, value in unknown.items() if value]:
        yield f"Without an effect here: {', '.join(names)}"
