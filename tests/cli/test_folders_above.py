"""Tests of commands in a folder below the spec: they use the nearest spec above, and name it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlspec.host.files import find
from tests.support import command

SERVING = Path(__file__).parents[2] / "specs" / "serving"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a git repository with a rendered spec; the working directory is its folder src/model."""
    folder = shutil.copytree(SERVING, tmp_path / "serving")
    (folder / ".git").mkdir()
    (folder / "src" / "model").mkdir(parents=True)
    monkeypatch.chdir(folder / "src" / "model")
    return folder


def test_a_command_uses_the_nearest_spec_above_and_names_it(project: Path) -> None:
    (project / "run.sh").unlink()

    done = command.run("render", "--locked")

    assert done.stderr.splitlines() == ["using ../../mlspec.yaml", "../../mlspec.yaml: wrote run.sh"]
    assert (project / "run.sh").is_file()


def test_a_proven_answer_names_the_spec_as_well(project: Path) -> None:
    first, second = (command.run("render", "--check").stderr.splitlines() for _ in range(2))

    assert first == second == ["using ../../mlspec.yaml", "../../mlspec.yaml: up to date"]


def test_a_dry_run_prints_the_command_of_the_spec_above(project: Path) -> None:
    done = command.run("run", "--dry-run")

    assert done.stderr == "using ../../mlspec.yaml\n"
    assert done.stdout.startswith("docker run ")


def test_a_nearer_spec_comes_first(project: Path) -> None:
    (project / "src" / "mlspec.yaml").write_text("python: 3.12\n")

    assert find.find_specs() == ["../mlspec.yaml"]


def test_specs_beside_come_before_one_above(project: Path) -> None:
    (project / "src" / "model" / "specs").mkdir()
    (project / "src" / "model" / "specs" / "a.yaml").write_text("python: 3.12\n")

    assert find.find_specs() == ["specs/a.yaml"]


def test_the_search_ends_at_the_root_of_the_repository(project: Path) -> None:
    inner = project / "src" / "model"
    (inner / ".git").mkdir()

    done = command.run("check")

    assert done.returncode == 1
    assert "there is no mlspec.yaml here or in a folder above" in done.stderr


def test_the_search_ends_at_a_folder_that_everybody_may_write_to(project: Path) -> None:
    project.chmod(0o1777)

    with pytest.raises(FileNotFoundError):
        find.find_specs()


def test_a_folder_of_another_owner_is_not_searched(project: Path) -> None:
    own = Path().stat().st_uid

    assert (find._is_trusted("..", own), find._is_trusted("..", own + 1)) == (True, False)
