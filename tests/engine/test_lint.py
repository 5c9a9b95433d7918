"""The engine's own linter finds nothing in what is drawn; it also reads what other linters only guess at."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support import places

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

DRAWN = sorted(places.DRAWN.glob("*.Dockerfile"))
EXAMPLES = sorted((places.PROJECT / "specs").glob("*/*Dockerfile"))
_IMAGE = r"^(FROM (?:--\S+ )?)\S+( AS (?:python|native|former))$"


@pytest.mark.parametrize("path", [*DRAWN, *EXAMPLES], ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_engine_warns_of_nothing(path: Path, tmp_path: Path) -> None:
    # The images are nowhere to be pulled from, and what they are does not matter here.
    text = re.sub(_IMAGE, r"\1scratch\2", path.read_text(encoding="utf-8"), flags=re.M)
    text = re.sub(r"--from=\S+:\S+", "--from=python", text)
    (tmp_path / "Dockerfile").write_text(text, encoding="utf-8")
    command = ["docker", "buildx", "build", "--check", "--progress=plain", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert "Check complete, no warnings found." in done.stdout + done.stderr, done.stdout + done.stderr
