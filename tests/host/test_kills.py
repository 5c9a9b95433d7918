"""Tests of commands that are killed at any moment: the next command finishes their work and leaves no files behind."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest

from mlspec.cli import app
from mlspec.host.files import unfinished
from mlspec.host.resolver.compile import Resolver
from mlspec.lock.pins import Pin
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.lock.world import Compiled
from mlspec.plan.unfinished_names import UNFINISHED, batch_of, unfinished_name
from tests.cli.test_pipeline import LOCK, SPEC
from tests.support import warm  # noqa: F401 - once, and not in each of some hundred processes

# The audit events of changes of the disk, and of opened files, which the command may be about to change.
EVENTS = {"open", "os.rename", "os.link", "os.remove", "os.chmod", "os.mkdir", "os.truncate"}


def run(folder: Path, words: tuple[str, ...], kill_at: int = 0) -> int:
    """Run a command in a new process, kill it before the change of the disk number ``kill_at``; return its status."""
    child = os.fork()
    if not child:
        _run(folder, words, kill_at)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run(folder: Path, words: tuple[str, ...], kill_at: int) -> NoReturn:
    code = 99
    # Garbage of the test process may include open files, which the command must not close.
    gc.disable()
    try:
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.argv = ["mlspec", *words]
        if kill_at:
            sys.addaudithook(_killer(kill_at))
        try:
            app.main()
        except SystemExit as end:
            code = int(str(end.code or 0))
    finally:
        os._exit(code)


def _killer(kill_at: int) -> Callable[[str, tuple[Any, ...]], None]:
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in EVENTS and (event != "open" or _writes(arguments)):
            seen += 1
            if seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    return hook


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) or any(c in (mode or "") for c in "wxa+")


def pin(name: str, version: str) -> Pin:
    return Pin(name=name, version=version, requirement=f"{name}=={version}", hashes=(f"sha256:{'ab' * 32}",), size=9)


def resolver_that_knows(_: Resolver, requirements: Requirements, **__: object) -> Compiled:
    return Compiled(pins=tuple(pin(r.name, "1.0") for r in requirements.requirements), tools={"pip": "26.3"})


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the resolver by one with fixed answers."""

    monkeypatch.setattr(Resolver, "compile", resolver_that_knows)


