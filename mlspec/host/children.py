"""Children of this process: signals are passed on to them, and none of them outlives it."""

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

# How often a child is asked to end before it is made to; docker takes a third signal as the wish to leave at once.
_PATIENCE = 8


class Relay:
    """A child to which signals are passed on while it does the work, until it has ended."""

    def __init__(self) -> None:
        self.came: list[int] = []
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = 0

    def to(self, child: subprocess.Popen[bytes]) -> None:
        """Pass on to this child what comes, and what came already."""
        self._child = child
        if self.came:
            self._ask(self.came[0])

    def hear(self, number: int, _frame: FrameType | None) -> None:
        """Pass a signal on; where the child goes on nevertheless, which a signal that came too early does, again."""
        if number != getattr(signal, "SIGALRM", None):
            self.came.append(number)
            note(number)
        self._ask(number)
        alarm(AGAIN, self.hear)

    def _ask(self, number: int) -> None:
        if self._child is None or self._child.returncode is not None:
            return
        self._asked += 1
        # A terminal's own interrupt reaches the child by itself.
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
    """Ask a child to end, and make it where it does not within some seconds."""
    with contextlib.suppress(OSError):
        child.terminate()
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def descendants(process: int) -> list[int]:
    """Return the ids of the processes that a process started, of those that these started, and so on."""
    children: dict[int, list[int]] = {}
    for own, parent in _parents():
        children.setdefault(parent, []).append(own)
    found: list[int] = []
    for parent in (waiting := [process]):
        found += children.get(parent, [])
        waiting += children.get(parent, [])
    return found


def _parents() -> Iterator[tuple[int, int]]:
    """Yield the id of every process with that of its parent."""
    if Path("/proc/self").is_dir():
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The name of the program, in brackets, may hold anything.
                yield int(place.name), int((place / "stat").read_bytes().rpartition(b")")[2].split()[1])
        return
    with contextlib.suppress(OSError, ValueError):
        words = ("ps", "-axo", "pid=,ppid=")
        for line in subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines():
            own, parent = map(int, line.split())
            yield own, parent


@contextlib.contextmanager
def lifeline() -> Iterator[int]:
    """Give the end of a pipe that a child can wait on: it is closed as soon as this process ends, however it does.

    Less than none where a child cannot be given one.
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
