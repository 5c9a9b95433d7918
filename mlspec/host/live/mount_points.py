"""The places in the project's folder that the engine mounts something on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mlspec.host.engine.container_run import calling_user, provide_folder
from mlspec.host.live.ready_image import ReadyImage


def provide_mount_points(ready: ReadyImage, folder: Path) -> tuple[str, ...]:
    """Create the missing places for the caller, and return them: the engine would create them as root."""
    return tuple(_provide_each(ready, folder))


def _provide_each(ready: ReadyImage, folder: Path) -> Iterator[str]:
    for path, is_file in ready.points:
        place = folder / path
        if place.exists():
            continue
        provide_folder(place.parent if is_file else place, calling_user())
        if is_file:
            place.touch()
        yield path
