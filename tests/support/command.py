"""``python -m mlspec`` without its start time of a second: a fork of a process that has already imported mlspec."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support import forks, resolver

TIMEOUT = 300
_COMMANDS = forks.Server("-P", imports=["tests.support.resolver", "tests.support.warm"])
_CODE = """
import sys
from tests.support import resolver

resolver.fork_resolvers(sys.argv.pop(1))
from mlspec.cli import main

main()
"""


def run(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``mlspec`` with these arguments in a folder, by default the current one, and return the completed process."""
    if not forks.ARE_THERE:
        return subprocess.run([sys.executable, "-m", "mlspec", *words], cwd=folder, capture_output=True, text=True)
    program = (_CODE, resolver.SERVER.address, *words)
    with Path(os.devnull).open("rb") as nothing, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        files = {0: nothing.fileno(), 1: out.fileno(), 2: err.fileno()}
        child = forks.Fork(_COMMANDS.address, program, folder=folder or Path.cwd(), environment=os.environ, files=files)
        try:
            code = child.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            code = child.wait()
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode(errors="surrogateescape"))
        return subprocess.CompletedProcess(["mlspec", *words], code, *said)
