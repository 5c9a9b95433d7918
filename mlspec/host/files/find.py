"""Search for the specs of a command, with almost no imports, for a quick start."""

from __future__ import annotations

import os
import stat

from mlspec.host.files.bounded import read_beginning
from mlspec.spec.banner import MARK
from mlspec.spec.targets import TARGETS

TYPE_CHECKING = False  # typing alone would take longer than all of this
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SPEC_NAMES = ("mlspec.yaml", "mlspec.yml")
GENERATED_NAMES = tuple(target.file for target in TARGETS.values() if target.file.endswith((".yaml", ".yml")))
"""Endings of the generated files that are YAML, as specs are."""

_FIRST_LINE = 4_000


def find_specs(paths: Iterable[str] = ()) -> list[str]:
    """Return the specs that ``paths`` name; without paths, the specs of the current folder.

    The specs of the current folder are its ``mlspec.yaml``, or every spec below ``specs/``, or the nearest
    ``mlspec.yaml`` in a folder above. A folder in ``paths`` stands for its ``mlspec.yaml``. Raises FileNotFoundError if
    there is no spec; its argument is the folder, or the empty string for the current folder.
    """
    if named := [_spec(path) for path in paths]:
        return named
    here = [name for name in SPEC_NAMES if os.path.isfile(name)]
    found = here[:1] or sorted(_below("specs"), key=lambda path: path.split("/")) or _nearest_above()
    if not found:
        raise FileNotFoundError("")
    return found


def is_above(spec: str) -> bool:
    """Return whether the path of a spec leads to a folder above the current folder."""
    return spec.replace(os.sep, "/").startswith("../")


def _nearest_above() -> list[str]:
    """Return the spec in the nearest folder above that has a spec, up to the root of the git repository.

    The search ends at a folder of another owner, as in git since 2.35.2 (CVE-2022-24765), and at a folder such as /tmp,
    to which everybody may write: the spec of a stranger must not choose the programs that a user's command runs.
    """
    try:
        owner, folder = os.stat(".").st_uid, ""
        while not os.path.exists(os.path.join(folder, ".git")) and not _is_root(folder):
            folder = os.path.join("..", folder)
            if not _is_trusted(folder, owner):
                return []
            if found := [path for name in SPEC_NAMES if os.path.isfile(path := f"{folder}{name}")]:
                return found[:1]
    except OSError:  # the current folder is gone, or a folder above cannot be read
        return []
    return []


def _is_trusted(folder: str, owner: int) -> bool:
    found = os.stat(folder)
    return found.st_uid == owner and not found.st_mode & stat.S_IWOTH


def _is_root(folder: str) -> bool:
    here = folder or "."
    return os.path.samefile(here, os.path.join(here, ".."))


def _spec(path: str) -> str:
    if not os.path.isdir(path):
        return path
    inside = [place for name in SPEC_NAMES if os.path.isfile(place := os.path.join(path, name))]
    if not inside:
        raise FileNotFoundError(path)
    return inside[0]


def _below(folder: str) -> Iterator[str]:
    # Directly in specs/, every YAML file is a spec. In deeper folders, programs keep YAML of their own: there, only a
    # file with the name of a spec counts.
    folders, files = _entries(folder, follows=True)
    yield from (name for name in files if name.endswith((".yaml", ".yml")) and not is_generated(name))
    while folders:
        deeper, files = _entries(folders.pop(), follows=False)
        yield from (name for name in files if name.rpartition("/")[2] in SPEC_NAMES)
        folders += deeper


def is_generated(path: str) -> bool:
    """Return whether mlspec generated a YAML file from a spec; its name and its first line decide."""
    if not path.endswith(GENERATED_NAMES):
        return False
    try:
        return MARK.encode() in read_beginning(path, _FIRST_LINE).partition(b"\n")[0]
    except OSError:
        return False


def _entries(folder: str, *, follows: bool) -> tuple[list[str], list[str]]:
    """Return the folders and the files in a folder; ``follows`` counts a link to a folder as a folder.

    Links may form a circle.
    """
    try:
        with os.scandir(folder) as entries:
            found = [(f"{folder}/{entry.name}", entry.is_dir(follow_symlinks=follows)) for entry in entries]
    except OSError:
        return [], []
    return [path for path, is_folder in found if is_folder], [path for path, is_folder in found if not is_folder]
