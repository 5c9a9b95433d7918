"""An act that may take for ever, such as a question to a host of the network, within a time."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

_TICK = 0.25
T = TypeVar("T")


def within(seconds: float, act: Callable[[], T], tell: Callable[[float], None] = lambda _: None) -> T:
    """Return what an act returns, or raise what it raises; TimeoutError where it takes longer.

    ``tell`` hears, several times a second, for how long it was waited. The act goes on in a thread of its own, which
    nobody waits for any more: neither a name that is looked up nor a host that sends a byte a second can be stopped.
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
