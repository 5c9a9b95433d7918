"""The folders of this machine that a first spec mounts, and the file of variables that it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mlspec.advice.draft.entry import Entrypoint
from mlspec.advice.draft.folder import Choice, DraftOptions, Folder
from mlspec.advice.draft.result_mounts import find_lost, note_files
from mlspec.advice.draft.scripts import Script, is_tool
from mlspec.spec import values as syntax

_DATA_FOLDERS = ("data", "datasets", "models", "checkpoints", "outputs")
_VARIABLES = re.compile(r"\bos\.environ\b|\bgetenv\(|\bload_dotenv\b|\bBaseSettings\b|\benviron\[")


def find_mounts(
    folder: Folder, scripts: Iterable[Script], entry: Entrypoint, wanted: DraftOptions, home: str = "/app"
) -> Iterator[Choice]:
    """Yield the mounts: as asked, or folders for data and for notebooks, and why others are none."""
    if wanted.mounts:
        yield Choice("mounts", wanted.mounts, "as asked")
        return
    if whole := [mount for mount in entry.mounts if mount.endswith(f":{home}")]:
        yield Choice("mounts", tuple(whole), "notebooks, and all that is saved beside them, stay on this machine")
        return
    there = [name for name in _DATA_FOLDERS if name in folder.folders]
    code = [name for name in there if any(path.startswith(f"{name}/") for path in folder.texts)]
    kept = [name for name in there if name not in code]
    notebooks = {script.path.partition("/")[0] for script in scripts if script.is_notebook and "/" in script.path}
    saved = [name for name in sorted(notebooks) if name not in there and not _holds_code(folder, name)]
    mounted = list(dict.fromkeys((*(f"./{name}:{home}/{name}" for name in (*kept, *saved)), *entry.mounts)))
    reasons = ["folders for data: seen by the program, and left out of the image"] if mounted else []
    reasons += ["notebooks are saved there, too"] if saved or entry.mounts else []
    lost = find_lost(folder, entry, mounted, home)
    reasons += [f"{results[0].place} writes to {name}" for name, results in lost.items() if name]
    mounted += [f"./{name}:{home}/{name}" for name in lost if name]
    if mounted:
        yield Choice("mounts", tuple(mounted), "; ".join(reasons))
    yield from note_files(lost, home)
    for name in code:
        if f"./{name}:{home}/{name}" not in mounted:
            yield Choice("", f"{name}/ as a mount", "it holds code, so it is copied into the image like the rest")


def _holds_code(folder: Folder, name: str) -> bool:
    # A name that is not plain could not stand in the short form of a mount.
    is_plain = syntax.slug(name) == name
    return not is_plain or any(path.startswith(f"{name}/") and path.endswith(".py") for path in folder.texts)


def find_env_file(folder: Folder, scripts: Iterable[Script]) -> Iterator[Choice]:
    """Yield the file of variables that the code needs; one that it seems not to need is named."""
    if ".env" not in folder.files:
        return
    own = (script for script in scripts if not is_tool(script.path))
    if reader := next((script.path for script in own if _VARIABLES.search(script.text)), ""):
        yield Choice("env_file", (".env",), f"{reader} reads variables, and no image has this file")
    else:
        why = "no image has it; where the program needs its variables, write: env_file: .env"
        yield Choice("", ".env", why)
