"""The devices, groups, processors and memory that a container gets from the host."""

from __future__ import annotations

import re
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


def read_amount(source: ImportSource, number: int, text: str, name: str, amount: str) -> LineVerdict:
    """Return the verdict on a number of processors or a size of memory, in the notation of Docker or of a cluster."""
    key = "memory" if name.startswith("mem") else "cpus"
    value = _convert_memory(amount) if key == "memory" else _convert_cpus(amount)
    if not value:
        return source.lose(number, text, f"{amount} is no amount that a spec can have")
    if value == amount:
        return source.carry(number, text, "resources", (key, value))
    return source.change(number, text, "resources", (key, value), "in the notation of Docker")


def _convert_memory(amount: str) -> str:
    # Units of Docker are powers of 1024; those of a cluster without an i are of 1000: the difference is small.
    found = re.fullmatch(r"(\d+)\s*([kmgt])?(?:i|ib|b)?", amount.strip().lower())
    return f"{found[1]}{found[2] or ''}b" if found else ""


def _convert_cpus(amount: str) -> str:
    if found := re.fullmatch(r"(\d+)m", amount.strip()):
        return f"{int(found[1]) / 1000:g}"
    return amount.strip() if re.fullmatch(r"\d+(?:\.\d{1,3})?", amount.strip()) else ""
