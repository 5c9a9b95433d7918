"""Building an image: BuildKit's work, in this terminal."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from mlspec.effects import engine, secrets
from mlspec.errors import SpecError
from mlspec.templating import HOME_MARK


def build(command: Sequence[str], folder: Path) -> None:
    """Run a build command in ``folder``, in this terminal; raises ToolError when the build fails.

    Raises SpecError, before it starts, for every secret that is not there.
    """
    words = tuple(word.replace(HOME_MARK, str(Path.home())) for word in command)
    if problems := tuple(secrets.missing_in_build(words, folder)):
        raise SpecError(*problems)
    try:
        code = _attached(words, folder)
    except FileNotFoundError:
        engine.require_command()
        raise
    if code:
        hint = "the step's own words are above; the steps before it are kept, and the next build begins after them"
        engine.fail("MLS506", f"the build failed with exit code {code}", hint)


def _attached(words: Sequence[str], folder: Path) -> int:
    """Run a command in this terminal and return its exit code; a signal to us is passed on, and its end waited for."""
    came: list[int] = []
    with subprocess.Popen(words, cwd=folder) as child:

        def pass_on(number: int, _frame: object) -> None:
            came.append(number)
            # A terminal's SIGINT reaches the child by itself; docker takes a third as the wish to leave at once.
            if number != signal.SIGINT or not sys.stdin.isatty():
                child.send_signal(number)

        # Python lets only the main thread listen.
        numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
        before = {number: signal.signal(number, pass_on) for number in numbers}
        try:
            code = child.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if came and code:
        raise KeyboardInterrupt
    return code
