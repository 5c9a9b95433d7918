"""The resolver lives as long as the process that started it, and so does all that it starts itself."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import NoReturn

from mlspec.host.children import descendants


def hold(pipe: int) -> None:
    """End this process, and all that it started, with a signal or as soon as the other end of a pipe is closed.

    The process that wants an answer holds that open, and the system closes it however that process ends. Without a
    pipe, which is less than none, only signals count.
    """
    _adopt_orphans()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _hear)
    if pipe >= 0:
        # For this process alone, whatever it starts.
        os.set_inheritable(pipe, False)
        threading.Thread(target=_watch, args=(pipe,), daemon=True).start()


def _adopt_orphans() -> None:
    """Become the parent of processes whose own parents end: a compiler that a build started must not be lost."""
    if sys.platform != "linux":
        return
    import ctypes

    # linux/prctl.h
    subreaper = 36
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(subreaper, 1, 0, 0, 0)


def _watch(pipe: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(pipe, 4096):
            pass
    # In the main thread, which else would go on meanwhile, and write what it makes of the end of its children.
    os.kill(os.getpid(), signal.SIGTERM)


def _hear(number: int, frame: FrameType | None) -> None:
    _end()


def _end() -> NoReturn:
    # A process may start another while these are looked up, but not many times.
    for _ in range(20):
        if not (others := descendants(os.getpid())):
            break
        for other in others:
            with contextlib.suppress(OSError):
                os.kill(other, signal.SIGKILL)
        with contextlib.suppress(OSError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    # Its own folder; whoever started it removes that too, unless it is gone.
    shutil.rmtree(Path.cwd(), ignore_errors=True)
    os._exit(128 + signal.SIGTERM)
