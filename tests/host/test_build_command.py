"""Tests of ``mlspec build`` with a stand-in for docker: its messages if the engine fails."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from mlspec.cli.app import cli
from tests.support import command
from tests.support.places import PROJECT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for docker is a shell script")

EXAMPLE = PROJECT / "specs" / "first-training"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of an example, which is the working directory; no engine is reachable."""
    folder = tmp_path / "project"
    shutil.copytree(EXAMPLE, folder)
    (tmp_path / "bin").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    monkeypatch.setenv("MLSPEC_CACHE_DIR", str(tmp_path / "cache"))
    return folder


def docker(project: Path, script: str) -> None:
    """Put a ``docker`` into PATH that appends its arguments to the file ``calls`` and runs ``script``."""
    fake = project.parent / "bin" / "docker"
    fake.write_text(f'#!/bin/sh\necho "$@" >> {project.parent}/calls\n{script}\n')
    fake.chmod(0o755)


@pytest.mark.parametrize("words", [(), ("--verify",), ("--progress", "rawjson")])
def test_a_build_without_an_engine_says_so(project: Path, words: Sequence[str]) -> None:
    docker(project, '[ "$2" = build ] && { echo "ERROR: cannot connect" >&2; exit 1; } || echo v0.29.1')
    done = command.run("build", *words)

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
    docker(project, _LOST)
    done = CliRunner().invoke(cli, ["build"])

    calls = (project.parent / "calls").read_text(encoding="utf-8").splitlines()
    assert done.exit_code == 0, done.stderr
    assert [call[:12] for call in calls].count("buildx build") == 2
    assert "the engine lost a layer" in done.stderr
