"""Tests of the search for the files in a folder that `mlspec import` reads or names."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlspec.host.import_files import find_inputs


@pytest.mark.parametrize(
    ("files", "found"),
    [
        # A single recipe is read like a Dockerfile; one of several images is for a person to choose.
        (("docker/Dockerfile.gpu", "pyproject.toml"), ["docker/Dockerfile.gpu", "pyproject.toml"]),
        (("Dockerfile.cpu", "Dockerfile.gpu", "setup.py"), ["setup.py", "Dockerfile.cpu", "Dockerfile.gpu"]),
        (("Dockerfile", "Dockerfile.dev"), ["Dockerfile", "Dockerfile.dev"]),
        (("cog.yaml", "gpu.Dockerfile"), ["cog.yaml", "gpu.Dockerfile"]),
        (("environment-gpu.yml", "env.yaml"), ["env.yaml", "environment-gpu.yml"]),
        (("requirements/base.txt", "requirements-dev.txt"), ["requirements-dev.txt", "requirements/base.txt"]),
        (("docker/Dockerfile.gpu.dockerignore", "pixi.toml"), ["pixi.toml"]),
    ],
)
def test_all_files_of_other_tools_are_found(tmp_path: Path, files: tuple[str, ...], found: list[str]) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x\n", encoding="utf-8")

    assert [place.relative_to(tmp_path).as_posix() for place in find_inputs(tmp_path)] == found


@pytest.mark.parametrize(("text", "count"), [("import bentoml\n", 1), ("import flask\n", 0)])
def test_a_service_is_read_if_it_is_of_bentoml(tmp_path: Path, text: str, count: int) -> None:
    (tmp_path / "service.py").write_text(text, encoding="utf-8")

    assert len(find_inputs(tmp_path)) == count
