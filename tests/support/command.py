"""``python -m mlspec`` without the second that its start takes: forked off a process that has imported it already.

What a command sees and does is that of a process of its own: folder, environment, arguments, streams, exit code.
Tests of what comes before its first line, of signals and of terminals start a new Python.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

TIMEOUT = 300

_forks = multiprocessing.get_context("forkserver") if hasattr(os, "fork") else None
if _forks:
    _forks.set_forkserver_preload(
        [
            "mlspec.api",
            "mlspec.cli.app",
            "mlspec.cli.check",
            "mlspec.cli.quick",
            "mlspec.cli.render",
            "mlspec.host.network.registry",
            "mlspec.host.resolver",
        ]
    )


def run(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Return what ``mlspec`` with these words does in a folder, as a rule the one that the test is in."""
    if not _forks:
        return subprocess.run([sys.executable, "-m", "mlspec", *words], cwd=folder, capture_output=True, text=True)
    with tempfile.TemporaryDirectory() as home:
        out, err = Path(home, "out"), Path(home, "err")
        child = _forks.Process(target=_work, args=(words, folder or Path.cwd(), dict(os.environ), out, err))
        child.start()
        child.join(TIMEOUT)
        if child.exitcode is None:
            child.kill()
            child.join()
        assert child.exitcode is not None
        said = (path.read_text(encoding="utf-8", errors="surrogateescape") for path in (out, err))
        return subprocess.CompletedProcess(["mlspec", *words], child.exitcode, *said)


def _work(words: tuple[str, ...], folder: Path, environment: Mapping[str, str], out: Path, err: Path) -> None:
    for number, path in ((1, out), (2, err)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - they end with the process
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["mlspec", *words]
    try:
        from mlspec.cli import main

        main()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
