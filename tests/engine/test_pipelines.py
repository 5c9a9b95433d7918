"""Tests that the real runner of GitHub's workflows, act, checks, builds and pushes by a workflow of mlspec."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.index]

SPEC = """\
name: lab
python: 3.12
registry: %s/%s
targets: [github]
secrets: [TOKEN]
run: [{command: 'test "$TOKEN" = s3cret-value', secrets: [TOKEN]}]
entrypoint: python main.py
"""
BIN = Path(sys.executable).parent
GIT = ("git", "-c", "user.name=ann", "-c", "user.email=ann@example.com")


def act(folder: Path, branch: str) -> str:
    """Run the workflow for a push to ``branch`` on this host, and return the output; raises AssertionError."""
    event, home = folder.parent / "event.json", folder.parent
    event.write_text(json.dumps({"ref": f"refs/heads/{branch}", "repository": {"default_branch": "main"}}))
    command = [str(BIN / "act"), "push", "-P", "ubuntu-latest=-self-hosted", "--eventpath", str(event)]
    secrets = [
        f"--secret={pair}" for pair in ("TOKEN=s3cret-value", "REGISTRY_USER=ann", "REGISTRY_PASSWORD=pass-word")
    ]
    path = os.pathsep.join([str(home / "bin"), str(BIN), os.environ["PATH"]])
    done = subprocess.run(
        [*command, *secrets, "--var", "MLSPEC=./mlspec.whl"],
        cwd=folder,
        env={**os.environ, "PATH": path, "DOCKER_CONFIG": str(home / "docker"), "HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder: what the workflow installs and logs in to must not stay on this host."""
    own = Path(os.environ.get("DOCKER_CONFIG", Path.home() / ".docker"))
    shutil.copytree(own, tmp_path / "docker", symlinks=True) if own.is_dir() else (tmp_path / "docker").mkdir()
    pipx = tmp_path / "bin" / "pipx"
    pipx.parent.mkdir()
    pipx.write_text("#!/bin/sh\n")
    pipx.chmod(0o755)
    return tmp_path


def test_a_workflow_checks_builds_and_pushes_from_the_default_branch_alone(
    registry: str, prefix: str, home: Path
) -> None:
    folder, place = home / "project", f"{registry}/{prefix}/lab"
    folder.mkdir()
    (folder / "mlspec.yaml").write_text(SPEC % (registry, prefix))
    (folder / "main.py").write_text("print(1)\n")
    subprocess.run([sys.executable, "-m", "mlspec", "render"], cwd=folder, check=True, capture_output=True)
    for words in (["init", "--quiet", "--initial-branch=main"], ["add", "--all"], ["commit", "--quiet", "-m", "one"]):
        subprocess.run([*GIT, *words], cwd=folder, check=True)
    commit = subprocess.run([*GIT, "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True).stdout
    tags = (place, f"{place}:cache", f"{place}:{commit.strip()}")

    inspect = ("docker", "buildx", "imagetools", "inspect")
    subprocess.run([*GIT, "switch", "--quiet", "--create", "other"], cwd=folder, check=True)
    act(folder, "other")
    assert [subprocess.run([*inspect, tag], capture_output=True).returncode for tag in tags] == [1, 1, 1]

    subprocess.run([*GIT, "switch", "--quiet", "main"], cwd=folder, check=True)
    said = act(folder, "main")
    assert [subprocess.run([*inspect, tag], capture_output=True).returncode for tag in tags] == [0, 0, 0]
    assert f"image={place}@sha256:" in said
    assert "mlspec check --strict --format github" in said
