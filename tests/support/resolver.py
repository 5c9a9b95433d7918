"""The resolver process without its import time of one or two seconds: a fork of a process that has imported pip."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO, cast

from mlspec.host.resolver import process
from tests.support import forks

SERVER = forks.Server("-I", "-X", "utf8", imports=["tests.support.warm_resolver"])
start_anew = process.start_resolver


def fork_resolvers(address: str = "") -> None:
    """Fork all later resolvers from the server of this process, or from the server at ``address``."""

    def start(folder: Path, variables: Mapping[str, str], errors: IO[bytes], lifeline: int) -> subprocess.Popen[bytes]:
        (to_read, to_write), (from_read, from_write) = os.pipe(), os.pipe()
        files = {0: to_read, 1: from_write, 2: errors.fileno()} | ({lifeline: lifeline} if lifeline >= 0 else {})
        program = (process.START, str(forks.ROOT), "report.json")
        child = forks.Fork(address or SERVER.address, program, folder=folder, environment=variables, files=files)
        child.stdin, child.stdout = os.fdopen(to_write, "wb"), os.fdopen(from_read, "rb")
        os.close(to_read)
        os.close(from_write)
        return cast("subprocess.Popen[bytes]", child)

    process.start_resolver = start
