"""The files whose change restarts the program or leads to a build: inputs of mlspec, and the code of an image."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from watchfiles import Change, DefaultFilter

from mlspec.plan.nested_paths import is_within
from mlspec.targets.ignore_patterns import Patterns

Kind = Literal["", "input", "sources", "code"]
"""What a change is about: nothing, an input of mlspec, what a build of the project reads, or the code."""

# Modules that Python imports without a build.
_IMPORTED = (".py", ".so", ".pyd")
_COMPILED = (".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".pyx", ".pxd", ".pxi", ".cu", ".cuh")
# Files that programs write beside their code, as in advice/behaviour/written_paths.py.
_WRITTEN = (".log", ".lock", ".pid", ".sock", ".socket", ".tmp")
# Vim creates this file to find out whether it may write to a folder.
_OF_EDITORS = frozenset({"4913"})
_MAX_FOLDERS = 20_000


@dataclass(frozen=True, kw_only=True)
class WatchedFiles:
    """The files to watch for one image, with absolute paths and with paths from the spec's ``folder``.

    ``places`` are the mounted folders. ``inputs`` are the files that the lock and the generated files follow from.
    ``written`` are files and folders that the program writes, as far as its code shows. ``has_project`` tells whether
    the image installs the project, and ``compiled`` are the folders of it that are compiled. ``known`` are the files
    that were there when the program started.
    """

    folder: Path
    patterns: Patterns
    places: tuple[str, ...]
    inputs: frozenset[str]
    written: tuple[str, ...] = ()
    has_project: bool = False
    compiled: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()
    _of_tools: DefaultFilter = field(default_factory=DefaultFilter)

    def kind_of(self, change: Change, path: str) -> Kind:
        """Return what a change is about.

        A new file counts if Python can import it. Of any other new file, nobody knows whether the program wrote it.
        """
        if path in self.inputs:
            return "input"
        name = self.name_of(path)
        if not self._is_code(change, path, name):
            return ""
        # An editor that replaces a file adds it again under its name.
        is_new = path not in self.known
        is_gone = change is Change.deleted and not Path(path).exists()
        if self.has_project and name.endswith(".py") and (is_new or is_gone):
            return "sources"
        if name.endswith(_COMPILED) and any(is_within(name, place) for place in self.compiled):
            return "sources"
        return "" if is_new and not name.endswith(_IMPORTED) else "code"

    def _is_code(self, change: Change, path: str, name: str) -> bool:
        if posixpath.basename(name) in _OF_EDITORS or name.endswith(_WRITTEN) or not self._of_tools(change, path):
            return False
        if not any(is_within(name, place) for place in self.places) or self.patterns.leaves_out(name):
            return False
        return not any(is_within(name, place) for place in self.written)

    def name_of(self, path: str) -> str:
        """Return a path from the spec's folder, with slashes."""
        return Path(os.path.relpath(path, self.folder)).as_posix()

    def list_folders(self) -> tuple[Path, ...]:
        """Return the folders to watch, without those below them: what the ignore file leaves out is not watched."""
        found = dict.fromkeys(Path(path).parent for path in self.inputs)
        for place in self.places:
            if (self.folder / place).is_dir():
                found |= dict.fromkeys(self._walk(place))
            else:
                found[(self.folder / place).parent.resolve()] = None
        return tuple(path for path in found if path.is_dir())

    def list_files(self) -> frozenset[str]:
        """Return the files in the watched folders, with absolute paths."""
        return frozenset(
            entry.path for folder in self.list_folders() for entry in os.scandir(folder) if entry.is_file()
        )

    def _walk(self, place: str) -> Iterator[Path]:
        for number, (folder, names, _) in enumerate(os.walk((self.folder / place).resolve())):
            above = self.name_of(folder)
            names[:] = sorted(name for name in names if not self.is_skipped(posixpath.normpath(f"{above}/{name}")))
            if number == _MAX_FOLDERS:
                return
            yield Path(folder)

    def is_skipped(self, name: str) -> bool:
        """Tell whether no file below a folder counts."""
        return self.patterns.hides(name) or posixpath.basename(name) in self._of_tools.ignore_dirs


@dataclass
class SelfWrites:
    """Files that the program itself writes in each run, at about the same time after its start.

    Nobody saves a file three times in a row with the same delay.
    """

    delays: dict[str, list[float]] = field(default_factory=dict)
    learned: set[str] = field(default_factory=set)

    def learn(self, paths: Iterable[str], delay: float) -> tuple[str, ...]:
        """Note the files that led to a restart ``delay`` seconds after the start; return those learned now."""
        now = {path: [*self.delays.get(path, []), delay][-3:] for path in paths if not path.endswith(_IMPORTED)}
        self.delays = now
        found = tuple(path for path, delays in now.items() if len(delays) == 3 and _agree(delays))
        self.learned.update(found)
        return found


def _agree(delays: list[float]) -> bool:
    return max(delays) - min(delays) <= 0.5 + 0.2 * min(delays)
