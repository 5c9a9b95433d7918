"""Tests of two folders with one image name on one engine: each runs its own image, or reports the conflict."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine", "registry")]


def mlspec(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MLSPEC_CACHE_DIR": str(folder.parent.parent / "cache")}
    command = [sys.executable, "-m", "mlspec", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_a_run_never_starts_the_image_of_a_folder_with_the_same_name(workshop: Path, prefix: str) -> None:
    folders = [workshop / "owners" / name / f"{prefix}-owner" for name in ("first", "second")]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "mlspec.yaml").write_text("python: 3.12\nentrypoint: python main.py\n")
        (folder / "main.py").write_text(f"print('from {folder.parent.name}')\n")
        built = mlspec(folder, "build", "-q")
        assert built.returncode == 0, built.stderr

    refused = mlspec(folders[0], "run")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert f"was last built in {folders[1]}, not in this folder" in refused.stderr

    assert mlspec(folders[0], "build", "-q").returncode == 0  # as in the hint
    assert mlspec(folders[0], "run").stdout == "from first\n"


def test_the_run_script_refuses_an_image_of_another_spec(workshop: Path, prefix: str) -> None:
    folder = workshop / "scripts" / "own" / f"{prefix}-script"
    folder.mkdir(parents=True)
    spec = folder / "mlspec.yaml"
    spec.write_text("python: 3.12\nentrypoint: echo ours\n")
    assert mlspec(folder, "build", "-q").returncode == 0
    assert subprocess.run(["./run.sh"], cwd=folder, capture_output=True, text=True).stdout == "ours\n"

    spec.write_text("python: 3.12\nentrypoint: echo another\n")
    refused = subprocess.run(["./run.sh"], cwd=folder, capture_output=True, text=True)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "the image was built from another spec" in refused.stderr
