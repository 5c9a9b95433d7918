"""Child processes of this process: they receive its signals, and none of them outlives this process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from mlspec.host.interrupts import AGAIN, NUMBERS, alarm, note

# The number of signals before the child is killed. docker exits at once on a third signal.
_PATIENCE = 8


class Relay:
    """A signal handler that passes signals on to a child process until the child has ended."""

    def __init__(self) -> None:
        self.came: list[int] = []
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = 0

    def to(self, child: subprocess.Popen[bytes]) -> None:
        """Pass signals on to ``child`` from now on; an earlier signal reaches the child at once."""
        self._child = child
        if self.came:
            self._ask(self.came[0])

    def hear(self, number: int, _frame: FrameType | None) -> None:
        """Pass a signal on to the child, and repeat the signal until the child ends.

        A child that has just started can miss a signal.
        """
        if number != getattr(signal, "SIGALRM", None):
            self.came.append(number)
            note(number)
        self._ask(number)
        alarm(AGAIN, self.hear)

    def _ask(self, number: int) -> None:
        if self._child is None or self._child.returncode is not None:
            return
        self._asked += 1
        # The terminal sends its own interrupt to the child, too.
        if number == signal.SIGINT and sys.stdin is not None and sys.stdin.isatty() and self._asked == 1:
            return
        with contextlib.suppress(OSError):
            if self._asked > _PATIENCE:
                self._child.kill()
            else:
                self._child.send_signal(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)


@contextlib.contextmanager
def relay_signals() -> Iterator[Relay]:
    """Yield a Relay that receives every signal in place of this process."""
    relay = Relay()
    # Python lets only the main thread listen.
    is_main = threading.current_thread() is threading.main_thread()
    numbers = [n for n in NUMBERS if is_main and signal.getsignal(n) not in {signal.SIG_IGN, None}]
    before = {number: signal.signal(number, relay.hear) for number in numbers}
    try:
        yield relay
    finally:
        if relay.came:
            alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def end(child: subprocess.Popen[bytes], seconds: float = 5) -> None:
    """Terminate a child, and kill the child if it does not end within ``seconds``."""
    with contextlib.suppress(OSError):
        child.terminate()
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def descendants(process: int) -> list[int]:
    """Return the ids of all descendants of a process: its children, their children, and so on."""
    children: dict[int, list[int]] = {}
    for own, parent in _parents():
        children.setdefault(parent, []).append(own)
    found: list[int] = []
    for parent in (waiting := [process]):
        found += children.get(parent, [])
        waiting += children.get(parent, [])
    return found


def _parents() -> Iterator[tuple[int, int]]:
    """Yield the id of every process on this host with the id of its parent."""
    if Path("/proc/self").is_dir():
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The program's name stands in brackets and may contain any character, also a bracket.
                yield int(place.name), int((place / "stat").read_bytes().rpartition(b")")[2].split()[1])
        return
    with contextlib.suppress(OSError, ValueError):
        words = ("ps", "-axo", "pid=,ppid=")
        for line in subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines():
            own, parent = map(int, line.split())
            yield own, parent


@contextlib.contextmanager
def lifeline() -> Iterator[int]:
    """Yield the read end of a pipe that is closed as soon as this process ends, for whatever reason.

    A child waits on the pipe to notice the end of this process. The handle is -1 on Windows, where a child cannot
    inherit the pipe.
    """
    if sys.platform == "win32":
        yield -1
        return
    other, own = os.pipe()
    try:
        yield other
    finally:
        os.close(own)
        os.close(other)
