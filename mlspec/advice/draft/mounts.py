"""The mounts and the environment file of a first spec."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mlspec.advice.draft.entry import Entrypoint
from mlspec.advice.draft.folder import Choice, DraftOptions, Folder
from mlspec.advice.draft.result_mounts import find_lost, note_files
from mlspec.advice.draft.scripts import Script, is_tool
from mlspec.spec.values import slug

_DATA_FOLDERS = ("data", "datasets", "models", "checkpoints", "outputs")
_VARIABLES = re.compile(r"\bos\.environ\b|\bgetenv\(|\bload_dotenv\b|\bBaseSettings\b|\benviron\[")


def find_mounts(
    folder: Folder, scripts: Iterable[Script], entry: Entrypoint, wanted: DraftOptions, home: str = "/app"
) -> Iterator[Choice]:
    """Yield the mounts: those of the caller, or folders for data, notebooks and results.

    A folder or file that is not mounted gets a note with the reason.
    """
    if wanted.mounts:
        yield Choice("mounts", wanted.mounts, "your choice")
        return
    if whole := [mount for mount in entry.mounts if mount.endswith(f":{home}")]:
        yield Choice("mounts", tuple(whole), "notebooks, and all files saved beside them, stay on this machine")
        return
    there = [name for name in _DATA_FOLDERS if name in folder.folders]
    code = [name for name in there if any(path.startswith(f"{name}/") for path in folder.texts)]
    kept = [name for name in there if name not in code]
    notebooks = {script.path.partition("/")[0] for script in scripts if script.is_notebook and "/" in script.path}
    saved = [name for name in sorted(notebooks) if name not in there and not _holds_code(folder, name)]
    mounted = list(dict.fromkeys((*(f"./{name}:{home}/{name}" for name in (*kept, *saved)), *entry.mounts)))
    reasons = ["data folders: mounted for the program, not copied into the image"] if mounted else []
    reasons += ["notebooks are saved there too"] if saved or entry.mounts else []
    lost = find_lost(folder, entry, mounted, home)
    reasons += [f"{results[0].place} writes to {name}" for name, results in lost.items() if name]
    mounted += [f"./{name}:{home}/{name}" for name in lost if name]
    if mounted:
        yield Choice("mounts", tuple(mounted), "; ".join(reasons))
    yield from note_files(lost, home)
    for name in code:
        if f"./{name}:{home}/{name}" not in mounted:
            yield Choice("", f"{name}/ as a mount", "it contains code, so mlspec copies it into the image")


def _holds_code(folder: Folder, name: str) -> bool:
    # The short form of a mount cannot hold a name with special characters.
    is_plain = slug(name) == name
    return not is_plain or any(path.startswith(f"{name}/") and path.endswith(".py") for path in folder.texts)


def find_env_file(folder: Folder, scripts: Iterable[Script]) -> Iterator[Choice]:
    """Yield the environment file ``.env`` if the code reads variables, or else a note about the file."""
    if ".env" not in folder.files:
        return
    own = (script for script in scripts if not is_tool(script.path))
    if reader := next((script.path for script in own if _VARIABLES.search(script.text)), ""):
        yield Choice("env_file", (".env",), f"{reader} reads variables, and the image does not contain this file")
    else:
        why = "the image does not contain it; if the program needs its variables, write: env_file: .env"
        yield Choice("", ".env", why)
