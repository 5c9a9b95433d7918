"""The mounts of a first spec that keep the files of the program after its container ends."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence

from mlspec.advice.behaviour import WrittenPath, find_written_paths, read_program
from mlspec.advice.behaviour.lost_paths import group_lost_paths
from mlspec.advice.draft.entry import Entrypoint
from mlspec.advice.draft.folder import Choice, Folder
from mlspec.advice.lint.program_start import start_by
from mlspec.spec.values import slug


def find_lost(
    folder: Folder, entry: Entrypoint, mounts: Collection[str], home: str
) -> Mapping[str, Sequence[WrittenPath]]:
    """Return the paths that the program writes outside of these mounts, by the folder to mount.

    A folder is left out if the short form of a mount cannot hold its name.
    """
    environment: dict[str, str | None] = dict(value.partition("=")[::2] for value in entry.environment)
    if entry.roots:
        environment["PYTHONPATH"] = ":".join(posixpath.join(home, root) for root in entry.roots)
    is_known = ".env" not in folder.files
    start = start_by(_words(entry), environment=environment, is_environment_known=is_known, working_dir=home)
    targets = [mount.split(":")[1] for mount in mounts]
    below = ["" if f"{home}/".startswith(f"{path}/") else posixpath.relpath(path, home) for path in targets]
    # The code may make a folder in case it is missing, so existing folders count as copied.
    there = {*folder.files, *folder.texts, *(f"{name}/." for name in folder.folders)}
    lost = group_lost_paths(find_written_paths(read_program(start, folder.texts)), below, there)
    return {name: found for name, found in lost.items() if not name or all(map(_is_plain, name.split("/")))}


def _is_plain(name: str) -> bool:
    return slug(name) == name


def _words(entry: Entrypoint) -> list[str]:
    value = entry.choice.value
    try:
        return shlex.split(value) if isinstance(value, str) else list(value)
    except ValueError:
        return []


def note_files(lost: Mapping[str, Sequence[WrittenPath]], home: str) -> Iterator[Choice]:
    """Yield notes on files that the program writes beside the code, where no folder can be mounted."""
    for result in lost.get("", ())[:3]:
        name = posixpath.basename(result.path)
        why = f"{result.place} writes it outside of all mounts: write it to outputs/{name}"
        yield Choice("", result.path, f"{why}, and mount ./outputs:{posixpath.join(home, 'outputs')}")
