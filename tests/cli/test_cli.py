"""Tests of all commands: their lines in the help, and their exit after an interrupt."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mlspec import cli as entry
from mlspec.cli import quick
from mlspec.cli.app import cli

COMMANDS = cli.list_commands(click.Context(cli))


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_the_help_cuts_no_sentence(columns: int) -> None:
    said = CliRunner().invoke(cli, ["--help"], terminal_width=columns).stdout

    sentences = re.split(r"\n  (?=[a-z])", said.partition("Commands:")[2])[1:]
    assert len(sentences) == len(COMMANDS)
    assert [sentence for sentence in sentences if not re.search(r"[^.]\.\s*$", sentence)] == []


def test_the_help_has_a_line_for_each_command_on_a_common_terminal() -> None:
    said = CliRunner().invoke(cli, ["--help"], terminal_width=80).stdout

    assert len(said.partition("Commands:\n")[2].splitlines()) == len(COMMANDS)


def test_who_asks_for_help_in_a_word_is_shown_the_option() -> None:
    assert "see: mlspec --help" in CliRunner().invoke(cli, ["help"]).stderr


@pytest.mark.parametrize("name", ["build", "run", "shell", "sbom", "export conda"])
@pytest.mark.parametrize("spec", ["project", "project/mlspec.yaml"])
def test_a_spec_in_the_place_of_an_image_is_told_how_to_be_named(
    name: str, spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "mlspec.yaml").write_text("python: 3.12\n")
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(cli, [*name.split(), spec])

    assert done.exit_code == 2
    assert f"to name the spec: mlspec {name} -f {spec}" in done.stderr


def test_an_image_is_one_whatever_folder_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "mlspec.yaml").write_text("python: 3.12\n")
    (tmp_path / "mlspec.yaml").write_text("python: 3.12\nimages: {train: {}, serve: {}}\n")
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(cli, ["run", "--dry-run", "train"])

    assert "to name the spec" not in done.stderr


def test_layers_are_compressed_for_a_push_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["build", "--compression", "zstd"])

    assert done.exit_code == 2
    assert "--compression zstd is for pushed images: add --push" in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_an_interrupted_command_says_so_and_exits_130(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command = cli.get_command(click.Context(cli), name)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "callback", interrupted)
    argument = {"completion": ["bash"], "import": ["cog.yaml"], "export": ["conda"]}
    done = CliRunner().invoke(cli, [name, *argument.get(name, [])])

    assert (done.exit_code, done.stderr) == (130, "interrupted\n")


def test_an_interrupt_before_a_command_begins_is_told_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(quick, "answer_from_proofs", interrupted)

    with pytest.raises(SystemExit) as left:
        entry.main()

    assert (left.value.code, capsys.readouterr().err) == (130, "interrupted\n")
