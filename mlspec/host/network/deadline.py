"""A time limit for a call that may never return, such as a request to a host."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

_TICK = 0.25
T = TypeVar("T")


def within(seconds: float, act: Callable[[], T], tell: Callable[[float], None] = lambda _: None) -> T:
    """Call ``act`` and return its result or raise its exception; raises TimeoutError after ``seconds``.

    ``tell`` receives the seconds of the wait, several times a second. ``act`` runs in a daemon thread, which goes on
    after a TimeoutError: Python cannot stop a name lookup, or a request to a host that sends one byte a second.
    """
    ends: queue.Queue[tuple[bool, T | BaseException]] = queue.Queue()

    def run() -> None:
        try:
            ends.put((True, act()))
        except BaseException as error:
            ends.put((False, error))

    threading.Thread(target=run, daemon=True).start()
    began = time.monotonic()
    while (waited := time.monotonic() - began) < seconds:
        try:
            is_well, found = ends.get(timeout=min(_TICK, seconds - waited))
        except queue.Empty:
            tell(time.monotonic() - began)
            continue
        if isinstance(found, BaseException) and not is_well:
            raise found
        return found  # type: ignore[return-value]
    raise TimeoutError
