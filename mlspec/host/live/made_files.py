"""Files that a build made among the project's files: a mount of the project hides them."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator
from pathlib import Path

from mlspec.errors import Problem
from mlspec.host.command_output import read_output
from mlspec.plan.live import LiveFolder
from mlspec.plan.plan import Plan
from mlspec.spec.spec import Image
from mlspec.targets.run_caller import EngineName

# The copied code has this date in every image, and a file that a step of the build wrote has a later one.
_AFTER_THE_CODE = "@315619201"


def list_made_files(plan: Plan, folders: Collection[LiveFolder], engine: EngineName) -> tuple[str, ...]:
    """Return the paths in the image of the files that its build made in the places of ``folders``."""
    if not (plan.has_steps or plan.compiled_stage):
        return ()
    made = ("(", "-newermt", _AFTER_THE_CODE, "-o", "-name", "*.so", ")")
    words = ("find", plan.image, *(one.target for one in folders), "-type", "f", *made)
    found = read_output(engine, "run", "--rm", "--network", "none", "--pull", "never", "--entrypoint", *words)
    return tuple(sorted(line for line in (found or "").splitlines() if "/__pycache__/" not in line))


def split_folders(folder: Path, folders: Collection[LiveFolder], modules: Collection[str]) -> tuple[LiveFolder, ...]:
    """Return folders and files to mount in place of ``folders``, so that compiled ``modules`` of the image stay seen.

    A folder that has such a module in it stays the image's own, and its entries are mounted one by one.
    """
    return tuple(part for one in folders for part in _split(folder, one, modules))


def _split(folder: Path, one: LiveFolder, modules: Collection[str]) -> Iterator[LiveFolder]:
    if not any(module.startswith(f"{one.target.rstrip('/')}/") for module in modules):
        if one.target not in modules:
            yield one
        return
    for entry in sorted((folder / one.path).iterdir()):
        if entry.name != "__pycache__" and (entry.is_file() or entry.is_dir()):
            part = LiveFolder(posixpath.join(one.path, entry.name), posixpath.join(one.target, entry.name))
            yield from _split(folder, part, modules)


def find_hidden_files(
    image: Image, folder: Path, folders: Collection[LiveFolder], made: Collection[str]
) -> list[Problem]:
    """Return a warning if the mounted ``folders`` hide files that steps of the build ``made``."""
    hidden = [path for path in made if _is_hidden(path, folder, folders)]
    steps = [number for number, step in enumerate(image.settings.run) if step.at != "before_install"]
    if not hidden or not steps:
        return []
    names = f"{hidden[0]}{f' and {len(hidden) - 1} more files' if len(hidden) > 1 else ''}"
    message = f"the build wrote {names}, which the mount of the project hides"
    hint = "write it outside of working_dir, such as to /opt/data; or run the step in the project, too"
    return [image.warning("MLS586", message, hint, "run", steps[-1])]


def _is_hidden(path: str, folder: Path, folders: Collection[LiveFolder]) -> bool:
    for one in folders:
        if path.startswith(f"{one.target.rstrip('/')}/"):
            return not (folder / one.path / posixpath.relpath(path, one.target)).exists()
    return False
