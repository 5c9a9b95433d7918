"""Tests of dynamic metadata: it is built in the image's build stage, not on the host, and leaves no files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlspec import api
from mlspec.lock.state import LockOptions
from tests.support.index import dynamic, serving, wheel

pytestmark = pytest.mark.engine

SPEC = """\
python: 3.12
base: slim-bookworm
requirements: [team-old]
build_apt: [hello]
indexes: [{{url: {url}, packages: [team-*]}}]
entrypoint: python main.py
"""
# Debian's program `hello` is neither on this host nor in the base; the build runs it, as other builds run gdal-config.
TOLD = """\
import socket, subprocess, sys
from importlib.metadata import version
said = subprocess.run(['hello'], capture_output=True, text=True, check=True).stdout
assert sys.version_info[:2] == (3, 12)
try:
    socket.create_connection(('1.1.1.1', 53), 2)
except OSError:
    requires = ['team-fruit==' + version('team-helper')] if said else []
"""


def images() -> set[str]:
    done = subprocess.run(["docker", "images", "--quiet", "--no-trunc"], capture_output=True, text=True)
    return set(done.stdout.split())


def made_by_us(image: str) -> bool:
    done = subprocess.run(["docker", "history", "--no-trunc", image], capture_output=True, text=True)
    return "script.py" in done.stdout


def test_a_source_is_asked_in_the_build_stage_of_its_image(registry: str, tmp_path: Path) -> None:
    source = dynamic("team-old", "1.0", TOLD, build=["team-helper"])
    helpers = [wheel("team-helper", "1.0"), wheel("team-helper", "2.0")]
    fruit = [wheel("team-fruit", "1.0"), wheel("team-fruit", "2.0"), wheel("team-fruit", "3.0")]
    said: list[str] = []
    with serving(source, *helpers, *fruit) as index:
        (tmp_path / "mlspec.yaml").write_text(SPEC.format(url=index.url))
        (tmp_path / "main.py").write_text("")
        before = images()

        rendered = api.render(tmp_path / "mlspec.yaml", LockOptions(), say=said.append)
        api.write(rendered)
        first = (tmp_path / "requirements.lock").read_text()
        again = api.render(tmp_path / "mlspec.yaml", LockOptions(upgrade=True), say=said.append)

    assert "team-fruit==2.0" in first
    assert not any(map(made_by_us, images() - before))
    assert sum("building the metadata of team-old 1.0 in the image's build stage" in line for line in said) == 1
    assert not [problem for problem in (*rendered.warnings, *again.warnings) if problem.code == "MLS262"]


STEPS = """\
python: 3.12
base: slim-bookworm
requirements: [app]
apt: [hello]
build_apt: [hello-traditional]
secrets: {TOKEN: {environment: OWN_TOKEN}, LICENCE: {file: ./licence.txt}}
run:
  - command: |
      hello > /usr/local/share/said
      said="$(cat /usr/local/share/said) $TOKEN $(cat /run/secrets/LICENCE)"
      printf '#!/bin/sh\\necho "%s"\\n' "$said" > /usr/bin/greet
      chmod +x /usr/bin/greet
    at: before_install
    secrets: [TOKEN, LICENCE]
  - {command: exit 1, at: after_install}
entrypoint: python main.py
"""
GREETED = """\
import os, subprocess
said = subprocess.run(['greet'], capture_output=True, text=True, check=True).stdout
assert 'OWN_TOKEN' not in os.environ and 'TOKEN' not in os.environ
requires = ['fruit==' + said.split()[-1]] if 'Hello, world! 4711' in said else []
"""


def test_steps_before_anything_is_installed_are_part_of_that_stage(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_TOKEN", "4711")
    (tmp_path / "licence.txt").write_text("2.0")
    (tmp_path / "mlspec.yaml").write_text(STEPS)
    with serving(dynamic("app", "1.0", GREETED), wheel("fruit", "1.0"), wheel("fruit", "2.0")) as index:
        monkeypatch.setenv("MLSPEC_INDEX_URL", index.url)

        rendered = api.render(tmp_path / "mlspec.yaml", LockOptions())

    texts = {artifact.path: artifact.text for artifact in rendered.artifacts}
    assert "fruit==2.0" in texts["requirements.lock"]
    assert not [problem for problem in rendered.warnings if problem.code == "MLS262"]


def test_a_secret_that_a_step_lacks_leaves_it_to_the_host_and_says_so(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OWN_TOKEN", raising=False)
    (tmp_path / "licence.txt").write_text("2.0")
    (tmp_path / "mlspec.yaml").write_text(STEPS)
    with serving(dynamic("app", "1.0", "requires = []")) as index:
        monkeypatch.setenv("MLSPEC_INDEX_URL", index.url)

        rendered = api.render(tmp_path / "mlspec.yaml", LockOptions())

    (warning,) = [problem for problem in rendered.warnings if problem.code == "MLS262"]
    assert "OWN_TOKEN" in warning.message


def test_the_torch_of_a_build_is_that_of_the_images_accelerator(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "from importlib.metadata import version\nrequires = ['fruit==' + version('torch').partition('+')[0]]"
    (tmp_path / "mlspec.yaml").write_text("python: 3.12\nbase: slim-bookworm\nrequirements: [app]\n")
    public = [wheel("torch", "9.0", ["nvidia-cudnn"]), wheel("nvidia-cudnn", "1.0")]
    with (
        serving(dynamic("app", "1.0", told, build=["torch"]), wheel("fruit", "2.0"), *public) as index,
        serving(wheel("torch", "2.0+cpu")) as cpu,
    ):
        monkeypatch.setenv("MLSPEC_INDEX_URL", index.url)
        monkeypatch.setenv("MLSPEC_INDEX_MIRRORS", f"https://download.pytorch.org/whl/cpu={cpu.url}")

        rendered = api.render(tmp_path / "mlspec.yaml", LockOptions())

    texts = {artifact.path: artifact.text for artifact in rendered.artifacts}
    assert "fruit==2.0" in texts["requirements.lock"]
    assert "torch==2.0+cpu" in texts["requirements.build.lock"]
    assert index.pages == {"app", "fruit"}
    assert not [problem for problem in rendered.warnings if problem.code == "MLS262"]


def test_an_interrupt_while_metadata_is_made_leaves_nothing(registry: str, tmp_path: Path) -> None:
    project, temporary = tmp_path / "project", tmp_path / "tmp"
    project.mkdir()
    temporary.mkdir()
    (project / "mlspec.yaml").write_text("python: 3.12\nbase: slim-bookworm\nrequirements: [app]\n")
    mark = f"still-asleep-{os.getpid()}"
    slow = f"import subprocess\nsubprocess.run(['sh', '-c', 'sleep 300 # {mark}'])\nrequires = []"
    with serving(dynamic("app", "1.0", slow)) as index, (tmp_path / "said").open("wb") as said:
        own = {**os.environ, "MLSPEC_INDEX_URL": index.url, "TMPDIR": str(temporary)}
        words = [sys.executable, "-m", "mlspec", "lock"]
        child = subprocess.Popen(words, cwd=project, env=own, stdout=said, stderr=said, start_new_session=True)
        _wait_for(lambda: mark in _processes())

        os.killpg(child.pid, signal.SIGINT)

        assert child.wait(60) == 130
    assert "interrupted" in (tmp_path / "said").read_text()
    assert sorted(path.name for path in project.iterdir()) == ["mlspec.yaml"]
    assert list(temporary.iterdir()) == []
    _wait_for(lambda: mark not in _processes())


def _processes() -> str:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def _wait_for(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.2)
