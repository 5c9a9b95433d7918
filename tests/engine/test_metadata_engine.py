"""What only a build can tell of a source is made in the image's build stage, whatever the host has; nothing is left."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mlspec import api
from mlspec.lock.state import LockOptions
from tests.index import dynamic, serving, wheel

pytestmark = pytest.mark.engine

SPEC = """\
python: 3.12
base: slim-bookworm
requirements: [team-old]
build_apt: [hello]
indexes: [{{url: {url}, packages: [team-*]}}]
entrypoint: python main.py
"""
# Debian's program `hello` is neither on this host nor in the base; the build asks it, as others do gdal-config.
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
    assert sum("making the metadata of team-old 1.0 in the image's build stage" in line for line in said) == 1
    assert not [problem for problem in (*rendered.warnings, *again.warnings) if problem.code == "MLS262"]
