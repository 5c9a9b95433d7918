"""The search for folders to mount, so that the files of a program outlast its container."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from mlspec.advice.behaviour.written_paths import WrittenPath


def group_lost_paths(
    results: Iterable[WrittenPath], kept_below: Collection[str], copied: Collection[str]
) -> Mapping[str, Sequence[WrittenPath]]:
    """Return the results that are lost with the container, by the folder to mount.

    Results that no mount can keep are under "". ``kept_below`` are the folders of the mounts, and ``copied`` are the
    files in the image, all relative to the working directory.
    """
    lost: dict[str, list[WrittenPath]] = {}
    for result in results:
        is_there = any(path == result.path or path.startswith(f"{result.path}/") for path in copied)
        is_kept = "" in kept_below or any(f"{result.path}/".startswith(f"{folder}/") for folder in kept_below)
        # The image may already have an opened file, or a folder that is made if missing: the program may only read it.
        if not is_kept and not (is_there and (result.opens or result.is_made)):
            lost.setdefault(_folder_to_mount(result, copied), []).append(result)
    return lost


def _folder_to_mount(result: WrittenPath, copied: Collection[str]) -> str:
    """Return the highest folder above a result that holds no code: a mount would hide the code."""
    folder = ""
    for part in result.folder.split("/") if result.folder else ():
        folder = f"{folder}/{part}" if folder else part
        if "*" in part:
            return ""
        if not any(path.startswith(f"{folder}/") and path.endswith((".py", ".sh")) for path in copied):
            return folder
    return ""
