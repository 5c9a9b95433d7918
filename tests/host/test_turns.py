"""Tests of the turn, which one process has at a time: a wait is announced and ends, and other users cannot block it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlspec.errors import ToolError
from mlspec.host.files import turns

HOLD = """
import sys
from pathlib import Path
from mlspec.host.files.turns import alone
with alone(Path("mlspec.yaml")):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> subprocess.Popen[str]:
    """Another process that holds the turn for the spec of this folder."""
    monkeypatch.chdir(tmp_path)
    child = subprocess.Popen([sys.executable, "-c", HOLD], stdin=-1, stdout=-1, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def end(child: subprocess.Popen[str]) -> None:
    child.communicate(timeout=60)


def test_a_wait_is_told_with_the_process(other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_TOLD_AFTER", 0.1)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        end(other)

    with turns.alone(Path("mlspec.yaml"), say):
        assert said == [f"waiting for another mlspec (process {other.pid}) at work on mlspec.yaml"]


def test_a_wait_ends(other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_TOLD_AFTER", 0.05)
    monkeypatch.setattr(turns, "_MOST", 0.05)
    message = f"MLS425: another mlspec .process {other.pid}. has been at work"
    with pytest.raises(ToolError, match=message), turns.alone(Path("mlspec.yaml")):
        pass
    end(other)


def test_a_killed_process_holds_no_turn(other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    said: list[str] = []
    with turns.alone(Path("mlspec.yaml"), said.append):
        assert not said
    end(other)


@pytest.mark.parametrize("what", ["file", "link", "folder for all", "file in the folder's place"])
def test_what_stands_in_the_place_of_locks_stops_nothing(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cache, shared = tmp_path / "cache", tmp_path / "tmp"
    shared.mkdir()
    monkeypatch.setenv("MLSPEC_CACHE_DIR", "off" if what != "file in the folder's place" else str(cache))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(shared))
    place = shared / f"mlspec-{os.geteuid()}"
    if what == "file":
        place.touch()
    elif what == "link":
        place.symlink_to(place)
    elif what == "folder for all":
        place.mkdir()
        place.chmod(0o777)
    else:
        cache.touch()
    with turns.alone(Path("mlspec.yaml")):
        pass


def test_a_folder_in_the_place_of_the_lock_moves_it_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLSPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    with turns.alone(Path("mlspec.yaml")):
        (lock, _) = sorted((tmp_path / "cache" / "turns").iterdir())
    lock.unlink(missing_ok=True)
    lock.mkdir()
    with turns.alone(Path("mlspec.yaml")):
        assert list((tmp_path / f"mlspec-{os.geteuid()}").iterdir())
