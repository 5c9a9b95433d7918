"""Find the specs that a command is about, without any import but ``os``."""

from __future__ import annotations

import os

from mlspec.host.files.bounded import read_beginning
from mlspec.spec.banner import MARK
from mlspec.spec.targets import TARGETS

TYPE_CHECKING = False  # typing alone would take longer than all of this
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SPEC_NAMES = ("mlspec.yaml", "mlspec.yml")
GENERATED_NAMES = tuple(target.file for target in TARGETS.values() if target.file.endswith((".yaml", ".yml")))
"""The ends of generated files' names that could be names of specs."""

_FIRST_LINE = 4_000


def find_specs(paths: Iterable[str] = ()) -> list[str]:
    """Return the specs that ``paths`` name; without any, ``mlspec.yaml`` here, or else every spec below ``specs/``.

    A folder stands for the ``mlspec.yaml`` in it. Raises FileNotFoundError with the folder (or nothing, for this one)
    where there is none.
    """
    if named := [_spec(path) for path in paths]:
        return named
    here = [name for name in SPEC_NAMES if os.path.isfile(name)]
    found = here[:1] or sorted(_below("specs"), key=lambda path: path.split("/"))
    if not found:
        raise FileNotFoundError("")
    return found


def _spec(path: str) -> str:
    if not os.path.isdir(path):
        return path
    inside = [place for name in SPEC_NAMES if os.path.isfile(place := os.path.join(path, name))]
    if not inside:
        raise FileNotFoundError(path)
    return inside[0]


def _below(folder: str) -> Iterator[str]:
    # Below specs/ a YAML file is a spec; deeper, where programs keep YAML of their own, only by its name.
    folders, files = _entries(folder, follows=True)
    yield from (name for name in files if name.endswith((".yaml", ".yml")) and not is_generated(name))
    while folders:
        deeper, files = _entries(folders.pop(), follows=False)
        yield from (name for name in files if name.rpartition("/")[2] in SPEC_NAMES)
        folders += deeper


def is_generated(path: str) -> bool:
    """Tell whether a YAML file is no spec but generated from one, by its name and by what it says at its beginning."""
    if not path.endswith(GENERATED_NAMES):
        return False
    try:
        return MARK.encode() in read_beginning(path, _FIRST_LINE).partition(b"\n")[0]
    except OSError:
        return False


def _entries(folder: str, *, follows: bool) -> tuple[list[str], list[str]]:
    """Return the folders and the files in a folder; a link to a folder may lead around in a circle."""
    try:
        with os.scandir(folder) as entries:
            found = [(f"{folder}/{entry.name}", entry.is_dir(follow_symlinks=follows)) for entry in entries]
    except OSError:
        return [], []
    return [path for path, is_folder in found if is_folder], [path for path, is_folder in found if not is_folder]
