"""The values of a spec that make no sense in a cluster, where a program may run on any machine."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlspec.errors import Problem, quote_value

if TYPE_CHECKING:
    from mlspec.spec.spec import Image

# Folders of a machine's system; no part of /dev and /run is a folder of data.
_OF_THE_SYSTEM = ("/dev", "/proc", "/sys", "/run", "/var/run", "/etc")
_WITHOUT = "or leave kubernetes out of targets"


def refusals(image: Image) -> Iterator[Problem]:
    """Yield the problems of an image for a cluster."""
    yield from _gpus(image)
    for index, mount in enumerate(image.settings.mounts):
        if mount.type == "bind" and (why := _is_no_claim(mount.source, mount.target)):
            message = f"{quote_value(mount.source)} cannot be a storage claim in a cluster: {why[0]}"
            yield image.problem("MLS137", message, f"{why[1]}; {_WITHOUT}", "mounts", index)


def _gpus(image: Image) -> Iterator[Problem]:
    settings, gpus = image.settings, image.settings.gpus
    if gpus is None and settings.accelerator.is_cpu:
        return
    message, path = "a cluster assigns a number of GPUs, but this asks for all", "gpus" if gpus else "accelerator"
    if gpus and gpus.device_ids:
        message = "a cluster assigns a number of GPUs, and chooses the devices itself"
    if gpus is None or not isinstance(gpus.count, int):
        yield image.problem("MLS136", message, f"say how many, such as: gpus: 1; {_WITHOUT}", path)


def _is_no_claim(source: str, target: str) -> tuple[str, str] | None:
    """Return the reason why a path of the host cannot be storage of a cluster, and a hint; None if it can be."""
    path = posixpath.normpath(source.replace("\\", "/"))
    if path in {".", "~", "/"} or path.endswith(".."):
        return "it contains the project, or a whole host", "name a folder below it that contains data"
    if any(path == folder or path.startswith(f"{folder}/") for folder in _OF_THE_SYSTEM) or path.endswith(".sock"):
        return "it belongs to the system of a host", "remove it"
    ending = posixpath.splitext(path)[1]
    if ending and ending == posixpath.splitext(target)[1]:
        return "it is one file", "copy it into the image, or name it as a secret, secrets: {NAME: {file: PATH}}"
    return None
