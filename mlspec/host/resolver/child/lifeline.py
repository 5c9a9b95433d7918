"""The end of the resolver and its children together with the parent process."""

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
    """Arrange that this process and its descendants end on a signal, or as soon as the other end of a pipe is closed.

    The parent holds the other end open, and the system closes it when the parent ends, for whatever reason. A negative
    ``pipe`` stands for no pipe: then only signals count.
    """
    _adopt_orphans()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _hear)
    if pipe >= 0:
        # Children of this process must not inherit the pipe.
        os.set_inheritable(pipe, False)
        threading.Thread(target=_watch, args=(pipe,), daemon=True).start()


def _adopt_orphans() -> None:
    """Become the parent of descendants whose own parents end, so that no compiler of a build is missed."""
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
    # Use a signal, so that the cleanup runs in the main thread. Otherwise the main thread would go on, and report the
    # killed children as failures.
    os.kill(os.getpid(), signal.SIGTERM)


def _hear(number: int, frame: FrameType | None) -> None:
    _end()


def _end() -> NoReturn:
    # Repeat: a descendant may start another process during the search, but not many times.
    for _ in range(20):
        if not (others := descendants(os.getpid())):
            break
        for other in others:
            with contextlib.suppress(OSError):
                os.kill(other, signal.SIGKILL)
        with contextlib.suppress(OSError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    # The folder of this run. The parent removes it, too, unless the parent has been killed.
    shutil.rmtree(Path.cwd(), ignore_errors=True)
    os._exit(128 + signal.SIGTERM)
