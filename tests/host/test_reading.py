"""Tests of bounded reading: only regular files, of limited size, in time that grows linearly with the size."""

from __future__ import annotations

import ast
import contextlib
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import mlspec
from mlspec.cli.app import cli
from mlspec.cli.terminal import sanitize
from mlspec.errors import MlspecError, SpecError
from mlspec.host.files.bounded import read_beginning, read_file
from mlspec.lock.requirements.collect import RequirementEntry, collect
from tests.support.trees import nodes_of

PACKAGE = Path(mlspec.__file__).parent
POSIX = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc and named pipes")


@contextmanager
def bounded(seconds: int = 30, more_memory: int = 1_000_000_000) -> Iterator[None]:
    """Limit time and additional memory, so that a read without a limit fails."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + more_memory, before[1]))
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, before)


def run(folder: Path, *words: str) -> Result:
    with pytest.MonkeyPatch.context() as patch, bounded():
        patch.chdir(folder)
        return CliRunner().invoke(cli, words)


# Files


def test_a_file_of_the_size_that_fits_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 10)

    assert read_file(tmp_path / "a", 10) == b"x" * 10
    assert read_beginning(tmp_path / "a", 4) == b"xxxx"


def test_a_larger_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 11)

    with pytest.raises(OSError, match="more than 10 bytes"):
        read_file(tmp_path / "a", 10)


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OSError, match="no file can have this name"):
        read_file(tmp_path / name)


@POSIX
@pytest.mark.parametrize("kind", ["named pipe", "device"])
@pytest.mark.parametrize(
    ("name", "words", "spec"),
    [
        ("requirements.in", ["check"], "requirements: requirements.in"),
        ("pyproject.toml", ["check"], "requirements: pyproject.toml"),
        ("mlspec.lock", ["render", "--locked"], "requirements: [numpy]"),
        ("requirements.lock", ["check"], "requirements: [numpy]"),
        ("Dockerfile", ["render", "--unpinned", "--check"], "entrypoint: python"),
        (".dockerignore", ["check"], "entrypoint: python"),
        ("main.py", ["check"], "entrypoint: python main.py"),
        ("compose.yaml", ["explain", "compose.yaml"], "entrypoint: python"),
        ("mlspec.schema.json", ["render", "--unpinned"], "entrypoint: python"),
        ("config.toml", ["doctor", "--offline"], "entrypoint: python"),
        ("mlspec.yaml", ["check", "mlspec.yaml"], ""),
        ("train.py", ["init", "other", "--yes"], "entrypoint: python"),
    ],
)
def test_what_is_no_regular_file_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, name: str, words: list[str], spec: str
) -> None:
    monkeypatch.setenv("MLSPEC_CONFIG", str(tmp_path / "config.toml") if name == "config.toml" else "off")
    (tmp_path / "mlspec.yaml").write_text(f"python: 3.12\n{spec}\n")
    (tmp_path / "other").mkdir()
    place = tmp_path / "other" / name if "other" in words else tmp_path / name
    place.unlink(missing_ok=True)
    if kind == "named pipe":
        os.mkfifo(place)
    else:
        place.symlink_to("/dev/zero")

    done = run(tmp_path, *words)

    assert done.exit_code in {0, 1, 3}, done.output
    assert isinstance(done.exception, SystemExit | MlspecError | None)


@POSIX
def test_it_is_said_what_stands_there(tmp_path: Path) -> None:
    (tmp_path / "mlspec.yaml").write_text("python: 3.12\nrequirements: [r.in, s.in]\n")
    os.mkfifo(tmp_path / "r.in")
    (tmp_path / "s.in").symlink_to("/dev/zero")

    said = run(tmp_path, "check").output

    assert "MLS201: r.in cannot be read: it is a named pipe, not a file" in said
    assert "MLS201: s.in cannot be read: it is a device, not a file" in said


# Code that reads files of the user must use `bounded`. These modules read files that mlspec wrote, or only write.
OWN = {
    "cli/terminal.py",
    "host/cache/proofs.py",
    "host/children.py",
    "host/engine/image_build.py",
    "host/engine/built_images.py",
    "host/engine/verification.py",
    "host/files/bounded.py",
    "host/files/scratch.py",
    "host/files/turns.py",
    "host/files/unfinished.py",
    "host/live/live_container.py",
    # It runs in containers.
    "host/live/supervisor.py",
    "host/resolver/job.py",
    "host/resolver/process.py",
}


def readings(path: Path) -> Iterator[str]:
    for node in nodes_of(path):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            is_resource = "resources.files" in name or "tarfile" in name
            if not is_resource and (name == "open" or name.endswith((".open", ".read_text", ".read_bytes"))):
                yield name


def test_files_are_read_in_one_place() -> None:
    places = {
        path.relative_to(PACKAGE).as_posix(): set(readings(path))
        for folder in ("host", "cli")
        for path in sorted((PACKAGE / folder).rglob("*.py"))
        # Code in separate processes and containers reads files that pip unpacked.
        if not {"child", "metadata"} & set(path.parts)
    }

    assert {path for path, found in places.items() if found} == OWN


# Time


def cost(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started


def is_linear(act: Callable[[int], Callable[[], object]], size: int = 1_000) -> bool:
    """Tell whether eight times the size takes about eight times as long, and not 64 times as long."""
    large = cost(act(8 * size))
    # Do not measure a very short run: quadratic code would not be so fast at this size.
    return large < 0.03 or large < 24 * max(min(cost(act(size)) for _ in range(3)), 1e-6)


def test_work_that_grows_with_the_square_is_told_from_other_work() -> None:
    import re

    slow, fast = re.compile(r"\s+(?=-)"), re.compile(r"(?<!\s)\s+(?=-)")

    assert not is_linear(lambda size: lambda: slow.split("a" + " " * size + "b"))
    assert is_linear(lambda size: lambda: fast.split("a" + " " * size + "b"))


@pytest.mark.parametrize("text", ["a{}b", "a{}", "a{}#", "{}#c", "a{}-", "a ;{}x", "a \\\n{}b"])
def test_a_line_of_blanks_costs_no_more_than_its_length(text: str) -> None:
    def reading(size: int) -> Callable[[], object]:
        def read() -> None:
            with contextlib.suppress(SpecError):
                collect([RequirementEntry("r.in", ())], lambda _: text.format(" " * size), "mlspec.yaml")

        return read

    assert is_linear(reading)


@pytest.mark.parametrize("text", ["://a:b@", "a://b", "?token", "?a", "@", "://", "a:", "\x1b[", "TOKEN_", "a_TOKEN="])
def test_what_is_shown_costs_no_more_than_its_length(text: str) -> None:
    assert is_linear(lambda size: lambda: sanitize(text * size))
