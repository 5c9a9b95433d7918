"""Signals that ask a command to end: each is an interrupt, none is lost, and the exit code tells which it was.

Python raises KeyboardInterrupt wherever the program is; there are places where that is swallowed, such as a callback
of a library in C. So it is raised again until somebody answers for it with :func:`acknowledge`.
"""

from __future__ import annotations

import signal
import sys

TYPE_CHECKING = False  # typing alone would take longer than all of this
if TYPE_CHECKING:
    from types import FrameType

NUMBERS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
# Seconds until an interrupt that nobody answered for is raised again, or a child is asked once more.
AGAIN = 1.0
_came: list[int] = []


def listen() -> None:
    """Make an interrupt of every signal that asks to end, but for those that this process was started deaf to."""
    for number in NUMBERS:
        if signal.getsignal(number) not in {signal.SIG_IGN, None}:
            signal.signal(number, _interrupt)


def acknowledge() -> int:
    """Accept that an interrupt ends this command, and return the exit code: 128 plus the signal's number.

    Any other signal is ignored from now on.
    """
    alarm(0)
    for number in NUMBERS:
        if _came and signal.getsignal(number) is _interrupt:
            signal.signal(number, signal.SIG_IGN)
    return 128 + (_came[0] if _came else signal.SIGINT)


def note(number: int) -> None:
    """Note a signal that somebody else heard, for the exit code."""
    _came.append(number)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    is_first = not _came
    _came.append(number)
    # A terminal that is closed sends more than one; they are to end the command, not its clearing up.
    if is_first or not _is_ending():
        alarm(AGAIN, _raise_again)
        raise KeyboardInterrupt


def _raise_again(number: int, frame: FrameType | None) -> None:
    alarm(AGAIN, _raise_again)
    if not _is_ending():
        raise KeyboardInterrupt


def _is_ending() -> bool:
    """Tell whether an interrupt is on its way through the program: whether it is the reason for what runs now."""
    error = sys.exception()
    while error is not None:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            return True
        error = error.__context__
    return False


def alarm(seconds: float, act: object = None) -> None:
    """Have a function called as a handler of signals after some seconds, or with none of these not any more."""
    if hasattr(signal, "setitimer"):
        if callable(act):
            signal.signal(signal.SIGALRM, act)
        signal.setitimer(signal.ITIMER_REAL, seconds)
