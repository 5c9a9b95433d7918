"""The specification of a pod: its container, permissions, volumes and probes."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mlspec.plan.healthcheck import HealthcheckPlan
from mlspec.plan.plan import Plan
from mlspec.plan.run import RunPlan
from mlspec.spec import values
from mlspec.spec.files import architecture
from mlspec.targets.bundle import Bundle
from mlspec.targets.kubernetes.object_names import Names, label, object_name
from mlspec.targets.nodes import NODE_RANK, list_rendezvous_variables
from mlspec.targets.sheet import Data, present

_SHARED = "/dev/shm"  # noqa: S108 - in the container
_SECRETS = "/run/secrets"


def pod(plan: Plan, bundle: Bundle, names: Names) -> dict[str, Data]:
    """Return the specification of an image's pod, without the restart policy."""
    run = plan.run
    return present(
        {
            # A program for training or inference does not need the API of the cluster.
            "automountServiceAccountToken": False,
            # The pod's first process then reaps children, and signals have their usual effect, as with an init.
            "shareProcessNamespace": run.init or None,
            "terminationGracePeriodSeconds": run.stop_timeout,
            "nodeSelector": {"kubernetes.io/arch": architecture(run.platform)} if run.platform else None,
            "securityContext": _identity(plan),
            "containers": [_container(plan, bundle, names)],
            "volumes": list(_volumes(plan, bundle, names)),
        }
    )


