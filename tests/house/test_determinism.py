"""Tests that the same spec and lock give the same bytes on any host, locale, folder, and hash seed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import places

SPECS = sorted(places.SPECS.glob("*.yaml"))
# A program that reads specs from stdin as NAME\0TEXT\0…, and writes their artifacts; it reads nothing else.
PROGRAM = r"""
import sys
from mlspec.plan import plan
from mlspec.lock.image_facts import ImageFacts
from mlspec.spec import document, encoding, spec
from mlspec.targets import registry as targets

resolved = ImageFacts(
    project="project", base="python:3.12-slim-bookworm@sha256:" + "0" * 64, is_official=True,
    layers=("torch", "rest"), has_vcs=True,
)
parts = sys.stdin.buffer.read().split(b"\0")[:-1]
for name, data in zip(parts[::2], parts[1::2], strict=True):
    file = name.decode()
    for image in spec.validate(document.parse(encoding.decode(data, file), file)).images:
        for artifact in targets.emit(plan.resolve(file, image, resolved)):
            sys.stdout.buffer.write(f"{artifact.path}\0{artifact.text}\0{artifact.executable}\0".encode())
"""
# Each host differs in several ways at once, because a process takes a second; a failure shows its environment.
HOSTS: dict[str, dict[str, str]] = {
    "no locale, hashes from 0, docker elsewhere": {
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONHASHSEED": "0",
        "DOCKER_HOST": "tcp://elsewhere:1",
        "PIP_INDEX_URL": "https://elsewhere.invalid",
    },
    "Turkish, hashes from 1, another day": {
        "LC_ALL": "tr_TR.UTF-8",
        "LANG": "tr_TR.UTF-8",
        "LANGUAGE": "tr",
        "PYTHONHASHSEED": "1",
        "TZ": "Pacific/Kiritimati",
        "SOURCE_DATE_EPOCH": "0",
    },
    "English, hashes at random, another user, optimised": {
        "LC_ALL": "C.UTF-8",
        "LANG": "en_US.UTF-8",
        "PYTHONHASHSEED": "random",
        "HOME": "/nonexistent",
        "USER": "someone",
        "LOGNAME": "someone",
        "PYTHONOPTIMIZE": "2",
    },
}
PYTHONS = os.environ.get("MLSPEC_PYTHONS", "").split()


def drawn(folder: Path, python: str = sys.executable, **environment: str) -> str:
    """Return one digest of the artifacts of all specs, drawn by a new process in ``folder``."""
    said = b"".join(path.name.encode() + b"\0" + path.read_bytes() + b"\0" for path in SPECS)
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    run = subprocess.run([python, "-c", PROGRAM], input=said, cwd=folder, env=kept | environment, capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    assert run.stdout
    return hashlib.sha256(run.stdout).hexdigest()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    return drawn(tmp_path_factory.mktemp("here"))


@pytest.mark.parametrize("host", HOSTS)
def test_every_host_draws_the_same(host: str, expected: str, tmp_path: Path) -> None:
    folder = tmp_path / "ein Ordner, ünïcode"
    folder.mkdir()

    assert drawn(folder, **HOSTS[host]) == expected


@pytest.mark.skipif(not PYTHONS, reason="MLSPEC_PYTHONS names no other interpreters that have mlspec installed")
@pytest.mark.parametrize("python", PYTHONS)
def test_every_python_draws_the_same(python: str, expected: str, tmp_path: Path) -> None:
    assert drawn(tmp_path, python) == expected
