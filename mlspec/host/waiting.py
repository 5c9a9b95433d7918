"""Report progress to watchers while a person waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol


class Watcher(Protocol):
    """A receiver of progress."""

    def pulse(self, text: str) -> None:
        """Hear what is going on now, several times a second; the last word replaces the one before."""

    def note(self, text: str) -> None:
        """Hear what a person should read in any case."""


_watchers: list[Watcher] = []


@contextmanager
def watch(watcher: Watcher) -> Iterator[None]:
    """Tell a watcher of what goes on meanwhile."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def pulse(text: str) -> None:
    """Tell what is going on now."""
    for watcher in _watchers:
        watcher.pulse(text)


def note(text: str) -> None:
    """Tell what a person should read in any case."""
    for watcher in _watchers:
        watcher.note(text)


def waiting(what: str) -> Callable[[float], None]:
    """Return a function that reports for how many seconds something is awaited."""
    told: list[float] = []

    def tell(seconds: float) -> None:
        pulse(f"{what}, {seconds:.0f} s")
        if seconds >= _LONG and not told:
            told.append(seconds)
            note(f"still {what}, after {seconds:.0f} s")

    return tell


# Seconds after which a wait is unusual.
_LONG = 10
