"""A build begins with the command of last time, before the spec is read again; and counts only if that is right."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mlspec.cli import app
from mlspec.cli import main as program
from mlspec.cli.app import cli
from mlspec.host.cache import headstart
from mlspec.host.cache.headstart import HeadStart

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for docker is a shell script")

EXAMPLE = Path(__file__).parent.parent / "specs" / "first-training"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An example as the working directory, no engine, and a ``docker`` that writes what it is told into a file."""
    folder = tmp_path / "project"
    shutil.copytree(EXAMPLE, folder)
    (tmp_path / "bin").mkdir()
    docker(tmp_path, "exit 0")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    monkeypatch.setenv("MLSPEC_CACHE_DIR", str(tmp_path / "cache"))
    return folder


def docker(place: Path, ending: str) -> None:
    fake = place / "bin" / "docker"
    fake.write_text(f'#!/bin/sh\necho "$@" >> {place}/told\n{ending}\n')
    fake.chmod(0o755)


def told(project: Path) -> list[str]:
    """Return what ``docker`` was told to build, in order."""
    place = project.parent / "told"
    lines = place.read_text().splitlines() if place.exists() else []
    return [line for line in lines if line.startswith("buildx build")]


def mlspec(*words: str) -> tuple[Result, HeadStart | None]:
    """Run a command as the program does, and return how it ended and what was begun for it."""
    with pytest.MonkeyPatch.context() as patch, headstart.begun(words) as start:
        patch.setattr(sys, "argv", ["mlspec", *words])
        done = CliRunner().invoke(cli, words, obj=start)
    assert done.exit_code == 0, done.stderr
    return done, start


def begun(*words: str) -> tuple[str, ...]:
    """Return the command that these words begin at once, which is then ended."""
    with headstart.begun(words) as start:
        return start.words if start else ()


def test_a_build_begins_with_the_command_of_the_last_one(project: Path) -> None:
    mlspec("build")

    assert begun("build")[:3] == ("docker", "buildx", "build")


def test_what_was_begun_is_the_build_and_no_second_one_starts(project: Path) -> None:
    mlspec("build")
    _, start = mlspec("build")

    assert start is not None
    assert start.child.returncode == 0
    assert len(told(project)) == 2
    assert not list((project.parent / "cache" / "begun").glob("*.metadata"))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("mlspec.yaml", "name: other\n"),
        ("Dockerfile", "FROM scratch\n"),
        ("requirements.lock", ""),
    ],
)
def test_nothing_begins_where_the_files_may_not_be_right(project: Path, path: str, text: str) -> None:
    mlspec("build")
    (project / path).write_text(text)

    assert begun("build") == ()


def test_a_change_of_the_code_changes_nothing_about_the_command(project: Path) -> None:
    mlspec("build")
    (project / "train.py").write_text("print('another')\n")

    assert begun("build") != ()


@pytest.mark.parametrize("words", [("build", "--tag", "b"), ("build", "--no-cache"), ("build", "--push"), ("render",)])
def test_other_words_begin_nothing(project: Path, words: Sequence[str]) -> None:
    mlspec("build")

    assert begun(*words) == ()


@pytest.mark.parametrize("words", [("build", "--no-cache"), ("build", "--push")])
def test_what_is_done_on_purpose_is_not_begun_by_itself(project: Path, words: Sequence[str]) -> None:
    mlspec(*words)

    assert begun(*words) == ()


def test_without_a_cache_nothing_begins(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSPEC_CACHE_DIR", "off")
    mlspec("build")

    assert begun("build") == ()


def test_a_command_that_is_not_the_same_today_is_run_in_its_place(project: Path) -> None:
    mlspec("build")
    git = ("git", "-c", "user.name=ann", "-c", "user.email=ann@example.com")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "one")):
        subprocess.run((*git, *words), check=True)
    mlspec("build")
    head = subprocess.run((*git, "rev-parse", "HEAD"), check=True, capture_output=True, text=True).stdout.strip()

    assert f"org.opencontainers.image.revision={head}" in told(project)[-1]


def test_what_nobody_takes_is_ended(project: Path) -> None:
    mlspec("build")
    docker(project.parent, "exec sleep 60")
    with headstart.begun(["build"]) as start:
        assert start is not None

    assert start.child.returncode is not None
    assert not Path(start.metadata_file).exists()


def test_a_build_from_files_that_change_meanwhile_is_ended(project: Path) -> None:
    mlspec("build")
    docker(project.parent, "exec sleep 60")
    with headstart.begun(["build"]) as start:
        assert start is not None
        wait_for(lambda: len(told(project)) == 2)
        docker(project.parent, "exit 0")
        spec = project / "mlspec.yaml"
        spec.write_text(spec.read_text() + "environment: {MODE: train}\n")
        done = CliRunner().invoke(cli, ["build"], obj=start)

    assert done.exit_code == 0, done.stderr
    assert start.child.returncode != 0
    assert len(told(project)) == 3
    assert "MODE=train" in (project / "Dockerfile").read_text()


def wait_for(condition: object) -> None:
    assert callable(condition)
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError


def test_a_damaged_memory_begins_nothing(project: Path) -> None:
    mlspec("build")
    (kept,) = (project.parent / "cache" / "begun").iterdir()
    for text in ("", "[]", "{}", '{"format": "mlspec begun 1", "spec": "mlspec.yaml", "folder": ".", "words": 3}'):
        kept.write_text(text)
        assert begun("build") == ()


def test_a_head_start_is_for_its_folder_alone(project: Path) -> None:
    child = subprocess.Popen(["sleep", "60"], stderr=subprocess.PIPE)
    start = HeadStart(("sleep", "60"), os.fspath(project), "metadata", child)

    assert start.takes(("sleep", "60"), project)
    assert not start.takes(("sleep", "60"), project.parent)
    assert child.returncode is not None


def test_the_program_begins_before_it_reads_anything_else(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlspec("build")
    given: list[HeadStart | None] = []
    monkeypatch.setattr(sys, "argv", ["mlspec", "build"])
    monkeypatch.setattr(app, "main", given.append)
    program()

    assert given[0] is not None


# What stands in the way is told as before, when a build failed


@pytest.mark.parametrize("words", [(), ("--verify",), ("--progress", "rawjson")])
def test_a_build_without_an_engine_tells_that(project: Path, words: Sequence[str]) -> None:
    docker(project.parent, '[ "$2" = build ] && { echo "ERROR: cannot connect" >&2; exit 1; } || echo v0.29.1')
    done = subprocess.run((sys.executable, "-m", "mlspec", "build", *words), capture_output=True, text=True)

    assert done.returncode == 3
    assert "MLS501: no engine answers at unix:///nowhere.sock" in done.stderr


_LOST = """\
case "$*" in *build*) ;; *) exit 0 ;; esac
[ -e lost ] && exit 0
touch lost
echo '{"vertexes": [{"digest": "sha256:1", "name": "exporting to image", "started": "2026-01-01T00:00:00Z", \
"completed": "2026-01-01T00:00:01Z", "error": "failed to prepare extraction snapshot \\"extract-1\\": parent snapshot \
sha256:2 does not exist: not found"}]}' >&2
exit 1"""


def test_a_layer_that_the_engine_lost_is_built_once_more(project: Path) -> None:
    docker(project.parent, _LOST)
    done, _ = mlspec("build")

    assert len(told(project)) == 2
    assert "the engine lost a layer" in done.stderr
