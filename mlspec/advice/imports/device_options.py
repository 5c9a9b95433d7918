"""The devices and groups that a container gets from the host: those of GPUs have keys in a spec, others have none."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.advice.imports.verdicts import ImportSource, LineVerdict


def read_device(source: ImportSource, number: int, text: str, device: str) -> Iterator[LineVerdict]:
    """Yield the verdict on a device, such as ``/dev/kfd``.

    Containers of ROCm take /dev/kfd, /dev/dri and the groups video and render
    (https://rocm.docs.amd.com/projects/install-on-linux/en/latest/how-to/docker.html).
    """
    path = device.strip("\"'").split(":")[0]
    if path == "/dev/kfd":
        yield source.carry(number, text, "gpus", "all")
        yield source.carry(number, text, "accelerator", "rocm")
    elif path == "/dev/dri" or path.startswith("/dev/dri/"):
        yield source.guess(number, text, "accelerator", "rocm", "AMD GPUs need these devices")
    elif "=" in path:
        yield source.doubt(number, text, "gpus", f'write: gpus: {{driver: cdi, device_ids: ["{path}"]}}')
    else:
        yield source.lose(number, text, "a spec has no devices except gpus")


def read_group(source: ImportSource, number: int, text: str, group: str) -> Iterator[LineVerdict]:
    """Yield the verdict on a group that the user of a container is in besides its own."""
    if group.strip("\"'") in {"video", "render"} or "RENDER" in group:
        yield source.carry(number, text, why="accelerator: rocm adds the groups of AMD GPUs")
    else:
        yield source.lose(number, text, "a spec has only the group in user: UID:GID")
