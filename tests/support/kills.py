"""A test that kills commands some hundred times, before each change of the disk and at random: ``make kills``."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mlspec.host.resolver.compile import Resolver
from tests.cli.test_pipeline import LOCK
from tests.host.test_kills import is_litter, killed, run, state
from tests.host.test_kills import resolver_that_knows as knows

SPEC = """\
python: 3.12
base: slim-bookworm
requirements: requirements.in
entrypoint: python train.py
targets: [compose, kubernetes]
images: {a: {}, b: {}, c: {ports: ["80:80"]}, d: {}}
"""
COMMANDS = (("render",), ("lock",), ("lock", "-P", "apple"))


def project(top: Path) -> Path:
    """Create a folder with a rendered spec of several images, change its requirements, and return the folder."""
    folder = top / "project"
    folder.mkdir(parents=True)
    for name, text in (("mlspec.yaml", SPEC), ("mlspec.lock", LOCK), ("requirements.in", "apple\n"), ("train.py", "")):
        (folder / name).write_text(text)
    assert run(folder, ("render",)) == 0
    (folder / "requirements.in").write_text("apple\npear\n")
    return folder


def exact(top: Path) -> int:
    """Kill each command before each of its changes of the disk, and return the number of kills."""
    count = 0
    for number, words in enumerate(COMMANDS):
        start = project(top / str(number))
        for moment, folder in killed(start, words, ("render",)):
            shutil.rmtree(folder.parent)
            count += 1
            assert moment
    return count


def at_any_time(top: Path, times: int) -> int:
    """Kill a separate process after a random time, and return how often it was still running."""
    start = project(top)
    words = [sys.executable, "-m", "mlspec", "render", "--force", "--locked", "-q"]
    assert run(start, ("render",)) == 0
    whole, count = state(start), 0
    while count < times:
        for name in ("a.Dockerfile", "kubernetes.yaml", "b.run.sh"):
            (start / name).unlink(missing_ok=True)
        child = subprocess.Popen(words, cwd=start, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0.3, 1.5))  # noqa: S311 - any moment will do
        child.kill()
        count += child.wait() == -signal.SIGKILL
        assert run(start, ("render",)) == 0
        assert state(start) == whole
        assert not [name for name in state(start) if is_litter(name)]
    return count


def main() -> None:
    """Kill commands, and print how many kills the next command recovered from."""
    os.environ["MLSPEC_CONFIG"] = "off"
    Resolver.compile = knows  # type: ignore[method-assign,assignment]
    with tempfile.TemporaryDirectory() as name:
        os.environ["MLSPEC_CACHE_DIR"] = f"{name}/cache"
        began = time.monotonic()
        count = exact(Path(name))
        print(f"{count} kills before a change of the disk were put right")
        more = at_any_time(Path(name, "any"), max(0, 300 - count))
        print(f"{more} kills at any time were put right; {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
