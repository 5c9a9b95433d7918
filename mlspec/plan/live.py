"""The run of an image with the folders of the project in place of their copies, for ``mlspec dev``."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from mlspec.plan.folders import VENV
from mlspec.plan.nested_paths import list_outer
from mlspec.plan.plan import Plan
from mlspec.plan.run import RunPlan
from mlspec.spec.nested_keys import Mount
from mlspec.spec.spec import Image


@dataclass(frozen=True, slots=True)
class LiveFolder:
    """A folder or a file of the project: its path from the spec's folder, and its place in the image."""

    path: str
    target: str


def list_live_folders(plan: Plan) -> tuple[LiveFolder, ...]:
    """Return the folders of the project that have a place in the image, without those that a mount covers."""
    covered = [mount.target for mount in plan.run.mounts]
    paths = (path for path in plan.code.outside if not path.endswith(".whl"))
    found = (LiveFolder(path, _join(plan.container.working_dir, path)) for path in list_outer((".", *paths)))
    return tuple(one for one in found if not any(_is_within(one.target, target) for target in covered))


def hides_packages(folder: LiveFolder) -> bool:
    """Tell whether a mount on the place of a folder would hide the installed packages."""
    return _is_within(VENV, folder.target)


def plan_live_run(image: Image, plan: Plan, folders: Collection[LiveFolder]) -> RunPlan:
    """Return the run of an image with ``folders`` mounted: as the caller, who owns what the program writes there."""
    mounts = (
        Mount.model_construct(type="bind", source=one.path, target=one.target, read_only=plan.run.read_only)
        for one in folders
    )
    return replace(
        plan.run,
        mounts=(*mounts, *plan.run.mounts),
        as_caller=plan.run.as_caller or "user" not in image.settings.model_fields_set,
    )


def list_mount_points(run: RunPlan, folders: Collection[LiveFolder]) -> Iterator[tuple[str, Mount | None]]:
    """Yield the places in ``folders`` that the engine mounts something on, as paths from the spec's folder.

    A place comes with its mount, or with None for a folder in memory.
    """
    targets = [(mount.target, mount) for mount in run.mounts]
    memory = [(entry.partition(":")[0], None) for entry in run.memory_folders]
    for target, mount in (*targets, *memory):
        for one in folders:
            if target != one.target and _is_within(target, one.target):
                yield posixpath.normpath(posixpath.join(one.path, posixpath.relpath(target, one.target))), mount


def _is_within(path: str, folder: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")


def _join(working_dir: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(working_dir, path))
