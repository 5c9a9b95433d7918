"""Tests of the files that ``mlspec dev`` watches, and of their changes."""

from __future__ import annotations

import queue
from pathlib import Path

import pytest
from watchfiles import Change

from mlspec.host.live.watched_files import SelfWrites, WatchedFiles
from mlspec.host.live.watcher import Changes, FileWatcher
from mlspec.plan.nested_paths import list_outer, path_from
from mlspec.targets import ignore_patterns

IGNORED = "data\n**/__pycache__\n**/.venv\n*.lock\n!requirements.lock\n"


def watched(folder: Path, **options: object) -> WatchedFiles:
    return WatchedFiles(
        folder=folder,
        patterns=ignore_patterns.parse(IGNORED),
        places=(".",),
        inputs=frozenset({str(folder / "mlspec.yaml")}),
        known=frozenset(str(path) for path in folder.rglob("*")),
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with code, settings, data and an environment."""
    for name in ("main.py", "conf/a.yaml", "data/x", ".venv/lib/x.py", "out.csv", "src/fast.c", "mlspec.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("change", "name", "kind"),
    [
        (Change.modified, "main.py", "code"),
        (Change.added, "main.py", "code"),  # an editor that replaces the file
        (Change.modified, "conf/a.yaml", "code"),
        (Change.deleted, "conf/a.yaml", "code"),
        (Change.added, "new.py", "code"),
        (Change.added, "new.json", ""),
        (Change.modified, "new.json", ""),
        (Change.modified, "mlspec.yaml", "input"),
        (Change.modified, "data/x", ""),
        (Change.modified, ".venv/lib/x.py", ""),
        (Change.added, "conf/__pycache__/a.pyc", ""),
        (Change.modified, "main.py~", ""),
        (Change.added, "4913", ""),
        (Change.modified, "run.log", ""),
        (Change.modified, "out.csv", ""),
        (Change.modified, "../other/main.py", ""),
    ],
)
def test_what_a_change_is_about(folder: Path, change: Change, name: str, kind: str) -> None:
    files = watched(folder, written=("out.csv",))

    assert files.kind_of(change, str((folder / name).resolve())) == kind


@pytest.mark.parametrize(
    ("change", "name", "kind"),
    [
        (Change.modified, "main.py", "code"),
        (Change.added, "main.py", "code"),
        (Change.added, "new.py", "sources"),
        (Change.deleted, "gone.py", "sources"),
        (Change.modified, "src/fast.c", "sources"),
    ],
)
def test_an_installed_project_is_built_again_for_other_modules(
    folder: Path, change: Change, name: str, kind: str
) -> None:
    files = watched(folder, has_project=True, compiled=("src",))

    assert files.kind_of(change, str(folder / name)) == kind


def test_folders_that_the_ignore_file_leaves_out_are_not_watched(folder: Path) -> None:
    names = {path.relative_to(folder).as_posix() for path in watched(folder).list_folders()}

    assert names == {".", "conf", "src"}


@pytest.mark.parametrize(
    ("delays", "is_learned"),
    [((0.3, 0.4, 0.35), True), ((30.0, 33.0, 31.0), True), ((3.0, 9.0, 20.0), False), ((0.3, 0.3), False)],
)
def test_a_file_that_changes_at_the_same_time_in_each_run_is_the_program_s(
    delays: tuple[float, ...], is_learned: bool
) -> None:
    writes = SelfWrites()
    for delay in delays:
        writes.learn(["out.csv", "main.py"], delay)

    assert writes.learned == ({"out.csv"} if is_learned else set())


def test_a_file_whose_run_was_without_a_change_is_not_the_program_s() -> None:
    writes = SelfWrites()
    for names in (["out.csv"], ["other.csv"], ["out.csv"], ["out.csv"]):
        writes.learn(names, 0.3)

    assert writes.learned == set()


def until(events: queue.SimpleQueue[Changes], path: Path) -> None:
    """Wait for a change of a file; raises queue.Empty."""
    while not any(name == str(path) for _, name in events.get(timeout=10)):
        pass


def test_no_change_is_lost_while_other_files_begin_to_be_watched(folder: Path) -> None:
    events: queue.SimpleQueue[Changes] = queue.SimpleQueue()
    watcher = FileWatcher(watched(folder), events.put, lambda error: None)
    try:
        for number in range(5):
            watcher.replace(watched(folder))
            (folder / "main.py").write_text("x" * number + "y")
            until(events, folder / "main.py")
    finally:
        watcher.end()


def test_a_file_in_a_new_folder_is_seen(folder: Path) -> None:
    events: queue.SimpleQueue[Changes] = queue.SimpleQueue()
    watcher = FileWatcher(watched(folder), events.put, lambda error: None)
    try:
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a" / "b" / "c.py").write_text("")
        until(events, folder / "a" / "b" / "c.py")
        (folder / "a" / "b" / "c.py").write_text("x")
        until(events, folder / "a" / "b" / "c.py")
    finally:
        watcher.end()


def test_outer_paths_are_those_in_no_other() -> None:
    assert list_outer((".", "src", "../libs/a", "../libs", "../x")) == (".", "../libs", "../x")
    assert list_outer((".", "..")) == ("..",)
    assert path_from("src", "src/data") == "data"
