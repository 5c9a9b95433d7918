"""The options of ``podman run`` that differ from those of ``docker run``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlspec.plan.run import RunPlan
    from mlspec.spec.nested_keys import Gpus

_ALL = "nvidia.com/gpu=all"


def list_podman_options(plan: RunPlan) -> Iterator[tuple[str, ...]]:
    """Yield the options that replace those for GPUs and groups, and the one that opens mounts under SELinux."""
    has_nvidia = bool(plan.gpus and plan.wants_nvidia)
    if has_nvidia or _has_binds(plan) or plan.devices:
        # Podman's containers are confined by SELinux on Fedora and its relatives; relabelling would change the files.
        yield ("--security-opt", "label=disable")
    if plan.gpus and has_nvidia and plan.gpus.driver != "cdi":
        yield from (("--device", name) for name in cdi_names(plan.gpus))
    if plan.devices:
        # A rootless container cannot join a group by its number; crun can leave it in the groups of the caller.
        yield ("--group-add", "keep-groups")


def list_rootless_options(plan: RunPlan) -> Iterator[tuple[str, ...]]:
    """Yield the option that gives the files on mounts to the calling user, without root.

    Podman maps only root to the caller by default: https://docs.podman.io/en/latest/markdown/podman-run.1.html
    """
    if plan.as_caller:
        yield ("--userns", "keep-id")
    elif _has_binds(plan) and plan.user != "0:0":
        uid, _, gid = plan.user.partition(":")
        yield ("--userns", f"keep-id:uid={uid},gid={gid}")


def _has_binds(plan: RunPlan) -> bool:
    return bool(plan.file_secrets) or any(mount.type == "bind" for mount in plan.mounts)


def cdi_names(gpus: Gpus) -> tuple[str, ...]:
    """Return the names of GPUs in the Container Device Interface, as the NVIDIA Container Toolkit gives them."""
    if gpus.device_ids:
        return tuple(f"nvidia.com/gpu={name}" for name in gpus.device_ids)
    if isinstance(gpus.count, int):
        return tuple(f"nvidia.com/gpu={number}" for number in range(gpus.count))
    return (_ALL,)
