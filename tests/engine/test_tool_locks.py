"""A test of a project with a lock of uv: lock it without an index, build and run it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mlspec import api
from mlspec.lock.state import LockOptions
from mlspec.targets import run_script
from mlspec.targets.build_options import BuildOptions
from tests.engine.conftest import PREFIX
from tests.support.index import serving
from tests.support.tool_locks import FOLDER

pytestmark = pytest.mark.engine

SPEC = """\
python: 3.12
name: {name}
requirements: [uv.lock, "--group serve"]
entrypoint: python show.py
"""
SHOW = """\
from importlib.metadata import distributions

import click, tomli_w, waitress

print(*sorted(f"{found.name.lower()}=={found.version}" for found in distributions() if found.name != "pip"))
"""


def test_the_pins_of_a_lock_reach_the_image_and_no_index_is_asked_for_them(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(FOLDER / "uv-groups" / name, tmp_path / name)
    (tmp_path / "mlspec.yaml").write_text(SPEC.format(name=f"{PREFIX}-uv-lock"))
    (tmp_path / "show.py").write_text(SHOW)
    with serving() as index, monkeypatch.context() as blocked:
        blocked.setenv("PIP_INDEX_URL", index.url)
        rendered = api.render(tmp_path / "mlspec.yaml", LockOptions())
        api.write(rendered)
        assert index.requests == []

    command = run_script.build_command(rendered.plans[0], BuildOptions(progress="plain"))
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([tmp_path / "run.sh"], capture_output=True, text=True, check=True)

    assert ran.stdout.replace("_", "-").split() == ["click==8.5.1", "tomli-w==1.2.0", "waitress==3.0.2"]
