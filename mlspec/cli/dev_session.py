"""The session of ``mlspec dev``: a container, the files that are watched, and what follows from their changes."""

from __future__ import annotations

import os
import queue
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlspec.cli.dev_image import DevImage
from mlspec.cli.terminal import is_quiet, print_raw_lines, say, show
from mlspec.errors import MlspecError, Problem, ToolError
from mlspec.host.files.scratch import scratch
from mlspec.host.interrupts import received_signal
from mlspec.host.live.live_container import LiveContainer, live_words, patience_of
from mlspec.host.live.watched_files import SelfWrites
from mlspec.host.live.watcher import FileWatcher

if TYPE_CHECKING:
    from mlspec.host.live.watcher import Changes


class _Ended(NamedTuple):
    """The container ended by itself, or the watcher failed with an error."""

    error: Exception | None = None


class DevSession:
    """One run of ``mlspec dev`` on an image; ``restarts`` is whether an edit of the code restarts it."""

    def __init__(self, image: DevImage, arguments: Sequence[str], *, restarts: bool) -> None:
        self._image = image
        self._arguments = tuple(arguments)
        self._restarts = restarts
        self._events: queue.SimpleQueue[_Ended | Changes] = queue.SimpleQueue()
        self._writes = SelfWrites()
        self._is_busy = False
        self._started = 0.0
        self._container: LiveContainer | None = None
        self._cidfile = Path()

    def run(self) -> int:
        """Run the program until it is interrupted, and return its exit code.

        Raises SpecError or ToolError if it cannot start at all.
        """
        self._image.prepare()
        with scratch() as folder, _kept_terminal():
            self._cidfile = folder / "container"
            watcher = FileWatcher(
                self._image.ready.files, self._events.put, lambda error: self._events.put(_Ended(error))
            )
            try:
                self._start()
                with print_raw_lines():
                    return self._follow(watcher)
            except KeyboardInterrupt:
                if self._container is None:
                    raise
                # A second signal would stop the cleanup, so it is ignored: see mlspec.host.interrupts.
                code = self._container.end(received_signal(), patience_of(self._image.ready.prepared) + 2)
                return code if code >= 0 else 128 - code
            finally:
                watcher.end()
                if self._container:
                    self._container.remove()

    def _start(self) -> None:
        image = self._image
        words = live_words(image.ready.prepared, self._arguments, image.folder, tells=not is_quiet())
        self._started = time.monotonic()
        self._container = LiveContainer(words, image.folder, image.environment, self._cidfile, self._note_end)

    def _note_end(self) -> None:
        self._events.put(_Ended())
        if self._is_busy:
            # A lock or a build is in progress, and the user has ended the program in its terminal.
            os.kill(os.getpid(), signal.SIGINT)

    def _follow(self, watcher: FileWatcher) -> int:
        while True:
            event = self._events.get()
            if not isinstance(event, _Ended):
                self._act(event, watcher)
            elif event.error:
                raise ToolError(_unwatchable(event.error))
            elif self._container and self._container.is_lost:
                self._container.remove()
                self._start()
            elif self._container and (code := self._container.code) is not None:
                return code if code >= 0 else 128 - code

    def _act(self, changes: Changes, watcher: FileWatcher) -> None:
        """Restart the program after these changes, or lock and build first."""
        files = self._image.ready.files
        kinds: dict[str, set[str]] = {}
        for change, path in changes:
            name = files.name_of(path)
            if name not in self._writes.learned:
                kinds.setdefault(files.kind_of(change, path), set()).add(name)
        inputs = sorted({*kinds.get("input", ()), *kinds.get("sources", ())})
        is_renewed = bool(inputs) and self._renew(inputs, always=bool(kinds.get("sources")))
        if self._image.ready.files is not files:
            watcher.replace(self._image.ready.files)
        if is_renewed:
            return
        if code := sorted(kinds.get("code", ())):
            self._restart(code)

    def _restart(self, names: Sequence[str]) -> None:
        assert self._container  # noqa: S101 - the session has started it
        for name in self._writes.learn(names, time.monotonic() - self._started):
            say(f"{name} changes at the same time in each run, so the program writes it: it restarts nothing any more")
        names = [name for name in names if name not in self._writes.learned]
        if not names:
            return
        if self._restarts:
            say(f"{_list_names(names)} changed: starting again")
        if self._image.ready.mounts_files and self._restarts:
            self._replace()
            return
        self._started = time.monotonic()
        self._container.restart(only_ended=not self._restarts)

    def _renew(self, names: Sequence[str], *, always: bool) -> bool:
        """Lock and build if that is needed, and replace the container; return whether it was replaced."""
        assert self._container  # noqa: S101 - the session has started it
        self._is_busy = True
        try:
            done = self._image.renew(always=always)
        except MlspecError as error:
            for problem in error.problems:
                show(problem)
            say("the program goes on as it was; the next edit tries again")
            return False
        finally:
            self._is_busy = False
        if not done:
            return False
        say(f"{_list_names(names)} changed: {done}; starting again")
        self._replace()
        return True

    def _replace(self) -> None:
        """Start another container in place of this one."""
        assert self._container  # noqa: S101 - the session has started it
        self._container.end(signal.SIGTERM, patience_of(self._image.ready.prepared) + 2)
        self._start()


def _list_names(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{names[0]} and {len(names) - 1} more"


def _unwatchable(error: Exception) -> Problem:
    hint = "watch by polling: WATCHFILES_FORCE_POLLING=true mlspec dev"
    return Problem(code="MLS585", message=f"the files of the project cannot be watched: {error}", hint=hint)


@contextmanager
def _kept_terminal() -> Iterator[None]:
    """Restore the settings of the terminal at the end: a killed ``docker run`` leaves it in raw mode."""
    try:
        import termios
    except ImportError:  # Windows
        yield
        return
    before = None
    with suppress(OSError, ValueError, termios.error):
        before = termios.tcgetattr(0)
    try:
        yield
    finally:
        if before is not None:
            with suppress(OSError, termios.error):
                termios.tcsetattr(0, termios.TCSADRAIN, before)
