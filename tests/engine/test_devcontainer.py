"""Tests of dev containers with the reference implementation, the devcontainer CLI, called by an ordinary user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engine.conftest import BASE, PREFIX, User
from tests.support import npm

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine", "base")]

CLI = "@devcontainers/cli@0.89.0"
SECRET = "not-for-anybody"
NAME = f"{PREFIX}-lab"
SPEC = f"""\
name: {NAME}
python: 3.12
base: {BASE.removeprefix("python:3.12-")}
requirements: [iniconfig==2.0.0]
entrypoint: python lab.py
mounts: [./models:/app/models, "./data:/app/data:ro"]
secrets: {{TOKEN: {{environment: TOKEN}}, key: {{file: ./key.pem}}}}
"""
FOR_DEVELOPERS = "targets: [devcontainer]\ndev: [pytest]\n"
# The test of the project runs in the dev container, and reports what it sees.
TEST = """\
import json, os, pathlib, shutil, site, sys
import iniconfig, lab

def test_it():
    pathlib.Path("report.json").write_text(json.dumps({
        "user": [os.getuid(), os.getgid()], "folder": os.getcwd(), "python": sys.executable,
        "tools": [name for name in ("git", "ps", "curl", "bash", "pytest") if not shutil.which(name)],
        "writable": [path for path in (".", "data", "models", site.getsitepackages()[0]) if os.access(path, os.W_OK)],
        "secrets": [os.environ["TOKEN"], pathlib.Path("/run/secrets/key").read_text()],
        "home": os.access(os.environ["HOME"], os.W_OK),
    }))
    lab.train()
"""
FILES = {
    "lab.py": "def train():\n    open('models/m', 'w').write('trained')\n",
    "test_lab.py": TEST,
    "key.pem": "a key",
    ".env": "OTHER=1",
    "data/rows.csv": "1",
}
Call = Callable[..., str]


@dataclass(frozen=True)
class Lab:
    """A project whose dev container is up: its folder, a function that calls the CLI, and the CLI's output of `up`."""

    folder: Path
    call: Call
    said: str


@pytest.fixture(scope="module")
def cli(workshop: Path) -> Path:
    """The devcontainer CLI, installed for this session."""
    folder = workshop / "devcontainer-cli"
    npm.install(CLI, folder)
    # The CLI asks `id` for the name of the user, and the user of the tests has none.
    (folder / "id").write_text('#!/bin/sh\n[ "$*" != "-u -n" ] || exec echo developer\nexec /usr/bin/id "$@"\n')
    (folder / "id").chmod(0o755)
    return folder


def write_project(folder: Path, spec: str, files: Mapping[str, str]) -> None:
    """Write a spec with its files, and compile it."""
    for name, text in {"mlspec.yaml": spec, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    subprocess.run([sys.executable, "-m", "mlspec", "render", "--quiet"], cwd=folder, check=True)


def build(folder: Path) -> str:
    """Build the image of a project, and return its digest."""
    command = ["docker", "build", "--quiet", "--provenance=false", "--file", "Dockerfile", "--tag", NAME, "."]
    command += ["--build-arg", "SOURCE_DATE_EPOCH=315619200"]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def lab(cli: Path, user: User, registry: str, workshop: Path) -> Iterator[Lab]:
    folder, home = workshop / uuid.uuid4().hex / "lab", workshop / uuid.uuid4().hex
    write_project(folder, SPEC + FOR_DEVELOPERS, FILES)
    home.mkdir()
    for path in (home, folder.parent, *folder.parent.rglob("*")):
        os.chown(path, user.uid, user.gid)
    environment = {**os.environ, "HOME": str(home), "BUILDX_CONFIG": str(home), "TMPDIR": str(home), "TOKEN": SECRET}
    environment["PATH"] = f"{cli}:{environment['PATH']}"

    def call(*words: str) -> str:
        name, *others = words
        program = str(cli / "node_modules" / ".bin" / "devcontainer")
        command = [*user.prefix, program, name, "--workspace-folder", str(folder), *others]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    try:
        yield Lab(folder, call, call("up"))
    finally:
        own = ["docker", "ps", "--all", "--quiet", "--filter", f"label=devcontainer.local_folder={folder}"]
        container = subprocess.run(own, check=True, capture_output=True, text=True).stdout.strip()
        image = ["docker", "inspect", "--format", "{{.Config.Image}}", container]
        made = subprocess.run(image, check=False, capture_output=True, text=True).stdout.strip()
        subprocess.run(["docker", "rm", "--force", "--volumes", container], check=False, capture_output=True)
        images = [made, made.removesuffix("-uid"), f"localhost/{NAME}:devcontainer"]
        subprocess.run(["docker", "rmi", "--force", *images], check=False, capture_output=True)


def test_the_tests_of_the_project_run_in_a_dev_container_as_the_caller(lab: Lab, user: User) -> None:
    lab.call("exec", "python", "-m", "pytest", "-q")

    report = json.loads((lab.folder / "report.json").read_text())
    assert report == {
        "user": [user.uid, user.gid],
        "folder": "/app",
        "python": "/opt/venv/bin/python",
        "tools": [],
        "writable": [".", "models", "/opt/venv/lib/python3.12/site-packages"],
        "secrets": [SECRET, "a key"],
        "home": True,
    }
    assert all(user.owns(lab.folder / name) for name in ("report.json", "models/m"))


def test_a_package_of_the_image_keeps_its_version(lab: Lab) -> None:
    assert lab.call("exec", "python", "-c", "from importlib.metadata import version; print(version('iniconfig'))") == (
        "2.0.0\n"
    )
    assert "iniconfig" not in (lab.folder / "requirements.dev.lock").read_text().split()


def test_the_editor_gets_the_environment_of_the_image(lab: Lab) -> None:
    answer = lab.call("read-configuration").splitlines()
    found = json.loads(next(line for line in answer if line.startswith("{")))["configuration"]

    path = found["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert lab.call("exec", path, "-c", "import pytest, iniconfig; print('both')") == "both\n"


def test_no_secret_is_shown_or_copied(lab: Lab) -> None:
    image = f"localhost/{NAME}:devcontainer"
    listing = ["docker", "run", "--rm", "--entrypoint", "ls", image, "-A", "/app"]
    copied = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split()

    assert SECRET not in lab.said
    assert sorted(copied) == ["lab.py", "test_lab.py"]


@pytest.mark.usefixtures("registry")
def test_the_image_that_ships_is_the_same_without_developers(workshop: Path) -> None:
    digests = set()
    for spec in (SPEC, SPEC + FOR_DEVELOPERS):
        folder = workshop / uuid.uuid4().hex / "lab"
        write_project(folder, spec, FILES)
        digests.add(build(folder))

    assert len(digests) == 1
