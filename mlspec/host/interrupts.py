"""Handlers of the signals that end a command: each signal raises KeyboardInterrupt and decides about the exit code.

Python raises KeyboardInterrupt at an arbitrary place of the program. Some places swallow the exception, such as a
callback of a C library. So the handler raises it again until the command calls :func:`acknowledge`.
"""

from __future__ import annotations

import signal
import sys

TYPE_CHECKING = False  # typing alone would take longer than all of this
if TYPE_CHECKING:
    from types import FrameType

NUMBERS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
# Seconds until the handler raises an interrupt again, or a child receives its signal again.
AGAIN = 1.0
_came: list[int] = []


def listen() -> None:
    """Raise KeyboardInterrupt on every signal in ``NUMBERS``, except signals that the parent process had ignored."""
    for number in NUMBERS:
        if signal.getsignal(number) not in {signal.SIG_IGN, None}:
            signal.signal(number, _interrupt)


def acknowledge() -> int:
    """Accept that an interrupt ends this command, and return the exit code: 128 plus the signal's number.

    From now on, this process ignores the other signals in ``NUMBERS``.
    """
    alarm(0)
    for number in NUMBERS:
        if _came and signal.getsignal(number) is _interrupt:
            signal.signal(number, signal.SIG_IGN)
    return 128 + received_signal()


def received_signal() -> int:
    """Return the number of the first signal that came, or that of SIGINT."""
    return _came[0] if _came else signal.SIGINT


def note(number: int) -> None:
    """Record a signal for the exit code; for signals that another handler received."""
    _came.append(number)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    is_first = not _came
    _came.append(number)
    # A closing terminal sends several signals. They must end the command, but a later signal must not stop its cleanup.
    if is_first or not _is_ending():
        alarm(AGAIN, _raise_again)
        raise KeyboardInterrupt


def _raise_again(number: int, frame: FrameType | None) -> None:
    alarm(AGAIN, _raise_again)
    if not _is_ending():
        raise KeyboardInterrupt


def _is_ending() -> bool:
    """Return whether the code that runs now handles an interrupt, such as a ``finally`` block."""
    error = sys.exception()
    while error is not None:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            return True
        error = error.__context__
    return False


def alarm(seconds: float, act: object = None) -> None:
    """Call a function as a signal handler after ``seconds``; 0 seconds cancel the call. Does nothing on Windows."""
    if hasattr(signal, "setitimer"):
        if callable(act):
            signal.signal(signal.SIGALRM, act)
        signal.setitimer(signal.ITIMER_REAL, seconds)
