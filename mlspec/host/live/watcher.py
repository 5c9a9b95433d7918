"""A thread that watches files and passes on their changes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from watchfiles import Change, watch

from mlspec.host.live.watched_files import WatchedFiles

Changes = frozenset[tuple[Change, str]]

# Milliseconds. A burst of saves, such as a checkout by git, ends when nothing changes for a step.
_STEP, _LONGEST, _WAIT = 50, 1600, 300


class FileWatcher:
    """A thread that calls ``put`` with the changes of the files in ``files``, which may be replaced."""

    def __init__(self, files: WatchedFiles, put: Callable[[Changes], None], fail: Callable[[Exception], None]) -> None:
        self._files, self._put, self._fail = files, put, fail
        self._is_over = False
        self._stop = threading.Event()
        self._seen = {path: _mark(path) for path in files.list_files()}
        threading.Thread(target=self._run, daemon=True).start()

    def replace(self, files: WatchedFiles) -> None:
        """Watch other files from now on."""
        self._files = files
        self._stop.set()

    def end(self) -> None:
        """End the thread."""
        self._is_over = True
        self._stop.set()

    def _run(self) -> None:
        try:
            while not self._is_over:
                self._stop = threading.Event()
                self._watch()
        except Exception as error:
            self._fail(error)

    def _watch(self) -> None:
        # Folder by folder: a watch on whole trees would include environments and data, and reach the kernel's limit.
        folders = self._files.list_folders()
        known = set(map(str, folders))
        found = watch(
            *folders,
            watch_filter=None,
            debounce=_LONGEST,
            step=_STEP,
            stop_event=self._stop,
            rust_timeout=_WAIT,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
            ignore_permission_denied=True,
        )
        is_first = True
        for changes in found:
            self._pass_on(changes)
            if is_first:
                # What changed while nothing was watched.
                self._pass_on(self._compare())
                is_first = False
            if any(self._is_folder_change(change, path, known) for change, path in changes):
                return

    def _pass_on(self, changes: Iterable[tuple[Change, str]]) -> None:
        files = frozenset((change, path) for change, path in changes if not Path(path).is_dir())
        for _, path in files:
            self._seen[path] = _mark(path)
        if files:
            self._put(files)

    def _compare(self) -> Iterator[tuple[Change, str]]:
        """Yield the changes since the watched files were last seen."""
        now = {path: _mark(path) for path in self._files.list_files()}
        for path in {*now, *self._seen}:
            before, after = self._seen.get(path), now.get(path)
            if before != after:
                yield Change.deleted if not after else Change.modified if before else Change.added, path

    def _is_folder_change(self, change: Change, path: str, known: set[str]) -> bool:
        """Tell whether a change makes or removes a folder with files that may count."""
        if change is Change.deleted:
            return path in known
        is_new = change is Change.added and Path(path).is_dir()
        return is_new and not self._files.is_skipped(self._files.name_of(path))


def _mark(path: str) -> tuple[int, ...] | None:
    """Return a mark that differs after each write of a file; None without a file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a text, as the watcher has it
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