def _identity(plan: Plan) -> Data:
    uid, gid = int(plan.container.uid), int(plan.container.gid)
    if plan.container.is_root:
        return {"runAsUser": uid, "runAsGroup": gid}
    return {
        "runAsNonRoot": True,
        "runAsUser": uid,
        "runAsGroup": gid,
        # Storage belongs to this group. The kubelet changes all its files only if the top folder has another group.
        **({"fsGroup": gid, "fsGroupChangePolicy": "OnRootMismatch"} if gid else {}),
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _container(plan: Plan, bundle: Bundle, names: Names) -> Data:
    run = plan.run
    is_server = bool(run.ports)
    return present(
        {
            "name": label(plan.key or bundle.project),
            "image": plan.push.name,
            "ports": [{"containerPort": number, "protocol": protocol} for number, protocol in ports(run)],
            "envFrom": [_variables(names, entry.path, entry.required) for entry in run.env_files],
            "env": list(_environment(plan, bundle, names)),
            "resources": _resources(run),
            "securityContext": _rights(plan),
            **(_probes(plan.container.healthcheck) if is_server and plan.container.healthcheck else {}),
            "volumeMounts": list(_mounts(run, names)),
        }
    )


def ports(run: RunPlan) -> tuple[tuple[int, str], ...]:
    """Return the ports that a program listens on, each once, with TCP or UDP."""
    every = [(number, port.protocol.upper()) for port in run.ports for number in values.numbers(port.target)]
    return tuple(dict.fromkeys(every))


def _rights(plan: Plan) -> Data:
    found: dict[str, Data] = {"allowPrivilegeEscalation": False}
    if plan.run.read_only:
        found["readOnlyRootFilesystem"] = True
    # Programs run as root because they need capabilities, such as to change owners.
    return found if plan.container.is_root else {**found, "capabilities": {"drop": ["ALL"]}}


def _resources(run: RunPlan) -> Data:
    # A cluster reserves as much as the limit, unless there is a request too.
    limits: dict[str, Data] = {
        "cpu": run.resources.cpus,
        "memory": values.quantity(run.resources.memory) if run.resources.memory else None,
        "amd.com/gpu" if run.devices else "nvidia.com/gpu": run.gpus_of_a_node,
    }
    return present({"limits": present(limits)})


# Variables


def _variables(names: Names, path: str, is_required: bool) -> Data:
    found: dict[str, Data] = {"name": names.file(path)}
    return {"secretRef": found if is_required else {**found, "optional": True}}


def _environment(plan: Plan, bundle: Bundle, names: Names) -> Iterator[Data]:
    run = plan.run
    further = [name for name in run.gpus.capabilities if name != "gpu"] if run.gpus else []
    if further:
        # The same variable that `--gpus capabilities=...` sets. Without these, the image sets it.
        yield {"name": "NVIDIA_DRIVER_CAPABILITIES", "value": ",".join(further)}
    if run.nodes > 1:
        yield from _rendezvous(plan)
    secret = dict(run.environment_secrets)
    for name in run.passed_environment:
        source: Data = {"configMapKeyRef": {"name": names.environment, "key": name, "optional": True}}
        if name in secret:
            source = {"secretKeyRef": {"name": names.secrets, "key": bundle.secret(plan, name)}}
        yield {"name": name, "valueFrom": source}


def _rendezvous(plan: Plan) -> Iterator[Data]:
    """Yield the variables that torchrun reads: the number of nodes and of this one, and the address of the first."""
    name = object_name(plan)
    # Kubernetes, "Job": an Indexed Job numbers its pods in this annotation, and gives them the host names NAME-NUMBER.
    index: Data = {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"}
    for variable, value in list_rendezvous_variables(plan.run, f"{name}-0.{name}"):
        yield {"name": variable, "value": value}
    yield {"name": NODE_RANK, "valueFrom": {"fieldRef": index}}


# Probes


def _probes(check: HealthcheckPlan) -> dict[str, Data]:
    """Return a startup probe and a readiness probe that ask as HEALTHCHECK does, which the kubelet ignores."""
    if check.command is None:
        return {}
    said = {flag: value for flag, value in check.options if flag != "--retries"}
    seconds = {flag: values.seconds(value) for flag, value in said.items()}
    retries = int(dict(check.options).get("--retries", "3"))
    way: dict[str, Data] = {"exec": {"command": list(check.command)}}
    if check.path:
        way = {"httpGet": {"path": check.path, "port": check.port}}
    way["timeoutSeconds"] = seconds["--timeout"]
    every = seconds["--start-interval"]
    tries = math.ceil(seconds["--start-period"] / every) + retries
    return {
        "startupProbe": {**way, "periodSeconds": every, "failureThreshold": tries},
        "readinessProbe": present(
            {**way, "periodSeconds": seconds.get("--interval"), "failureThreshold": retries},
        ),
    }


# Volumes


def _volumes(plan: Plan, bundle: Bundle, names: Names) -> Iterator[Data]:
    run = plan.run
    for claim in dict.fromkeys(names.claim(mount) for mount in run.mounts if mount.type != "tmpfs"):
        yield {"name": _volume(claim), "persistentVolumeClaim": {"claimName": claim}}
    if size := _shared_memory(run):
        yield {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": values.quantity(size)}}
    for number, _ in enumerate(_memory(run), start=1):
        yield {"name": f"memory-{number}", "emptyDir": {"medium": "Memory"}}
    if run.file_secrets:
        items = [{"key": bundle.secret(plan, name), "path": name} for name, _ in run.file_secrets]
        # 288 is 0440: for the user and the group of the program.
        yield {"name": "secrets", "secret": {"secretName": names.secrets, "defaultMode": 288, "items": items}}


def _mounts(run: RunPlan, names: Names) -> Iterator[Data]:
    for mount in run.mounts:
        if mount.type != "tmpfs":
            found: dict[str, Data] = {"name": _volume(names.claim(mount)), "mountPath": mount.target}
            yield {**found, "readOnly": True} if mount.read_only else found
    if _shared_memory(run):
        yield {"name": "shared-memory", "mountPath": _SHARED}
    for number, path in enumerate(_memory(run), start=1):
        yield {"name": f"memory-{number}", "mountPath": path}
    if run.file_secrets:
        yield {"name": "secrets", "mountPath": _SECRETS, "readOnly": True}


def _volume(claim: str) -> str:
    """Return the name of a claim's volume in the pod; no other volume of the pod has a name with this prefix."""
    return label(f"claim-{claim}")


def _memory(run: RunPlan) -> tuple[str, ...]:
    mounted = (mount.target for mount in run.mounts if mount.type == "tmpfs")
    return tuple(dict.fromkeys((*mounted, *run.memory_folders)))


def _shared_memory(run: RunPlan) -> str | None:
    """Return the size of the shared memory, or None if the spec mounts something there or gives no size."""
    return None if _SHARED in {*(mount.target for mount in run.mounts), *run.memory_folders} else run.shm_size
