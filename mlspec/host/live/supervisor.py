"""The first process of a container of ``mlspec dev``: it starts the program, and starts it again on a signal.

The text of this module runs in the image, by the image's Python, so it imports nothing of mlspec and keeps to
Python 3.8. The container stays, so a new start takes as long as the program itself takes, and not as long as a
container. As the first process, it also does what ``docker run --init`` does: it passes on signals and reaps processes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

RESTART, START = signal.SIGUSR2, signal.SIGUSR1
"""The signals that ask for a new start: of any program, or only of one that has ended."""

_ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
_HEARD = {*_ENDING, RESTART, START, signal.SIGCHLD, signal.SIGALRM}
# sigaction(2): the code of a signal that the kernel sends, as a terminal does to all processes before it.
_BY_KERNEL = 0x80


class Supervisor:
    """The program, started by ``words``; ``stop`` is the signal that stops it.

    A restart kills the program after ``grace`` seconds, the end of the container after ``patience`` seconds. With
    ``tells``, the end of the program is reported on stderr.
    """

    def __init__(self, words: list[str], stop: int, grace: int, patience: int, tells: bool) -> None:
        self.words, self.stop, self.grace, self.patience, self.tells = words, stop, grace, patience, tells
        self.program = 0
        self.is_wanted = True
        self.ending = 0

    def run(self) -> int:
        """Run the program until a signal ends the container; return the exit code."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        while True:
            if not self.program:
                if self.ending:
                    return 128 + self.ending
                if self.is_wanted:
                    self.start()
            found = signal.sigwaitinfo(_HEARD)
            if found.si_signo == signal.SIGCHLD:
                code = self.reap()
                if code is not None and self.ending:
                    return code
            else:
                self.hear(found.si_signo, found.si_code == _BY_KERNEL)

    def start(self) -> None:
        """Start the program in a process of its own, with the signals as a new process has them."""
        self.is_wanted = False
        signal.alarm(0)
        self.program = os.fork()
        if self.program:
            return
        try:
            for number in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            # The first process of a container is not stopped by Ctrl-Z, and nothing would wake the program up.
            signal.signal(signal.SIGTSTP, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            os.execvp(self.words[0], self.words)  # noqa: S606 - words, and no shell
        except OSError as error:
            sys.stderr.write(f"{self.words[0]}: {error.strerror}\n")
            sys.stderr.flush()
        finally:
            os._exit(127)

    def hear(self, number: int, by_kernel: bool) -> None:
        """Act on a signal other than that of an ended process."""
        if number == signal.SIGALRM:
            for process in list_descendants():
                send(process, signal.SIGKILL)
        elif number in _ENDING:
            self.ending = number
            # A terminal has sent its signal to the program, too.
            if self.program and not by_kernel:
                send(self.program, self.stop if number == signal.SIGTERM else number)
            signal.alarm(self.patience)
        elif not self.ending and (number == RESTART or not self.program):
            self.is_wanted = True
            if self.program:
                send(self.program, self.stop)
                signal.alarm(self.grace)

    def reap(self) -> int | None:
        """Reap all ended processes; return the exit code of the program if it ended."""
        code = None
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not process:
                break
            if process == self.program:
                code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        if code is None:
            return None
        self.program = 0
        # An engine ends all processes of a container with its first one.
        for process in list_descendants():
            send(process, signal.SIGKILL)
        if self.tells and not self.is_wanted and not self.ending:
            sys.stderr.write(f"the program ended with exit code {code}: the next edit starts it again, Ctrl-C ends\n")
            sys.stderr.flush()
        return code


def send(process: int, number: int) -> None:
    """Send a signal to a process, if it still runs."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def list_descendants() -> list[int]:
    """Return the descendants of this process; programs of ``docker exec`` are none."""
    children: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The program's name stands in brackets and may contain any character, also a bracket.
            parent = int((place / "stat").read_bytes().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(place.name))
    found: list[int] = []
    waiting = [os.getpid()]
    for process in waiting:
        found += children.get(process, [])
        waiting += children.get(process, [])
    return found


if __name__ == "__main__":
    stop, grace, patience, tells = map(int, sys.argv[1:5])
    sys.exit(Supervisor(sys.argv[5:], stop, grace, patience, bool(tells)).run())
