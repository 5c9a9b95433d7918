"""Forks of a Python that has already imported the modules of a program, to save the second of its imports.

A fork behaves like a new process: it has its own arguments, folder, environment, open files, signals and exit code.
Tests of the start of Python and of terminals start a new Python.

This file has both sides: the classes that tests import, and the server program that forks.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
ARE_THERE = hasattr(os, "fork") and hasattr(socket, "AF_UNIX")
# A fork first moves its descriptors above this number, which is higher than all their final numbers.
_ABOVE = 200


class Server:
    """A Python that has imported some modules. It starts for the first fork, and ends with this process."""

    def __init__(self, *flags: str, imports: Sequence[str]) -> None:
        self._command = [sys.executable, *flags, __file__, *imports]
        self._child: subprocess.Popen[bytes] | None = None
        self._address = ""

    @property
    def address(self) -> str:
        """The path of the socket for requests of forks, from this process or another."""
        if self._child is None:
            self._address = str(Path(tempfile.mkdtemp(prefix="forks-"), "socket"))
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(self._address)
                listener.listen(64)
                number = listener.fileno()
                command = [*self._command, str(number)]
                self._child = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[number])
            atexit.register(self._end)
        return self._address

    def _end(self) -> None:
        assert self._child is not None
        self._child.communicate()
        Path(self._address).unlink()
        Path(self._address).parent.rmdir()


class Fork:
    """A fork that runs a program, with those parts of :class:`subprocess.Popen` that the callers need."""

    def __init__(
        self,
        address: str,
        program: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        files: Mapping[int, int],
    ) -> None:
        """Start the fork.

        ``program`` is code and arguments. ``files`` maps the numbers of descriptors in the fork to those here.
        """
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        self.returncode: int | None = None
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(address)
        socket.send_fds(self._connection, [b"\n"], [*files.values()])
        asked = [*program], str(folder), dict(environment), [*files]
        self._connection.sendall(json.dumps(asked).encode() + b"\n")
        self._answers = self._connection.makefile("rb")
        self.pid = int(self._answers.readline())

    def poll(self) -> int | None:
        """Return the exit code of the fork, the negative number of a signal, or None while the fork runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of the fork and return its exit code. Raises TimeoutExpired if the fork is still running."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._connection, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired(f"fork {self.pid}", timeout or 0)
            self.returncode = int(self._answers.readline())
            self._answers.close()
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the fork, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM to the fork."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the fork."""
        self.send_signal(signal.SIGKILL)


def _serve(listener: socket.socket) -> None:
    """Serve requests for forks: answer with the process ID of the fork, and after its end with its exit code."""
    ended, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        for descriptor in (0, listener.fileno(), ended):
            selector.register(descriptor, selectors.EVENT_READ)
        while 0 not in (ready := {key.fd for key, _ in selector.select()}):
            if ended in ready:
                os.read(ended, 1024)
                _tell_codes(running)
            if listener.fileno() in ready:
                connection = listener.accept()[0]
                child = _fork(connection)
                running[child] = connection
                connection.sendall(f"{child}\n".encode())


def _tell_codes(running: dict[int, socket.socket]) -> None:
    while running:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            return
        with running.pop(child) as connection, contextlib.suppress(OSError):
            connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _fork(connection: socket.socket) -> int:
    """Read a request, fork, and return the process ID of the fork, which runs the requested program."""
    files = socket.recv_fds(connection, 1, 8)[1]
    with connection.makefile("rb") as asked:
        (code, *arguments), folder, environment, numbers = json.loads(asked.readline())
    if not (child := os.fork()):
        with contextlib.suppress(BaseException):
            _take(dict(zip(numbers, files, strict=True)))
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            sys.argv = ["-c", *arguments]
            os._exit(_run(code))
        os._exit(99)
    for file in files:
        os.close(file)
    return child


def _take(files: Mapping[int, int]) -> None:
    """Open exactly ``files``, under the given numbers, and reset the signal handlers, as in a new process."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    above = {number: os.dup2(file, _ABOVE + file) for number, file in files.items()}
    os.closerange(0, _ABOVE)
    for number, file in above.items():
        os.dup2(file, number)
    os.closerange(_ABOVE, 2 * _ABOVE)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - they end with the process
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115


def _run(code: str) -> int:
    """Run a program to its end, and return its exit code."""
    exit_code = 0
    try:
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - a test's own
    except SystemExit as error:
        exit_code = error.code if isinstance(error.code, int) else int(error.code is not None)
        if error.code is not None and not isinstance(error.code, int):
            print(error.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        exit_code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    return exit_code & 0xFF


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    *modules, number = sys.argv[1:]
    with socket.socket(fileno=int(number)) as open_listener:
        for module in modules:
            importlib.import_module(module)
        # Exclude the existing objects from garbage collection: forks need not scan them, and so need not copy them.
        gc.collect()
        gc.freeze()
        _serve(open_listener)