def state(folder: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def is_litter(name: str) -> bool:
    return name.endswith(".tmp") or bool(batch_of(name))


@pytest.fixture
def project(tmp_path: Path, resolver: None) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mlspec.yaml").write_text(SPEC)
    (folder / "requirements.in").write_text("apple\n")
    (folder / "mlspec.lock").write_text(LOCK)
    (folder / "train.py").write_text("")
    assert run(folder, ("render",)) == 0
    (folder / "requirements.in").write_text("apple\npear\n")
    return folder


def killed(start: Path, words: tuple[str, ...], then: tuple[str, ...]) -> Iterator[tuple[int, Path]]:
    """Yield a number and a folder for each moment of a kill, after the kill and after the next command."""
    whole = start.with_name("whole")
    shutil.copytree(start, whole)
    assert run(whole, words) in {0, 1}
    for number in range(1, 400):
        folder = start.parent / str(number) / start.name
        shutil.copytree(start, folder)
        status = run(folder, words, number)
        if status != -signal.SIGKILL:
            return
        old, new = state(start), state(whole)
        for name, data in state(folder).items():
            assert is_litter(name) or data in {old.get(name), new.get(name)}, f"{name} is torn, kill {number}"
        assert run(folder, then) == 0, f"{then} fails after kill {number}"
        assert state(folder) == new, f"kill {number}"
        yield number, folder


@pytest.mark.parametrize("words", [("render",), ("lock",), ("lock", "-P", "apple")], ids=lambda words: " ".join(words))
def test_a_killed_command_is_put_right_by_the_next_render(words: tuple[str, ...], project: Path) -> None:
    moments = [number for number, _ in killed(project, words, ("render",))]
    assert len(moments) >= 10


def test_what_was_ready_needs_no_index(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = project.with_name("whole")
    shutil.copytree(project, whole)
    run(whole, ("render",))
    healed = 0
    for number in range(1, 100):
        folder = project.parent / str(number) / project.name
        shutil.copytree(project, folder)
        if run(folder, ("render",), number) != -signal.SIGKILL:
            break
        if (folder / "requirements.lock").read_bytes() == (whole / "requirements.lock").read_bytes():
            assert run(folder, ("render", "--locked")) == 0
            assert state(folder) == state(whole)
            healed += 1
    assert healed


def test_a_killed_init_leaves_no_spec_or_a_whole_one(tmp_path: Path) -> None:
    start = tmp_path / "start"
    start.mkdir()
    (start / "train.py").write_text("import numpy\n")
    whole = start.with_name("whole")
    shutil.copytree(start, whole)
    assert run(whole, ("init", "--yes", "--name", "x")) == 0
    moments = 0
    for number in range(1, 100):
        folder = tmp_path / str(number) / start.name
        shutil.copytree(start, folder)
        if run(folder, ("init", "--yes", "--name", "x"), number) != -signal.SIGKILL:
            break
        has_spec = (folder / "mlspec.yaml").exists()
        assert not has_spec or (folder / "mlspec.yaml").read_bytes() == (whole / "mlspec.yaml").read_bytes()
        assert run(folder, ("check",) if has_spec else ("init", "--yes", "--name", "x")) == 0
        assert not [name for name in state(folder) if is_litter(name)]
        moments += 1
    assert moments >= 5


def test_a_killed_repair_leaves_the_old_spec_or_the_new_one(project: Path) -> None:
    (project / "mlspec.yaml").write_text(SPEC.replace("entrypoint", "entrypiont"))
    moments = [number for number, _ in killed(project, ("check", "--fix"), ("check", "--fix"))]
    assert len(moments) >= 3


# Unfinished files


def left(folder: Path, name: str = "Dockerfile", batch: str = "01234567", journal: str | None = None) -> Path:
    made = folder / unfinished_name(name, batch)
    made.write_text("new")
    if journal is not None:
        (folder / unfinished_name("journal", batch)).write_text(journal)
    return made


def test_what_a_process_at_work_writes_is_left_to_it(tmp_path: Path) -> None:
    with unfinished.batch(tmp_path) as batch:
        batch.add("a", b"1", 0o644)
        assert unfinished.finish(tmp_path) == ()
        batch.add("b", b"2", 0o644)
        batch.commit()
    assert state(tmp_path) == {"a": b"1", "b": b"2"}


def test_what_nobody_writes_any_more_is_removed(tmp_path: Path) -> None:
    left(tmp_path)
    (tmp_path / "Dockerfile").write_text("old")
    (tmp_path / ".users.tmp").write_text("own")
    assert unfinished.finish(tmp_path) == ()
    assert state(tmp_path) == {".users.tmp": b"own", "Dockerfile": b"old"}


@pytest.mark.parametrize(
    "journal",
    ['[["Dockerfile", "", "x"], ["../out", "", "x"]]', '[["/tmp/out", "", "x"]]', "[1]", "{", "[" * 100_000, "[[1]]"],
    ids=["outside", "absolute", "no rows", "cut off", "deep", "short row"],
)
def test_a_journal_of_a_stranger_moves_nothing(journal: str, tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    folder.mkdir()
    left(folder, journal=journal)
    (tmp_path / unfinished_name("out", "01234567")).write_text("evil")
    assert unfinished.finish(folder) == ()
    assert state(folder) == {}
    assert not (tmp_path / "out").exists()


def test_a_file_that_was_changed_since_is_kept(tmp_path: Path) -> None:
    left(tmp_path, journal='[["Dockerfile", "what it was", "what it will be"]]')
    (tmp_path / "Dockerfile").write_text("of the user")
    assert unfinished.finish(tmp_path) == ()
    assert state(tmp_path) == {"Dockerfile": b"of the user"}


def test_the_ignore_pattern_fits_the_names(tmp_path: Path) -> None:
    names = {unfinished_name("Dockerfile", "01234567"), unfinished_name("mlspec.yaml", "89abcdef")}
    for name in names:
        (tmp_path / name).touch()
    assert {path.name for path in tmp_path.glob(f".*{UNFINISHED}")} == names
