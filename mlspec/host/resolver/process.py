"""The child process of the resolver: its start, its questions and events, and its end together with this process."""

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
"""The code of the child process. Isolated from this folder and the user's packages, it imports this same mlspec."""
_ROOT = Path(__file__).parents[3]
# Seconds between two reports of progress.
_TICK = 0.25
# Seconds between two lines in a log.
_REPORT_EVERY = 10

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""A function that answers a question of the resolver."""


def run(folder: Path, job: Mapping[str, Any], answer: Answer) -> str:
    """Run the resolver in a folder until it ends, and answer its questions; return its text on stderr."""
    temporary, errors = folder / "tmp", folder / "errors.txt"
    temporary.mkdir()
    # pip unpacks files into TMPDIR; below the folder, they are removed together with it.
    own = {**environment(), "TMPDIR": str(temporary)}
    with errors.open("wb") as said, children.lifeline() as pipe:
        child = start_resolver(folder, own, said, pipe)
        try:
            _converse(child, {**job, "lifeline": pipe}, answer)
            child.wait()
        finally:
            _end(child)
    return errors.read_text(encoding="utf-8", errors="replace")


def start_resolver(
    folder: Path, variables: Mapping[str, str], errors: IO[bytes], lifeline: int
) -> subprocess.Popen[bytes]:
    """Start the child process in a folder with an environment; ``errors`` receives its stderr."""
    return subprocess.Popen(
        [sys.executable, "-I", "-X", "utf8", "-c", START, str(_ROOT), "report.json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        cwd=folder,
        env=variables,
        pass_fds=(lifeline,) if lifeline >= 0 else (),
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        children.end(child)
    for pipe in filter(None, (child.stdin, child.stdout)):
        with contextlib.suppress(OSError):
            pipe.close()


def _converse(child: subprocess.Popen[bytes], job: Mapping[str, Any], answer: Answer) -> None:
    """Send the job to the child, answer its questions and report its progress, until it closes its output."""
    began, shown = time.monotonic(), "resolving"
    reported = began
    lines = queue.Queue[bytes | None]()
    # Read in a thread: unlike reading a pipe, waiting for a queue has a timeout and is interruptible on every system.
    threading.Thread(target=_read, args=(child.stdout, lines), daemon=True).start()
    # A child that has ended early explains itself in its report, or on stderr.
    with contextlib.suppress(BrokenPipeError):
        _tell(child, job)
        while True:
            now = time.monotonic()
            waiting.pulse(f"{shown}, {now - began:.0f} s")
            if now - reported >= _REPORT_EVERY:
                waiting.report(f"{shown}, {now - began:.0f} s")
                reported = now
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
    """Return the progress message for an event of the child."""
    if event["event"] == "page":
        return f"resolving: {event['known']} packages known, looking at {event['name']}"
    return f"downloading {event['name']}" + (f", {format_size(event['size'])}" if event["size"] else "")
