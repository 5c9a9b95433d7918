"""Tests that the engine's own linter finds nothing in generated Dockerfiles; it resolves more than other linters."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support import places

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

DRAWN = sorted(places.DRAWN.glob("*.Dockerfile"))
EXAMPLES = sorted((places.PROJECT / "specs").rglob("*Dockerfile"))
_IMAGE = r"^(FROM (?:--\S+ )?)\S+( AS (?:python|native|former))$"


@pytest.mark.parametrize("path", [*DRAWN, *EXAMPLES], ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_engine_warns_of_nothing(path: Path, tmp_path: Path) -> None:
    # The images do not exist in any registry, and the linter does not need their contents.
    text = re.sub(_IMAGE, r"\1scratch\2", path.read_text(encoding="utf-8"), flags=re.M)
    text = re.sub(r"--from=\S+:\S+", "--from=python", text)
    (tmp_path / "Dockerfile").write_text(text, encoding="utf-8")
    command = ["docker", "buildx", "build", "--check", "--progress=plain", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert "Check complete, no warnings found." in done.stdout + done.stderr, done.stdout + done.stderr
