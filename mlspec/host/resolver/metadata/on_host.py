"""The build of a source's metadata by the Python of this process, for hosts without an engine."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

from mlspec.host.children import lifeline
from mlspec.host.network.user_configuration import certificate_file, configuration
from mlspec.host.resolver.process_environment import cache, environment
from mlspec.lock.pins import LockTarget

_MACHINES = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}


def describe_host() -> str:
    """Return Python version, system and machine of this host for messages."""
    return f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"


def target() -> LockTarget | None:
    """Return this host as a target of the resolver; None unless it is Linux with glibc on a platform of images."""
    on = _MACHINES.get(platform.machine()) if sys.platform == "linux" else None
    libc, glibc = platform.libc_ver()
    return LockTarget(python=platform.python_version(), platform=on, glibc=glibc) if on and libc == "glibc" else None


def run(context: Path, out: Path) -> None:
    """Run the script of a context; if this process ends early, the script and all its children end, too."""
    words = [sys.executable, "-I", "-X", "utf8", str(context / "script.py"), str(context), str(out), "watched"]
    # Temporary files are removed together with the folder of the context.
    temporary = context.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    with lifeline() as pipe:
        child = subprocess.Popen(
            words,
            env={**environment(), **_pip(), "TMPDIR": str(temporary)},
            stdin=pipe if pipe >= 0 else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            said, _ = child.communicate()
        except BaseException:
            _end(child)
            raise
    if child.returncode:
        out.mkdir(parents=True, exist_ok=True)
        (out / "error.txt").write_bytes(said)


def _pip() -> dict[str, str]:
    """Return the environment variables for a pip that resolves by itself: index, certificates and cache."""
    values = {"PIP_INDEX_URL": configuration().index_url, "PIP_CERT": certificate_file(), "PIP_CACHE_DIR": cache()}
    return {name: value for name, value in values.items() if value}


def _end(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()
