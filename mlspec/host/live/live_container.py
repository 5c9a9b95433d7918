"""A container with the project mounted, in which the supervisor runs the program."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mlspec.host.engine import docker_answers, engine, podman
from mlspec.host.engine.container_run import caller
from mlspec.host.engine.prepared_run import PreparedRun
from mlspec.host.live import supervisor
from mlspec.targets.run_caller import run_words

# Seconds that a program has to stop before a restart, if the spec gives it no shorter time: nobody waits longer.
_GRACE = 2
# The default of docker stop.
_PATIENCE = 10


class LiveContainer:
    """A running container, and the run command that shows it; ``on_end`` is called when it ends by itself."""

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        identity: Path,
        on_end: Callable[[], None],
    ) -> None:
        identity.unlink(missing_ok=True)
        self._engine = words[0]
        self._identity = identity
        self._on_end = on_end
        self._is_asked = False
        with_identity = (*words[:2], "--cidfile", str(identity), *words[2:])
        self._child = subprocess.Popen(with_identity, cwd=folder, env=dict(environment))
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        self._child.wait()
        if not self._is_asked:
            self._on_end()

    @property
    def code(self) -> int | None:
        """The exit code of the container; None while it runs."""
        return self._child.poll()

    @property
    def is_lost(self) -> bool:
        """Tell whether the run command ended by a signal of a restart that came before it could pass on signals."""
        return self.code in {-supervisor.RESTART, -supervisor.START}

    def restart(self, *, only_ended: bool) -> None:
        """Start the program again; with ``only_ended``, only a program that ended by itself."""
        # Without a container, no program has read the files yet.
        if self._id():
            with contextlib.suppress(OSError):
                self._child.send_signal(supervisor.START if only_ended else supervisor.RESTART)

    def end(self, number: int, patience: float) -> int:
        """End the program by a signal, remove the container, and return the exit code."""
        self._is_asked = True
        try:
            # A terminal has sent its interrupt to docker run, too.
            if self.code is None and not (number == signal.SIGINT and os.isatty(0)):
                self._child.send_signal(number)
            code = self._child.wait(patience)
        except subprocess.TimeoutExpired:
            code = 128 + signal.SIGKILL
        self.remove()
        return code

    def remove(self) -> None:
        """Remove the container if it is still there, and end the run command."""
        self._is_asked = True
        if self.code is None or self.code < 0:
            if identity := self._id():
                subprocess.run((self._engine, "rm", "--force", identity), capture_output=True, check=False)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(_PATIENCE)
            self._child.kill()
            self._child.wait()

    def _id(self) -> str:
        try:
            return self._identity.read_text().strip()
        except OSError:
            return ""


def patience_of(prepared: PreparedRun) -> int:
    """Return the seconds that the program has to stop at the end."""
    found = [int(option[1]) for option in prepared.script.options if option[0] == "--stop-timeout"]
    return found[0] if found else _PATIENCE


def live_words(prepared: PreparedRun, arguments: Sequence[str], folder: Path, *, tells: bool) -> tuple[str, ...]:
    """Return the command that runs the image's program below the supervisor.

    Raises ToolError if the image is gone, or starts no program.
    """
    read_image = podman.read_podman_image if prepared.engine == "podman" else docker_answers.read_image
    found = read_image(prepared.script.image) or {}
    config = found.get("Config") or {}
    words = [*(config.get("Entrypoint") or ()), *(arguments or config.get("Cmd") or ())]
    if not words:
        engine.fail(
            "MLS584", f"the image {prepared.script.image} starts no program", "write: entrypoint: python main.py"
        )
    patience = patience_of(prepared)
    numbers = (_stop_signal(config.get("StopSignal") or ""), min(_GRACE, patience), patience, int(tells))
    program = ("-ISc", supervisor_text(), *map(str, numbers), *words)
    # The supervisor is the first process, and does what --init is for.
    options = tuple(option for option in prepared.script.options if option[0] != "--init")
    script = replace(prepared.script, options=options)
    return run_words(script, program, caller(prepared, folder), entrypoint="python3")


def supervisor_text() -> str:
    """Return the text of the supervisor, for the Python of the image."""
    return Path(supervisor.__file__).read_text(encoding="utf-8")


def _stop_signal(name: str) -> int:
    """Return the number of a signal, such as ``SIGINT``, ``INT`` or ``2``; by default that of SIGTERM."""
    if name.isdigit():
        return int(name)
    return int(getattr(signal, f"SIG{name.removeprefix('SIG')}", signal.SIGTERM))
