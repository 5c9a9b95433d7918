"""Progress reports during a wait, for the watchers that a command has registered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol


class Watcher(Protocol):
    """A receiver of progress."""

    def pulse(self, text: str) -> None:
        """Receive the current activity, several times a second; each text replaces the text before."""

    def note(self, text: str) -> None:
        """Receive a message that the user should read in any case."""

    def report(self, text: str) -> None:
        """Receive the current activity, once in ten seconds: a line for a log, where no line can be redrawn."""


_watchers: list[Watcher] = []


@contextmanager
def watch(watcher: Watcher) -> Iterator[None]:
    """Send the progress of the ``with`` block to a watcher."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def pulse(text: str) -> None:
    """Send the current activity to all watchers."""
    for watcher in _watchers:
        watcher.pulse(text)


def note(text: str) -> None:
    """Send all watchers a message that the user should read in any case."""
    for watcher in _watchers:
        watcher.note(text)


def report(text: str) -> None:
    """Send the current activity to all watchers as a line for a log."""
    for watcher in _watchers:
        watcher.report(text)


def waiting(what: str) -> Callable[[float], None]:
    """Return a function that reports the seconds of a wait; it notes a wait of ten seconds or more once."""
    told: list[float] = []

    def tell(seconds: float) -> None:
        pulse(f"{what}, {seconds:.0f} s")
        if seconds >= _LONG and not told:
            told.append(seconds)
            note(f"still {what}, after {seconds:.0f} s")

    return tell


# Seconds after which a wait is unusual.
_LONG = 10
