"""The process that resolves: it ends with this one, however that ends, and says what it is at."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from mlspec.host import children, waiting
from mlspec.host.resolver.process_environment import environment
from mlspec.text import format_size

START = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from mlspec.host.resolver.child.__main__ import main; sys.exit(main())"
)
"""The child process: isolated from this folder and the user's packages, it finds mlspec where this one was found."""
_ROOT = Path(__file__).parents[3]
# Seconds between two looks at what goes on.
_TICK = 0.25

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Answers a question of the resolver."""


def run(folder: Path, job: Mapping[str, Any], answer: Answer) -> str:
    """Run the resolver in a folder until it ends, and answer what it asks; returns its words for people."""
    temporary, errors = folder / "tmp", folder / "errors.txt"
    temporary.mkdir()
    # What pip unpacks goes with the folder.
    own = {**environment(), "TMPDIR": str(temporary)}
    with errors.open("wb") as said, children.lifeline() as pipe:
        child = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", "-c", START, str(_ROOT), "report.json"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            cwd=folder,
            env=own,
            pass_fds=(pipe,) if pipe >= 0 else (),
        )
        try:
            _converse(child, {**job, "lifeline": pipe}, answer)
            child.wait()
        finally:
            _end(child)
    return errors.read_text(encoding="utf-8", errors="replace")


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        children.end(child)
    for pipe in filter(None, (child.stdin, child.stdout)):
        with contextlib.suppress(OSError):
            pipe.close()


def _converse(child: subprocess.Popen[bytes], job: Mapping[str, Any], answer: Answer) -> None:
    """Tell what is to be done, answer what is asked, and tell what goes on, until nothing more is said."""
    began, shown = time.monotonic(), "resolving"
    lines = queue.Queue[bytes | None]()
    # Waiting for a queue can be interrupted and ends in time, on every system.
    threading.Thread(target=_read, args=(child.stdout, lines), daemon=True).start()
    # One that ended early tells why by its report, or its last words.
    with contextlib.suppress(BrokenPipeError):
        _tell(child, job)
        while True:
            waiting.pulse(f"{shown}, {time.monotonic() - began:.0f} s")
            try:
                line = lines.get(timeout=_TICK)
            except queue.Empty:
                continue
            if line is None:
                return
            said = json.loads(line)
            if "question" in said:
                _tell(child, answer(said))
            else:
                shown = _describe_event(said)


def _tell(child: subprocess.Popen[bytes], facts: Mapping[str, Any]) -> None:
    assert child.stdin is not None  # noqa: S101 - it is a pipe
    child.stdin.write(json.dumps(facts).encode() + b"\n")
    child.stdin.flush()


def _read(stream: IO[bytes], lines: queue.Queue[bytes | None]) -> None:
    with contextlib.suppress(OSError, ValueError):
        for line in stream:
            lines.put(line)
    lines.put(None)


def _describe_event(event: Mapping[str, Any]) -> str:
    """Return what goes on, as a person reads it."""
    if event["event"] == "page":
        return f"resolving: {event['known']} packages known, looking at {event['name']}"
    return f"downloading {event['name']}" + (f", {format_size(event['size'])}" if event["size"] else "")
