"""Tests of `mlspec import`: the written files, the report, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import command

COG = 'build:\n  python_version: "3.12"\n  system_packages: [ffmpeg]\n'


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    done = command.run("import", *words, folder=folder)
    return done.returncode, done.stdout, done.stderr


def test_an_import_that_loses_nothing_ends_well(tmp_path: Path) -> None:
    (tmp_path / "cog.yaml").write_text(COG)

    code, report, _ = run(tmp_path, "cog.yaml")

    assert code == 0
    assert report.endswith("3 lines: 3 carried\n")
    assert "apt:\n  - ffmpeg\n" in (tmp_path / "mlspec.yaml").read_text()


def test_a_line_that_is_lost_is_told_by_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "cog.yaml").write_text(f"{COG}train: train.py:train\n")

    assert run(tmp_path, "cog.yaml")[0] == 1


@pytest.mark.parametrize(("words", "code"), [((), 1), (("--yes",), 0), (("--yes", "--strict"), 1)])
def test_unsure_lines_are_comments_that_yes_accepts(tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    (tmp_path / "requirements.txt").write_text("six\n${TOOL}\n")

    assert run(tmp_path, "requirements.txt", *words)[0] == code
    assert "# TODO requirements.txt:2: ${TOOL}: " in (tmp_path / "mlspec.yaml").read_text()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "cog.yaml").write_text(COG)
    (tmp_path / "mlspec.yaml").write_text("python: 3.13\n")

    code, _, said = run(tmp_path, "cog.yaml")

    assert code == 1
    assert said.startswith("MLS408: mlspec.yaml already exists")
    assert (tmp_path / "mlspec.yaml").read_text() == "python: 3.13\n"


def test_a_spec_of_another_name_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "cog.yaml").write_text(COG)

    run(tmp_path, "cog.yaml", "--into", "train.yaml")

    assert (tmp_path / "train.yaml").is_file()
    assert not (tmp_path / "mlspec.yaml").exists()


def test_requirements_with_comments_become_a_file(tmp_path: Path) -> None:
    (tmp_path / "cog.yaml").write_text(
        'build:\n  python_version: "3.12"\n  python_packages:\n    # why\n    - six # x\n'
    )

    run(tmp_path, "cog.yaml")

    assert (tmp_path / "requirements.in").read_text() == "# why\nsix  # x\n"
    assert "requirements: requirements.in\n" in (tmp_path / "mlspec.yaml").read_text()


def test_json_has_every_line(tmp_path: Path) -> None:
    (tmp_path / "cog.yaml").write_text(f"# a\n\n{COG}")

    found = json.loads(run(tmp_path, "cog.yaml", "--format", "json")[1])

    assert [row["line"] for row in found["lines"]] == [1, 2, 3, 4, 5]
    assert found["sum"]["carried"] == 3
    assert found["files"] == ["mlspec.yaml"]


def test_a_command_is_imported_behind_two_dashes(tmp_path: Path) -> None:
    code, report, _ = run(tmp_path, "--", "docker", "run", "--rm", "-p", "8000:8000", "-e", "MODE=fast", "x", "ls")

    assert code == 0
    assert "docker run:1  --publish 8000:8000  carried  ports: 8000:8000\n" in report
    assert "command: [ls]\n" in (tmp_path / "mlspec.yaml").read_text()


def test_of_a_folder_the_file_that_makes_the_image_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    (tmp_path / "cog.yaml").write_text(COG)
    (tmp_path / "setup.py").write_text("")

    _, report, _ = run(tmp_path, ".")

    assert "cog.yaml:2" in report
    assert "setup.py" in report


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_every_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "cog.yaml").write_bytes(COG.replace("\n", "\r\n").encode(encoding))

    assert run(tmp_path, "cog.yaml")[0] == 0


def test_a_file_that_cannot_be_read_is_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "cog.yaml").write_bytes(b"build: \xff\xfe\xfa")

    code, _, said = run(tmp_path, "cog.yaml", "missing.yaml")

    assert code == 1
    assert "cog.yaml:1:8: MLS001: this file is not UTF-8 text" in said
    assert not (tmp_path / "mlspec.yaml").exists()
