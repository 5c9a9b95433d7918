"""Snapshots of `mlspec init` for whole projects, ``projects/NAME.files``: the spec and the output."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from mlspec.advice.draft import draft_spec
from mlspec.host.files.survey import survey_folder
from mlspec.spec import schema
from tests.support import command, editor
from tests.support.golden import Golden

VALIDATOR = Draft202012Validator(schema.schema())
PROJECTS = sorted((Path(__file__).parent / "projects").glob("*.files"))


def unpacked(project: Path, folder: Path) -> Path:
    """Write the files of a project to a folder and return it. Each file follows a heading like that of head(1)."""
    _, *parts = re.split(r"^==> (.+) <==\n", project.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for path, text in zip(parts[::2], parts[1::2], strict=True):
        (folder / project.stem / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / project.stem / path).write_text(text, encoding="utf-8")
    return folder / project.stem


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return command.run(*words, folder=folder)


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.stem)
def test_init_writes_a_spec_and_says_why(project: Path, tmp_path: Path, golden: Golden) -> None:
    folder = unpacked(project, tmp_path)

    done = run(folder, "init")

    assert done.stdout == ""
    assert f"{(folder / 'mlspec.yaml').read_text()}\n{done.stderr}exit code {done.returncode}\n" == golden(
        project.with_suffix(".txt")
    )


def test_no_text_is_left_over() -> None:
    assert {path.stem for path in (Path(__file__).parent / "projects").glob("*.txt")} == {
        path.stem for path in PROJECTS
    }


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.stem)
def test_what_init_writes_has_no_problems(project: Path, tmp_path: Path) -> None:
    folder = unpacked(project, tmp_path)
    (folder / "mlspec.yaml").write_text(draft_spec(survey_folder(folder)).text, encoding="utf-8")

    checked = run(folder, "check", "--strict")

    assert checked.returncode == 0
    assert checked.stderr.startswith("mlspec.yaml: no problems; there is no mlspec.lock")


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.stem)
def test_what_init_writes_pleases_editors(project: Path, tmp_path: Path) -> None:
    read = editor.read(draft_spec(survey_folder(unpacked(project, tmp_path))).text)

    assert VALIDATOR.is_valid(read)
    assert Draft7Validator(schema.schema("7")).is_valid(read)
