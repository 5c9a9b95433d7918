"""Tests of signals that end a command: its child processes end too, and no files are left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlspec.host import children, interrupts
from mlspec.host.files import scratch as scratching
from mlspec.host.files.scratch import scratch
from tests.cli.test_pipeline import LOCK, SPEC
from tests.support.index import sdist, serving

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

# A backend whose metadata hook starts another process and never returns.
BACKEND = """
import os, subprocess, sys, time
from pathlib import Path
def get_requires_for_build_wheel(settings=None):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    place = Path(os.environ["PLACE"])
    place.with_suffix(".new").write_text(f"{os.getpid()} {child.pid}")
    place.with_suffix(".new").rename(place)
    time.sleep(300)
"""
SLEEPER = sdist(
    "sleeper",
    "1.0",
    contents={
        "PKG-INFO": "Metadata-Version: 1.0\nName: sleeper\nVersion: 1.0\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": BACKEND,
    },
)


def wait_for(holds: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    """Tell whether a process runs. A zombie, which has ended without a wait of its parent, does not run."""
    stat = Path(f"/proc/{process}/stat")
    if stat.exists():
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return not Path("/proc/self").exists()


@pytest.fixture
def locking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """A lock that waits for the build of a source."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mlspec.yaml").write_text(SPEC)
    (folder / "requirements.in").write_text("sleeper\n")
    (folder / "mlspec.lock").write_text(LOCK)
    (tmp_path / "tmp").mkdir()
    with serving(SLEEPER) as index:
        variables = {"MLSPEC_INDEX_URL": index.url, "TMPDIR": str(tmp_path / "tmp"), "PLACE": str(tmp_path / "place")}
        # Without an engine, this host builds.
        variables["DOCKER_HOST"] = f"unix://{tmp_path}/none"
        child = subprocess.Popen(
            [sys.executable, "-m", "mlspec", "lock"],
            cwd=folder,
            env={**os.environ, **variables},
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            preexec_fn=reset_signals,
        )
        wait_for((tmp_path / "place").exists)
        yield child
        child.kill()
        child.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_that_a_lock_started(
    number: signal.Signals, locking: subprocess.Popen[str], tmp_path: Path
) -> None:
    started = [int(word) for word in (tmp_path / "place").read_text().split()]
    started += children.descendants(locking.pid)
    assert len(set(started)) >= 3

    locking.send_signal(number)
    _, said = locking.communicate(timeout=60)

    assert locking.returncode == 128 + number
    assert said.endswith("interrupted\n")
    wait_for(lambda: not any(map(is_alive, started)), seconds=30)
    assert not list((tmp_path / "tmp").iterdir())


def test_a_killed_lock_leaves_no_process(locking: subprocess.Popen[str], tmp_path: Path) -> None:
    started = [int(word) for word in (tmp_path / "place").read_text().split()]
    started += children.descendants(locking.pid)

    locking.kill()

    wait_for(lambda: not any(map(is_alive, started)), seconds=30)
    wait_for(lambda: not list((tmp_path / "tmp").glob("mlspec-*/report.json")), seconds=30)


# Temporary folders


def test_a_folder_of_a_killed_process_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "mlspec-left").mkdir()
    (tmp_path / "mlspec-left" / ".held").touch()
    (tmp_path / "mlspec-left" / "mlspec-netrc").write_text("machine m login ann password w0rd")
    (tmp_path / "mlspec-of-the-user").mkdir()
    with scratch() as first, scratch() as second:
        assert first.is_dir()
        assert second.is_dir()
        assert not (tmp_path / "mlspec-left").exists()
        assert first.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["mlspec-of-the-user"]


def test_a_mark_is_held_once(tmp_path: Path) -> None:
    with scratch() as folder:
        handle = os.open(folder / ".held", os.O_WRONLY)
        assert not scratching._is_held(handle)
        os.close(handle)


# Interrupts

LOST = """
import sys, time
from mlspec.host import interrupts
interrupts.AGAIN = 0.1
class Deaf:
    def __del__(self):
        print("ready", flush=True)
        time.sleep(1)
interrupts.listen()
try:
    # What is raised in here is printed, and forgotten.
    Deaf()
    time.sleep(20)
except KeyboardInterrupt:
    sys.exit(interrupts.acknowledge())
"""

CLEARING = """
import sys, time
from mlspec.host import interrupts
interrupts.AGAIN = 0.1
interrupts.listen()
try:
    try:
        print("ready", flush=True)
        time.sleep(20)
    finally:
        print("clearing", flush=True)
        time.sleep(0.5)
        print("cleared", flush=True)
except KeyboardInterrupt:
    sys.exit(interrupts.acknowledge())
"""


def reset_signals() -> None:
    """Reset the handling of signals, because nohup and background jobs ignore some."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def run(program: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program]
    child = subprocess.Popen(command, stdout=-1, stderr=-1, text=True, preexec_fn=reset_signals)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_that_was_lost_comes_again(number: signal.Signals) -> None:
    child = run(LOST)
    child.send_signal(number)
    child.communicate(timeout=15)
    assert child.returncode == 128 + number


def test_what_clears_up_is_not_interrupted(tmp_path: Path) -> None:
    child = run(CLEARING)
    assert child.stdout is not None
    child.send_signal(signal.SIGTERM)
    assert child.stdout.readline() == "clearing\n"
    child.send_signal(signal.SIGHUP)
    said, _ = child.communicate(timeout=15)
    assert said == "cleared\n"
    assert child.returncode == 128 + signal.SIGTERM


def test_a_program_that_was_started_deaf_stays_so() -> None:
    program = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{CLEARING}"
    child = run(program)
    child.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.5)
    child.kill()
    child.communicate()


RELAY = """
import subprocess, sys
from mlspec.host import children
children.AGAIN = 0.2
# A child that hears a signal only after a while, as docker does not before its plugin has begun.
program = "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]; print('ready', flush=True);" \
          "time.sleep(0.5); [signal.signal(n, signal.SIG_DFL) for n in (2, 15)]; time.sleep(20)"
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
with children.relay_signals() as relay:
    child = subprocess.Popen([sys.executable, "-c", program])
    relay.to(child)
    child.wait()
print(child.returncode, relay.came)
"""


def test_a_signal_that_came_too_early_for_a_child_is_passed_on_again() -> None:
    child = run(RELAY)
    child.send_signal(signal.SIGINT)
    said, _ = child.communicate(timeout=15)
    assert said == f"-15 [{int(signal.SIGINT)}]\n"


def test_the_code_of_an_interrupt_without_a_signal_is_that_of_the_keyboard() -> None:
    assert interrupts.acknowledge() == 130
