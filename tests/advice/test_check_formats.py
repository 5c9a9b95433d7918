"""Tests of ``mlspec check --format``: one document for all specs on stdout, and the exit codes of the text format."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mlspec.cli.check import check


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "good.yaml").write_text("python: 3.13\n")
    (folder / "bad.yaml").write_text("python: 3.13\nbananas: 1\nshm_size: big\n")
    (folder / "worse.yaml").write_text("python: [\n")
    return folder


def checked(*arguments: str) -> Result:
    return CliRunner().invoke(check, arguments)


def test_json_holds_the_problems_of_all_specs() -> None:
    result = checked("--format", "json", "good.yaml", "bad.yaml", "worse.yaml")

    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [(row["file"], row["line"], row["code"]) for row in report["problems"]] == [
        ("bad.yaml", 2, "MLS101"),
        ("bad.yaml", 3, "MLS115"),
        ("worse.yaml", 2, "MLS002"),
    ]
    assert (report["errors"], report["warnings"]) == (3, 0)


@pytest.mark.parametrize("kind", ["json", "sarif", "github"])
def test_the_report_is_all_there_is_on_stdout(kind: str) -> None:
    result = checked("--format", kind, "good.yaml", "-q")

    assert result.exit_code == 0
    assert result.stderr == ""
    assert "bananas" not in result.stdout


@pytest.mark.parametrize("kind", ["json", "sarif", "github"])
def test_a_spec_that_is_not_there_is_part_of_the_report(kind: str) -> None:
    result = checked("--format", kind, "nowhere.yaml")

    assert result.exit_code == 1
    assert "there is no nowhere.yaml" in result.stdout


def test_no_spec_at_all_is_part_of_the_report(project: Path) -> None:
    for path in project.iterdir():
        path.unlink()

    result = checked("--format", "json")

    assert result.exit_code == 1
    assert [row["code"] for row in json.loads(result.stdout)["problems"]] == ["MLS401"]


def test_a_code_host_gets_paths_from_the_root_of_the_repository(project: Path) -> None:
    subprocess.run(["git", "init", "-q", ".."], check=True)

    github, sarif = checked("--format", "github", "bad.yaml"), checked("--format", "sarif", f"{project}/bad.yaml")

    assert github.stdout.startswith("::error file=work/bad.yaml,line=2,")
    place = json.loads(sarif.stdout)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "work/bad.yaml", "uriBaseId": "%SRCROOT%"}


def test_an_unknown_format_is_wrong_usage() -> None:
    result = checked("--format", "xml", "bad.yaml")

    assert result.exit_code == 2
    assert "'text', 'json', 'sarif', 'github'" in result.stderr


def test_a_warning_fails_only_where_that_is_wanted(project: Path) -> None:
    (project / ".dockerignore").write_text("notebooks/\n")

    lenient, strict = checked("--format", "json", "good.yaml"), checked("--format", "json", "--strict", "good.yaml")

    assert (lenient.exit_code, strict.exit_code) == (0, 1)
    assert json.loads(strict.stdout)["warnings"] == 1
